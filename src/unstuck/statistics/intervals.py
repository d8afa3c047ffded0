"""Confidence intervals of a mean over units, as figures show them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError

LEVEL = 0.95
RESAMPLES = 9_999
# streams of random numbers drawn in this module: np.random.default_rng([seed, stream])
BOOTSTRAP_STREAM = (0, 7001)
# a spread below this share of the largest value is rounding, not variation between seeds
CONSTANT_SPREAD = 1e-12


@dataclass(frozen=True)
class Interval:
    """A closed interval ``[low, high]``."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Tell whether ``value`` lies in the interval, ends included."""
        return self.low <= value <= self.high


def finite_array(values: Sequence[float] | NDArray[np.float64], what: str) -> NDArray[np.float64]:
    """Give ``values`` as a flat float64 array.

    Raises
    ------
    DataError
        If there are none, or one of them is not finite.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    if array.size == 0:
        raise DataError(f"{what}: no values were given; at least one is needed.")
    broken = np.flatnonzero(~np.isfinite(array))
    if broken.size:
        raise DataError(f"{what}: value {broken[0]} is {array[broken[0]]}; all must be finite.")
    return array


def is_constant(values: NDArray[np.float64]) -> bool:
    """Tell whether the values differ by no more than rounding."""
    return bool(np.ptp(values) <= CONSTANT_SPREAD * np.abs(values).max())


def bootstrap_interval(
    values: Sequence[float] | NDArray[np.float64],
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Interval:
    """Give the bootstrap interval of the mean: BCa, or percentile where BCa is undefined.

    The resampling is seeded and the values are sorted, so that the interval depends on the values
    alone and not on the order of rows in a table.

    Parameters
    ----------
    values : array_like of shape [N]
        One value per seed.
    level : float
        Confidence level.
    resamples : int
        Number of bootstrap samples.

    Returns
    -------
    Interval
        Of zero width for constant values; unbounded for a single value.

    References
    ----------
    Efron, B. (1987). Better bootstrap confidence intervals. JASA 82, 171-185.
    """
    from scipy import stats

    array = np.sort(finite_array(values, "bootstrap interval"))
    if array.size == 1:
        return Interval(-np.inf, np.inf)
    if is_constant(array):
        return Interval(float(array[0]), float(array[-1]))
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            # a degenerate BCa warns and gives nan, which is handled below
            warnings.simplefilter("ignore")
            ends = stats.bootstrap(
                (array,),
                np.mean,
                n_resamples=resamples,
                confidence_level=level,
                method=method,
                random_state=np.random.default_rng(BOOTSTRAP_STREAM),
            ).confidence_interval
        if np.isfinite(ends.low) and np.isfinite(ends.high):
            break
    return Interval(float(ends.low), float(ends.high))
