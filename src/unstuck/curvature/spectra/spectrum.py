"""Full spectra of dense curvature matrices."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature import PARAMETER_LIMIT
from unstuck.curvature.hessian import dense
from unstuck.curvature.objective import Objective, finite
from unstuck.curvature.spectra.inertia import Inertia, inertia_of_eigenvalues
from unstuck.errors import CurvatureError


@dataclass(frozen=True)
class Spectrum:
    """All eigenvalues of a symmetric matrix."""

    eigenvalues: NDArray[np.float64]  # [P], ascending
    precision: type  # of the matrix and the solver

    @property
    def lambda_min(self) -> float:
        """Smallest eigenvalue."""
        return float(self.eigenvalues[0])

    @property
    def lambda_max(self) -> float:
        """Largest eigenvalue."""
        return float(self.eigenvalues[-1])

    @property
    def trace(self) -> float:
        """Sum of the eigenvalues."""
        return float(self.eigenvalues.sum())

    def inertia(self, relative_tolerance: float) -> Inertia:
        """Count signs at a tolerance in units of the largest absolute eigenvalue."""
        return inertia_of_eigenvalues(
            self.eigenvalues, relative_tolerance=relative_tolerance, precision=self.precision
        )


def spectrum(objective: Objective, *, limit: int = PARAMETER_LIMIT) -> Spectrum:
    """Give all eigenvalues of the Hessian, in the precision of the objective's parameters.

    Examples
    --------
    >>> import numpy, unstuck
    >>> network = unstuck.Network(unstuck.NetworkSpec(hidden=(2,)), (3,), classes=2)
    >>> x, y = numpy.eye(3), numpy.array([0, 1, 1])
    >>> problem = unstuck.Problem(
    ...     network=network, theta=network.initial(0), x=x, y=y, loss="cross_entropy"
    ... )
    >>> inertia = unstuck.spectrum(problem).inertia(relative_tolerance=1e-6)
    >>> inertia.negative + inertia.zero + inertia.positive, inertia.certain
    (14, True)

    Raises
    ------
    CurvatureError
        If the objective has more than ``limit`` parameters, or its Hessian is not finite.
    """
    return spectrum_of(dense.hessian(objective, limit=limit))


def spectrum_of(matrix: Tensor) -> Spectrum:
    """Give all eigenvalues of a symmetric matrix ``[P, P]``, in its own precision.

    Raises
    ------
    CurvatureError
        If it is not square and finite.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise CurvatureError(f"the matrix has shape {tuple(matrix.shape)}; expected [P, P].")
    finite("the matrix", matrix)
    precision = np.float32 if matrix.dtype == torch.float32 else np.float64
    return Spectrum(_eigenvalues(matrix), precision)


def _eigenvalues(matrix: Tensor) -> NDArray[np.float64]:
    """Give the eigenvalues, ascending, where the matrix lies."""
    if matrix.device.type == "cpu":
        # numpy's LAPACK needs less memory bandwidth than that of torch, and jobs share it
        return np.asarray(np.linalg.eigvalsh(matrix.numpy()), dtype=np.float64)
    return np.asarray(torch.linalg.eigvalsh(matrix).double().cpu())
