"""Inertia of a symmetric matrix at a tolerance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import CurvatureError


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
    rounding: float

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
    eigenvalues: NDArray[np.float64], *, relative_tolerance: float, precision: type = np.float64
) -> Inertia:
    """Count the signs of ``eigenvalues`` ``[P]``.

    Parameters
    ----------
    relative_tolerance
        Tolerance in units of the largest absolute eigenvalue; 0 counts bare signs.
    precision
        Type that the matrix was computed in; sets ``Inertia.rounding``.

    Raises
    ------
    CurvatureError
        If the tolerance is not in [0, 1), or an eigenvalue not finite.
    """
    if not 0 <= relative_tolerance < 1:
        raise CurvatureError(
            f"relative_tolerance is {relative_tolerance}; it must be in [0, 1), in units of the "
            "largest absolute eigenvalue."
        )
    values = np.asarray(eigenvalues, dtype=np.float64)
    if not np.isfinite(values).all():
        raise CurvatureError(
            "the spectrum holds NaN or infinity; take a point from before the run diverged."
        )
    largest = float(np.abs(values).max(initial=0.0))
    tolerance = relative_tolerance * largest
    negative, positive = int((values < -tolerance).sum()), int((values > tolerance).sum())
    return Inertia(
        negative,
        len(values) - negative - positive,
        positive,
        tolerance,
        gap=float(np.abs(np.abs(values) - tolerance).min()),
        # a typical error of a computed eigenvalue
        rounding=float(np.finfo(precision).eps) * float(np.sqrt(len(values))) * largest,
    )
