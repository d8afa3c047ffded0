"""Inertia of a symmetric matrix at a tolerance: by eigenvalues, and by LDL^T without them.

By Sylvester's law of inertia the factor D of A - s I = L D L^T has as many negative eigenvalues
as A has below s, so two factorisations, at s = -tolerance and s = +tolerance, count the negative,
zero and positive ones. That is Bunch and Kaufman's dsytrf, whose D has blocks of 1 x 1 and 2 x 2.
"""

from dataclasses import dataclass, field

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from unstuck.errors import CurvatureError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Inertia:
    """Numbers of eigenvalues below, within and above a tolerance around zero.

    ``gap`` is the distance of the eigenvalue nearest to -tolerance or +tolerance: no symmetric
    perturbation of smaller spectral norm changes the counts (Weyl). Where it is below ``rounding``,
    the size of rounding errors, the counts are not certain.
    """

    negative: int
    zero: int
    positive: int
    tolerance: float
    gap: float
    rounding: float = field(default=0.0)

    @property
    def certain(self) -> bool:
        """Whether rounding cannot have moved an eigenvalue across the tolerance."""
        return self.gap > self.rounding

    @property
    def counts(self) -> dict[str, int]:
        """The three numbers by name."""
        return {"negative": self.negative, "zero": self.zero, "positive": self.positive}

    @property
    def size(self) -> int:
        """P."""
        return self.negative + self.zero + self.positive

    @property
    def minimum_ratio(self) -> float:
        """Share of positive eigenvalues."""
        return self.positive / self.size


def inertia_of_eigenvalues(
    eigenvalues: Array, *, relative_tolerance: float, precision: type = np.float64
) -> Inertia:
    """Count the signs of ``eigenvalues`` ``[P]``.

    Parameters
    ----------
    relative_tolerance
        Tolerance in units of the largest absolute eigenvalue; 0 counts bare signs.
    precision
        Type that the matrix was computed in; sets ``Inertia.rounding``.
    """
    _require_tolerance(relative_tolerance)
    values = _require_finite(np.asarray(eigenvalues, dtype=np.float64))
    largest = float(np.abs(values).max(initial=0.0))
    tolerance = relative_tolerance * largest
    negative, positive = int((values < -tolerance).sum()), int((values > tolerance).sum())
    gap = float(np.abs(np.abs(values) - tolerance).min())
    return Inertia(
        negative,
        len(values) - negative - positive,
        positive,
        tolerance,
        gap,
        _rounding(len(values), largest, precision),
    )


def inertia_by_ldl(matrix: Array, *, relative_tolerance: float) -> Inertia:
    """Count the signs of the eigenvalues of a symmetric ``matrix`` ``[P, P]`` by LDL^T.

    Parameters
    ----------
    relative_tolerance
        Tolerance in units of the largest absolute eigenvalue. It must be positive: a factorisation
        cannot tell an exact zero from rounding.

    Raises
    ------
    CurvatureError
        If the tolerance is not in (0, 1), or the matrix is not square, symmetric and finite.
    """
    _require_tolerance(relative_tolerance)
    if relative_tolerance == 0:
        raise CurvatureError(
            "relative_tolerance is 0; LDL^T needs a positive one to tell zeros from rounding "
            "(1e-10, say), or count with inertia_of_eigenvalues."
        )
    matrix = _require_symmetric(matrix)
    size = len(matrix)
    largest = spectral_norm(matrix)
    tolerance = relative_tolerance * largest
    if largest == 0:
        return Inertia(0, size, 0, 0.0, 0.0)
    below, nearest_below = _count_below(matrix, -tolerance)
    below_positive, nearest_above = _count_below(matrix, tolerance)
    return Inertia(
        below,
        below_positive - below,
        size - below_positive,
        tolerance,
        min(nearest_below, nearest_above),
        _rounding(size, largest, np.float64),
    )


def spectral_norm(matrix: Array) -> float:
    """Largest absolute eigenvalue of a symmetric matrix, to a relative 1e-6, by Lanczos."""
    if len(matrix) < _SMALL:
        return float(np.abs(np.linalg.eigvalsh(matrix)).max(initial=0.0))
    if not matrix.any():
        return 0.0
    multiply = scipy.linalg.blas.dsymv
    product = LinearOperator(
        matrix.shape, matvec=lambda v: multiply(1.0, matrix.T, v, lower=1), dtype=np.float64
    )
    return float(abs(eigsh(product, 1, which="LM", tol=1e-6, v0=_start(len(matrix)))[0][0]))


_SMALL = 16
# rows that are held against their columns at once: few enough to stay in cache
_STRIP = 64


def _count_below(matrix: Array, shift: float) -> tuple[int, float]:
    """Count the eigenvalues below ``shift`` and find the distance of the nearest one to it."""
    shifted = matrix.T.copy(order="F")
    shifted[np.diag_indices(len(matrix))] -= shift
    factor, pivots, info = scipy.linalg.lapack.dsytrf(
        shifted, lower=1, lwork=_workspace(len(matrix)), overwrite_a=1
    )
    if info < 0:
        raise CurvatureError(f"dsytrf refused its argument {-info}; expected a finite matrix.")
    if info > 0:
        # an exactly singular block: an eigenvalue lies on the shift itself
        return _negative_pivots(factor, pivots), 0.0
    return _negative_pivots(factor, pivots), _distance(factor, pivots)


def _workspace(size: int) -> int:
    """Best workspace of dsytrf; scipy's own default is several times slower."""
    return int(scipy.linalg.lapack.dsytrf_lwork(size, lower=1)[0])


def _negative_pivots(factor: Array, pivots: NDArray[np.int32]) -> int:
    """Negative eigenvalues of D; a 2 x 2 block has its two pivots negative and equal."""
    diagonal = np.diagonal(factor)
    single = pivots > 0
    count = int((diagonal[single] < 0).sum())
    first = np.flatnonzero(~single)[::2]
    a, b, c = diagonal[first], factor[first + 1, first], diagonal[first + 1]
    mean, radius = 0.5 * (a + c), np.hypot(0.5 * (a - c), b)
    return count + int((mean - radius < 0).sum()) + int((mean + radius < 0).sum())


def _distance(factor: Array, pivots: NDArray[np.int32]) -> float:
    """Smallest absolute eigenvalue of the factorised matrix, by Lanczos on its inverse."""
    size = len(factor)

    def solve(v: Array) -> Array:
        solution: Array = scipy.linalg.lapack.dsytrs(factor, pivots, v, lower=1)[0]
        return solution.ravel()

    if size < _SMALL:
        inverse = np.stack([solve(row) for row in np.eye(size)])
        return float(1 / np.abs(np.linalg.eigvalsh(0.5 * (inverse + inverse.T))).max())
    inverse = LinearOperator((size, size), matvec=solve, dtype=np.float64)
    try:
        found = eigsh(inverse, 1, which="LM", tol=1e-2, v0=_start(size), ncv=12, maxiter=20)[0]
    except ArpackNoConvergence as error:
        found = error.eigenvalues
    return float(1 / np.abs(found).max()) if len(found) else 0.0


def _start(size: int) -> Array:
    return np.random.default_rng([size, 0]).standard_normal(size)


def _rounding(size: int, largest: float, precision: type) -> float:
    """Typical error of a computed eigenvalue: machine epsilon times sqrt(P) times the norm."""
    return float(np.finfo(precision).eps) * float(np.sqrt(size)) * largest


def _require_tolerance(relative_tolerance: float) -> None:
    if not 0 <= relative_tolerance < 1:
        raise CurvatureError(
            f"relative_tolerance is {relative_tolerance}; it must be in [0, 1), in units of the "
            "largest absolute eigenvalue."
        )


def _require_finite(values: Array) -> Array:
    if not np.isfinite(values).all():
        raise CurvatureError(
            "the spectrum holds NaN or infinity; take a point from before the run diverged."
        )
    return values


def _skew(matrix: Array, first: int) -> float:
    """Largest difference of a strip of rows from the same columns, from the diagonal on."""
    strip = slice(first, first + _STRIP)
    return float(np.abs(matrix[strip, first:] - matrix[first:, strip].T).max())


def _require_symmetric(matrix: Array) -> Array:
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise CurvatureError(f"the matrix has shape {matrix.shape}; expected [P, P].")
    _require_finite(matrix)
    skew = max(_skew(matrix, first) for first in range(0, len(matrix), _STRIP))
    if skew > 1e-8 * float(np.abs(matrix).max()):
        raise CurvatureError(
            f"the matrix differs from its transpose by {skew:.3g}; expected a symmetric one."
        )
    return matrix
