"""How many units would decide an undecided comparison."""

import math

from unstuck.statistics.estimate import Estimate
from unstuck.statistics.rule import SIGNIFICANCE, Kind


def units_to_decide(estimate: Estimate, margin: float, kind: Kind = "effect") -> int | None:
    """Give about how many units would decide, if the effect stays what it is.

    That many make the interval so narrow that it excludes zero or lies inside ±margin (a claim of
    an effect), does not reach across an end of ±margin (equivalence), or across -margin (no worse).

    Returns
    -------
    None where the effect lies on the very bound, or the scatter is not known.
    """
    size = abs(estimate.effect)
    width = {
        "effect": max(size, margin - size),
        "equivalence": abs(size - margin),
        "no worse": abs(estimate.effect + margin),
    }[kind]
    if width == 0 or not math.isfinite(estimate.high - estimate.low):
        return None
    from scipy import stats

    ratio = _deviation(estimate) / width
    units = max(2, math.ceil((float(stats.norm.ppf(1 - SIGNIFICANCE / 2)) * ratio) ** 2))
    while stats.t.ppf(1 - SIGNIFICANCE / 2, units - 1) * ratio > math.sqrt(units):
        units += 1
    return units


def _deviation(estimate: Estimate) -> float:
    """Give the standard deviation of one unit's effect that the interval's width stands for."""
    from scipy import stats

    t = stats.t.ppf((1 + estimate.level) / 2, estimate.n - 1)
    return float((estimate.high - estimate.low) / (2 * t) * math.sqrt(estimate.n))
