"""The verdict rule: what a handful of paired effects says about a claim with margin δ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError
from unstuck.statistics.intervals import (
    Interval,
    bootstrap_interval,
    finite_array,
    is_constant,
)
from unstuck.statistics.power import detectable_effect
from unstuck.wording import number, ratio

MINIMUM_SEEDS = 10

Verdict = Literal["supported", "contradicted", "no effect", "inconclusive"]
Claims = Literal["effect", "equivalence", "no worse"]
Position = Literal["above", "below", "inside", "across", "not below"]


@dataclass(frozen=True)
class Judgement:
    """What one contrast says; lengths are in the unit of the effect."""

    verdict: Verdict
    effect: float  # mean over seeds
    ci_low: float
    ci_high: float
    margin: float
    p: float  # of the test behind the verdict; nan where it is inconclusive
    p_zero: float  # two-sided, against no effect at all; nan for a single seed
    detectable: float  # smallest true effect told from zero: 80 % power, two-sided 5 %
    seeds: int
    reason: str
    claims: Claims = "effect"  # what was judged


def judge(
    values: Sequence[float] | NDArray[np.float64],
    margin: float,
    claims: Claims = "effect",
    *,
    ratios: bool = False,
    splits: int = 1,
) -> Judgement:
    """Judge one effect per seed against the margin δ.

    A claim of an effect is *supported* when the 95 % bootstrap interval of the mean lies entirely
    beyond +δ, *contradicted* when entirely beyond −δ, and there is *no effect* when it lies inside
    ±δ. A claim of equivalence is *supported* inside ±δ and *contradicted* beyond either end. A
    claim of being no worse is *supported* where the interval lies above −δ, however high it
    reaches. All else, and anything from fewer than 10 seeds, is *inconclusive*.

    The p-value is that of the one-sided t-test against the margin that was passed, and for the
    inside of ±δ that of two one-sided tests (Schuirmann 1987). Effects that are constant over the
    n seeds have no t statistic; the sign test gives them 2⁻ⁿ.

    Parameters
    ----------
    values : array_like of shape [N]
        One paired effect per seed.
    margin : float
        δ, positive, in the unit of the values.
    claims : {"effect", "equivalence", "no worse"}
        Whether the claim says that there is an effect, that there is none, or that it is not
        negative.
    ratios : bool
        Whether the values are logarithms of ratios, which the reason gives as ratios.
    splits : int
        Equal parts of the values whose means may differ; ``p_zero`` takes the scatter within them.

    Raises
    ------
    DataError
        If a value is not finite or the margin is not positive.
    """
    if not (np.isfinite(margin) and margin > 0):
        raise DataError(f"verdict rule: the margin is {margin}; it must be a positive number.")
    array = finite_array(values, "verdict rule")
    interval = bootstrap_interval(array)
    seeds = array.size
    where = _position(interval, margin)
    if claims == "no worse" and interval.low > -margin:
        where = "not below"
    verdict: Verdict = "inconclusive" if seeds < MINIMUM_SEEDS else _verdict(where, claims)
    detectable = (
        detectable_effect(float(np.std(array, ddof=1)), seeds) if seeds > 1 else float("inf")
    )
    return Judgement(
        verdict=verdict,
        effect=float(np.mean(array)),
        ci_low=interval.low,
        ci_high=interval.high,
        margin=margin,
        p=float("nan") if verdict == "inconclusive" else _p_value(array, where, margin),
        p_zero=_two_sided(array, splits),
        detectable=detectable,
        seeds=seeds,
        reason=_reason(where, interval, margin, seeds, detectable, ratios=ratios),
        claims=claims,
    )


def _position(interval: Interval, margin: float) -> Position:
    if interval.low > margin:
        return "above"
    if interval.high < -margin:
        return "below"
    if -margin < interval.low and interval.high < margin:
        return "inside"
    return "across"


def _verdict(where: Position, claims: str) -> Verdict:
    if where == "across":
        return "inconclusive"
    if claims == "equivalence":
        return "supported" if where == "inside" else "contradicted"
    names: dict[str, Verdict] = {
        "not below": "supported",
        "above": "supported",
        "below": "contradicted",
        "inside": "no effect",
    }
    return names[where]


def _p_value(values: NDArray[np.float64], where: Position, margin: float) -> float:
    if where == "above":
        return _one_sided(values - margin)
    if where == "not below":
        return _one_sided(values + margin)
    if where == "below":
        return _one_sided(-margin - values)
    return exclusion_p(values, margin)


def exclusion_p(
    values: Sequence[float] | NDArray[np.float64], bound: float, splits: int = 1
) -> float:
    """Give the p-value of the hypothesis that the mean is as far from zero as ``bound``.

    The larger of two one-sided t-tests (Schuirmann 1987), so that small values rule out a mean of
    ``bound`` or more on either side.

    Parameters
    ----------
    values : array_like of shape [N]
        At least two.
    bound : float
        Positive, in the unit of the values.
    splits : int
        Equal parts of the values whose means may differ.

    References
    ----------
    Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power
    approach for assessing the equivalence of average bioavailability. J. Pharmacokin. Biopharm. 15.
    """
    array = finite_array(values, "two one-sided tests")
    # the other of the two tests has the smaller p-value
    return _one_sided(bound - array if np.mean(array) > 0 else bound + array, splits)


def _one_sided(excess: NDArray[np.float64], splits: int = 1) -> float:
    """P-value of the hypothesis that the mean of ``excess`` is not positive."""
    from scipy import stats

    parts = excess.reshape(splits, -1)
    if all(is_constant(part) for part in parts):
        return float(0.5**excess.size) if np.mean(excess) > 0 else 1.0
    # the test for one sample, with the variance pooled within the parts
    error = np.sqrt(parts.var(axis=1, ddof=1).mean() / excess.size)
    return float(stats.t.sf(np.mean(excess) / error, excess.size - splits))


def _two_sided(values: NDArray[np.float64], splits: int) -> float:
    if values.size < 2 * splits:
        return float("nan")
    return min(1.0, 2 * _one_sided(values if np.mean(values) > 0 else -values, splits))


def _reason(
    where: Position,
    interval: Interval,
    margin: float,
    seeds: int,
    detectable: float,
    *,
    ratios: bool,
) -> str:
    if seeds < MINIMUM_SEEDS:
        return f"{seeds} seeds; at least {MINIMUM_SEEDS} are needed for a verdict"
    say = ratio if ratios else number
    size = say(margin)
    lower = size.replace("×", "÷") if ratios else f"−{size}"
    nothing = ratio(0.0) if ratios else "zero"
    ends = f"the interval [{say(interval.low)}, {say(interval.high)}]"
    if where == "across":
        return (
            f"{ends} reaches across a margin of {size}; {seeds} seeds could have told "
            f"{say(detectable)} from {nothing} and {say(margin + detectable)} from the margin"
        )
    place = {
        "above": f"lies beyond {size if ratios else f'+{size}'}",
        "not below": f"lies above {lower}",
        "below": f"lies beyond {lower}",
        "inside": f"lies inside {f'{lower} to {size}' if ratios else f'±{size}'}",
    }[where]
    return f"{ends} {place}"
