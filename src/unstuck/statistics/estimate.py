"""An effect, its interval, and the p-values that the same procedure gives."""

from collections.abc import Callable
from dataclasses import dataclass, replace

LEVEL = 0.95

Tails = Callable[[float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Estimate:
    """An effect with its confidence interval ``[low, high]``.

    Attributes
    ----------
    effect, low, high
        In one unit; of factors, natural logarithms.
    n
        Units of the smallest group that was resampled.
    tails
        One-sided p-values that the truth is at most, and at least, a value: the interval's own
        procedure inverted, so that an interval of level 1 - a lies above a value exactly where the
        first is at most a / 2.
    level
        Of the interval.
    """

    effect: float
    low: float
    high: float
    n: int
    tails: Tails
    level: float = LEVEL

    @property
    def p_zero(self) -> float:
        """Two-sided p-value of no effect at all."""
        return min(1.0, 2 * min(self.tails(0.0)))

    def p_inside(self, margin: float) -> float:
        """Give the p-value of an effect as large as ±margin: two one-sided tests, doubled.

        Doubled so that it is below 5 % exactly where the 95 % interval lies inside.
        """
        return min(1.0, 2 * max(self.tails(-margin)[0], self.tails(margin)[1]))

    def p_not_worse(self, margin: float) -> float:
        """Give the p-value, doubled likewise, of an effect of -margin or less."""
        return min(1.0, 2 * self.tails(-margin)[0])

    def scaled(self, factor: float, offset: float = 0.0) -> "Estimate":
        """Give the estimate of ``factor * effect + offset``; the factor is positive."""
        tails = self.tails
        return replace(
            self,
            effect=factor * self.effect + offset,
            low=factor * self.low + offset,
            high=factor * self.high + offset,
            tails=lambda value: tails((value - offset) / factor),
        )
