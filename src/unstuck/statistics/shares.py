"""Shares of runs and of starts: exact and score intervals, and means of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from unstuck.errors import DataError
from unstuck.statistics.estimate import LEVEL, Estimate

Bounds = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class Count:
    """So many successes in so many trials.

    Raises
    ------
    DataError
        If the successes do not lie between 0 and a positive number of trials.
    """

    successes: int
    trials: int

    def __post_init__(self) -> None:
        if self.trials < 1 or not 0 <= self.successes <= self.trials:
            raise DataError(
                f"a share of {self.successes} in {self.trials}; "
                "successes must lie between 0 and a positive number of trials."
            )

    @property
    def share(self) -> float:
        """Successes over trials."""
        return self.successes / self.trials

    def bounds(self, level: float, method: Literal["beta", "wilson"]) -> tuple[float, float]:
        """Give the interval of Clopper and Pearson ("beta") or of Wilson."""
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(self.successes, self.trials, alpha=1 - level, method=method)
        return float(low), float(high)


def mean_share(counts: Sequence[Count]) -> Estimate:
    """Give the unweighted mean of shares, one of each dataset.

    Of one dataset Clopper and Pearson's interval; of several their distances are combined as those
    of independent estimates (MOVER: the squares of the distances add).

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). Biometrika 26, 404-413.
    Zou, G. Y. and Donner, A. (2008). Construction of confidence limits about effect measures.
    Stat. Med. 27, 1693-1702.
    """
    if not counts:
        raise DataError("a mean of shares has no share; it needs at least one dataset.")
    effect = sum(count.share for count in counts) / len(counts)

    def bounds(level: float) -> tuple[float, float]:
        ends = [count.bounds(level, "beta") for count in counts]
        below = math.hypot(*(c.share - low for c, (low, _) in zip(counts, ends, strict=True)))
        above = math.hypot(*(high - c.share for c, (_, high) in zip(counts, ends, strict=True)))
        return effect - below / len(counts), effect + above / len(counts)

    return _inverted(effect, min(count.trials for count in counts), bounds)


def paired_difference(both: int, first: int, second: int, neither: int) -> Estimate:
    """Give the difference of two shares of the same units, with Newcombe's score interval.

    Parameters
    ----------
    both, first, second, neither
        Units in which both arms succeed, only the first, only the second, neither.

    References
    ----------
    Newcombe, R. G. (1998). Improved confidence intervals for the difference between binomial
    proportions based on paired data. Stat. Med. 17, 2635-2650 (method 10).
    """
    n = both + first + second + neither
    one, other = Count(both + first, n), Count(both + second, n)
    cross = float(both * neither - first * second)
    if cross > 0:  # continuity correction of the correlation
        cross = max(cross - n / 2, 0.0)
    scale = math.sqrt(one.successes * (n - one.successes) * other.successes * (n - other.successes))
    correlation = cross / scale if scale else 0.0
    effect = one.share - other.share

    def bounds(level: float) -> tuple[float, float]:
        (low1, high1), (low2, high2) = (each.bounds(level, "wilson") for each in (one, other))

        def distance(a: float, b: float) -> float:
            return math.sqrt(max(0.0, a * a - 2 * correlation * a * b + b * b))

        return (
            effect - distance(one.share - low1, high2 - other.share),
            effect + distance(high1 - one.share, other.share - low2),
        )

    return _inverted(effect, n, bounds)


def _inverted(effect: float, n: int, bounds: Bounds) -> Estimate:
    """Give the estimate whose p-values are found from the interval at all levels."""

    def tails(value: float) -> tuple[float, float]:
        return (
            _tail(lambda each: bounds(each)[0] > value, above=value < effect),
            _tail(lambda each: bounds(each)[1] < value, above=value > effect),
        )

    return Estimate(effect, *bounds(LEVEL), n, tails)


def _tail(excludes: Callable[[float], bool], *, above: bool) -> float:
    """Give half of the smallest 1 - level at which one end of the interval excludes a value."""
    if not above:
        return 1.0
    low, high = -30.0, 0.0  # logarithm of 1 - level
    for _ in range(40):
        middle = 0.5 * (low + high)
        if excludes(1 - math.exp(middle)):
            high = middle
        else:
            low = middle
    return 0.5 * math.exp(high)
