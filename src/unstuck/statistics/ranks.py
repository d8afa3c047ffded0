"""Correlation of ranks, of values and over resampled units."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError
from unstuck.statistics.estimate import LEVEL, Estimate
from unstuck.statistics.race import CONSTANT_SPREAD, RESAMPLES, Percentiles, constant, unit_weights

Array = NDArray[np.float64]


def rank_correlation(x: Array, y: Array) -> Array:
    """Give Spearman's correlation of ``[N]`` and ``[..., N]``, as ``[...]``.

    It is 0 where one of the two is constant and shows no trend.
    """
    from scipy import stats

    ranks = [stats.rankdata(each, axis=-1) for each in (x, y)]
    return _correlated(*(each - each.mean(axis=-1, keepdims=True) for each in ranks))


def _correlated(x: Array, y: Array, weights: float | Array = 1.0, least: float = 0.0) -> Array:
    """Give the correlation of centred values; 0 where their scale is no more than `least`."""
    scale = np.sqrt((weights * x**2).sum(axis=-1) * (weights * y**2).sum(axis=-1))
    product = (weights * x * y).sum(axis=-1)
    return np.asarray(np.divide(product, scale, out=np.zeros_like(product), where=scale > least))


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one place: ``[U, A]`` each, A points a unit (such as its arms).

    `units` names what is resampled, as in a `Place`.
    """

    x: Array
    y: Array
    units: str = ""

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or not self.x.size or self.x.shape != self.y.shape:
            raise DataError(
                f"a rank correlation has points of shapes {self.x.shape} and {self.y.shape}; "
                "both must be units by arms."
            )
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise DataError("a rank correlation has a point that is not finite.")


def correlation(
    places: Sequence[Points], *, resamples: int = RESAMPLES, level: float = LEVEL
) -> Estimate:
    """Give Spearman's correlation, averaged over places, with its bootstrap interval.

    Whole units are resampled, each with all of its points; ranks are taken anew. Where every
    resample gives the same, as where all points lie in order, units are counted (see `interval`).
    """
    if not places:
        raise DataError("a rank correlation has no place; it needs at least one dataset.")
    effect = np.mean([rank_correlation(each.x.ravel(), each.y.ravel()) for each in places])
    draws = np.mean([_resampled(each, resamples) for each in places], axis=0)
    least = min(each.x.shape[0] for each in places)
    if np.ptp(draws) <= CONSTANT_SPREAD:
        return constant(float(effect), least, level)
    return Percentiles(np.sort(draws), least).estimate(float(effect), level)


def _resampled(points: Points, resamples: int) -> Array:
    """Give the correlation ``[B]`` of every resample, by weighted mid-ranks."""
    units, arms = points.x.shape
    weights = np.repeat(unit_weights(points.units, units, resamples), arms, axis=1) / arms
    first, second = (_centred_ranks(each.ravel(), weights) for each in (points.x, points.y))
    return _correlated(first, second, weights, 1e-12)


def _centred_ranks(values: Array, weights: Array) -> Array:
    """Give ``[B, N]``: the share of points below each, ties by half, minus its mean of one half."""
    below = (values[:, None] < values[None, :]) + 0.5 * (values[:, None] == values[None, :])
    return np.asarray(weights @ below - 0.5)
