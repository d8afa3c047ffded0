"""Extreme eigenpairs from products alone, by Lanczos with full re-orthogonalisation.

A Krylov basis that loses orthogonality repeats converged eigenvalues ("ghosts", Paige 1971), and
power iteration sees only the largest absolute eigenvalue, so that negative ones stay hidden. Both
ends are asked for by name here: ARPACK's implicitly restarted Lanczos (Lehoucq, Sorensen and Yang
1998) keeps its basis orthogonal, and every pair comes back with the residual that was measured.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from unstuck.curvature.hessian import dense
from unstuck.curvature.objective import Objective
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError

Array = NDArray[np.float64]

DENSE_LIMIT = 4_000
"""Parameters up to which forming the Hessian layer by layer is cheaper than its products."""


@dataclass(frozen=True)
class Eigenpairs:
    """Extreme eigenpairs of a Hessian.

    A pair has converged if its residual is at most ``tolerance`` times the largest absolute
    eigenvalue found; by symmetry, an eigenvalue of the Hessian then lies that near to it.
    """

    values: Array  # [k], ascending: the lowest, then the highest
    vectors: Array  # [P, k], orthonormal columns
    residuals: Array  # [k], norm of H v - value v
    tolerance: float
    products: int  # Hessian-vector products used; 0 if the Hessian was formed

    @property
    def scale(self) -> float:
        """Largest absolute eigenvalue found."""
        return float(np.abs(self.values).max())

    @property
    def converged(self) -> bool:
        """Whether every pair has converged."""
        return bool((self.residuals <= self.tolerance * self.scale).all())


def extreme_eigenpairs(
    objective: Objective,
    *,
    generator: np.random.Generator,
    lowest: int = 0,
    highest: int = 0,
    tolerance: float = 1e-8,
    restarts: int = 300,
    formed: int = DENSE_LIMIT,
) -> Eigenpairs:
    """Find the ``lowest`` and ``highest`` eigenvalues of the Hessian, counted with multiplicity.

    Parameters
    ----------
    generator
        Draws the first vector of the Krylov space.
    tolerance
        Residual at which a pair has converged, in units of the largest absolute eigenvalue.
    restarts
        Restarts of ARPACK after which it gives what it has.
    formed
        Parameters up to which the Hessian is formed where the layerwise route makes that cheap.

    Examples
    --------
    >>> import numpy, unstuck
    >>> network = unstuck.Network(unstuck.NetworkSpec(hidden=(2,)), (3,), classes=2)
    >>> x, y = numpy.eye(3), numpy.array([0, 1, 1])
    >>> problem = unstuck.Problem(
    ...     network=network, theta=network.initial(0), x=x, y=y, loss="cross_entropy"
    ... )
    >>> generator = numpy.random.default_rng(0)
    >>> pairs = unstuck.extreme_eigenpairs(problem, generator=generator, lowest=1, highest=1)
    >>> pairs.converged, bool(pairs.values[0] < pairs.values[1])
    (True, True)

    Raises
    ------
    CurvatureError
        If no eigenvalue is asked for or more than P, or the tolerance is not in (0, 1).
    """
    size = objective.theta.numel()
    if min(lowest, highest) < 0 or not 0 < lowest + highest <= size:
        raise CurvatureError(
            f"lowest is {lowest} and highest {highest}; expected counts of 0 or more that sum to "
            f"1 to {size}, the number of parameters."
        )
    if not 0 < tolerance < 1:
        raise CurvatureError(f"tolerance is {tolerance}; it must be in (0, 1).")
    operator = _Operator(objective, formed)
    if lowest + highest > size // 4:
        # ARPACK needs room for its Krylov space, and a whole decomposition is no dearer here
        values, vectors = np.linalg.eigh(dense.hessian(objective).double().cpu().numpy())
        operator.products = 0
    else:
        start = generator.standard_normal(size)
        count, which = max(lowest, highest), "LA" if highest else "SA"
        if lowest and highest:
            count, which = 2 * count, "BE"
        values, vectors = _searched(operator, start, count, which, tolerance, restarts)
    chosen = np.r_[0:lowest, len(values) - highest : len(values)]
    values, vectors = values[chosen], np.ascontiguousarray(vectors[:, chosen])
    residuals = np.linalg.norm(operator.apply(vectors) - vectors * values, axis=0)
    return Eigenpairs(values, vectors, residuals, tolerance, operator.products)


class _Operator:
    """The Hessian as a product of numpy arrays, counted."""

    def __init__(self, objective: Objective, formed: int) -> None:
        self._objective = objective
        self.size = objective.theta.numel()
        self.products = 0
        self._matrix: Array | None = None
        if isinstance(objective, Problem) and dense.is_layerwise(objective) and self.size <= formed:
            self._matrix = dense.hessian(objective).double().cpu().numpy()

    def apply(self, columns: Array) -> Array:
        """Multiply ``[P]`` or ``[P, M]``."""
        if self._matrix is not None:
            if columns.ndim == 1:
                half: Array = scipy.linalg.blas.dsymv(1.0, self._matrix.T, columns, lower=1)
                return half
            return self._matrix @ columns
        self.products += 1 if columns.ndim == 1 else columns.shape[1]
        rows = torch.from_numpy(np.ascontiguousarray(columns.T)).to(self._objective.theta)
        product: Array = self._objective.hessian_product(rows).double().cpu().numpy().T
        if not np.isfinite(product).all():
            raise CurvatureError(
                "a Hessian-vector product holds NaN or infinity; take a point from before the "
                "run diverged."
            )
        return product


def _searched(
    operator: _Operator, start: Array, count: int, which: str, tolerance: float, restarts: int
) -> tuple[Array, Array]:
    """Ask ARPACK for values, ascending, and vectors; one Krylov space serves both ends ("BE")."""
    if not operator.apply(start).any():
        # only a Hessian of zeros takes a random vector to nothing, and ARPACK takes none
        return np.zeros(count), np.eye(operator.size, count)
    product = LinearOperator((operator.size,) * 2, matvec=operator.apply, dtype=np.float64)
    try:
        values, vectors = eigsh(
            product,
            count,
            which=which,
            tol=tolerance,
            v0=start,
            ncv=min(operator.size, max(4 * count, 40)),
            maxiter=restarts,
        )
    except ArpackNoConvergence as error:
        raise CurvatureError(
            f"Lanczos found {len(error.eigenvalues)} of {count} eigenpairs to {tolerance} within "
            f"{restarts} restarts; raise `restarts` or `tolerance`."
        ) from error
    order = np.argsort(values)
    return values[order], vectors[:, order]
