"""What an undecided comparison could have detected, and how many units would decide it."""

import math
from functools import lru_cache

from unstuck.statistics.estimate import Estimate
from unstuck.statistics.rule import SIGNIFICANCE, Kind

POWER = 0.8


def detectable(estimate: Estimate) -> float:
    """Give the smallest true effect that as many units tell from zero.

    Of a two-sided paired t-test at 5 % with a power of 80 %, whose standard error is that of the
    estimate's interval; infinite for a single unit.
    """
    if not math.isfinite(estimate.high - estimate.low):
        return math.inf
    return _deviation(estimate) * _standardised(estimate.n)


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


@lru_cache(maxsize=256)
def _standardised(units: int) -> float:
    from statsmodels.stats.power import TTestPower

    solution = TTestPower().solve_power(
        nobs=units, alpha=SIGNIFICANCE, power=POWER, alternative="two-sided"
    )
    return float(solution)
