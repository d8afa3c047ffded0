"""The Lanczos recurrence, with every new vector orthogonalised twice against all earlier ones."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.errors import CurvatureError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tridiagonal:
    """Orthonormal Krylov basis Q and T = Q^T A Q, which is tridiagonal."""

    diagonal: Array  # [m]
    off_diagonal: Array  # [m - 1]
    basis: Tensor  # [m, P], rows
    rest: float  # norm of what A maps out of the basis; 0 if the basis is invariant

    @property
    def steps(self) -> int:
        """m, fewer than asked for if the Krylov space ended."""
        return len(self.diagonal)

    @property
    def orthogonality(self) -> float:
        """Largest absolute entry of Q Q^T - I."""
        gram = self.basis @ self.basis.mT
        gram.diagonal().sub_(1)
        return float(gram.abs().max())

    def ritz(self) -> tuple[Array, Array, Array]:
        """Give Ritz values ``[m]`` ascending, their weights ``[m]`` and residual norms ``[m]``.

        The weight is the square of the start vector's component along the Ritz vector.
        """
        values, vectors = scipy.linalg.eigh_tridiagonal(self.diagonal, self.off_diagonal)
        return values, vectors[0] ** 2, self.rest * np.abs(vectors[-1])


def tridiagonalise(
    product: Callable[[Tensor], Tensor], start: Tensor, *, steps: int
) -> Tridiagonal:
    """Run at most ``steps`` steps of Lanczos from ``start`` ``[P]``.

    Raises
    ------
    CurvatureError
        If a product is not finite or ``start`` is zero.
    """
    size = start.numel()
    norm = float(start.norm())
    if not 0 < norm < float("inf") or steps < 1:
        raise CurvatureError(
            f"Lanczos got a start of norm {norm} and {steps} steps; expected a finite non-zero "
            "vector and at least one step."
        )
    steps = min(steps, size)
    basis = start.new_empty(steps, size)
    basis[0] = start / norm
    diagonal: list[float] = []
    off_diagonal: list[float] = []
    scale = 0.0
    for step in range(steps):
        vector = product(basis[step])
        reached = float(vector.norm())
        if not np.isfinite(reached):
            raise CurvatureError(f"product {step} of Lanczos holds NaN or infinity.")
        scale = max(scale, reached)
        diagonal.append(float(basis[step] @ vector))
        known = basis[: step + 1]
        for _ in range(2):
            vector = vector - (known @ vector) @ known
        rest = float(vector.norm())
        # what is left is rounding: the Krylov space is invariant and Lanczos is exact
        if rest <= 10 * size**0.5 * torch.finfo(start.dtype).eps * scale:
            return _finish(diagonal, off_diagonal, basis[: step + 1], 0.0)
        if step + 1 < steps:
            off_diagonal.append(rest)
            basis[step + 1] = vector / rest
    return _finish(diagonal, off_diagonal, basis, rest)


def _finish(diagonal: list[float], off: list[float], basis: Tensor, rest: float) -> Tridiagonal:
    return Tridiagonal(np.array(diagonal), np.array(off), basis, rest)
