"""Whether the controls of a claim came out as they must."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from unstuck.claims.evidence import Check, Contrast
from unstuck.statistics.judgement import MINIMUM_SEEDS, Judgement, exclusion_p
from unstuck.statistics.multiplicity import holm
from unstuck.statistics.power import SIGNIFICANCE

Judged = tuple[Contrast, Judgement]
State = Literal["passed", "failed", "undecided", "none", "not needed"]
Key = tuple[str, str, str, str, str]
_ORDER: tuple[State, ...] = ("failed", "none", "undecided", "passed", "not needed")


class Outcome(NamedTuple):
    """Whether one control passed: ``yes``, ``no`` or ``undecided``, and the words for why not."""

    state: str
    why: str


_PASSED, _FAILED = Outcome("yes", ""), Outcome("no", "failed")
_UNJUDGED = Outcome("undecided", "cannot be judged")


@dataclass(frozen=True)
class Controls:
    """The state of a claim's controls taken together.

    Attributes
    ----------
    state
        ``none`` where a measured claim has no negative control; ``undecided`` where a control has
        too few seeds, or no usable values, to tell, or neither fails nor rules a fault out.
    reason
        Which control failed or is undecided, and why.
    passed
        Of each control contrast: ``yes``, ``no`` or ``undecided``.
    """

    state: State
    reason: str = ""
    passed: Mapping[Key, str] = field(default_factory=dict)

    def joined(self, other: "Controls") -> "Controls":
        """Give the worse of two states, with what is known of all controls."""
        worse = min(self, other, key=lambda each: _ORDER.index(each.state))
        return Controls(worse.state, worse.reason, {**self.passed, **other.passed})


def control_checks(checks: Sequence[Check]) -> Controls:
    """Judge the controls among exact checks: each must hold."""
    controls = [check for check in checks if check.role != "effect"]
    for check in controls:
        if not check.holds:
            return Controls(
                "failed",
                f"the {check.role} failed: {check.name} is {check.value:.6g} "
                f"instead of {check.expected:.6g}",
            )
    return Controls("passed" if controls else "not needed")


def control_contrasts(
    contrasts: Sequence[Contrast], judgements: Sequence[Judgement], family: int
) -> Controls:
    """Judge the controls among the contrasts of a measured claim.

    A positive control must be judged supported. Of the negative controls the study's error of 5 %
    is shared equally among its measured claims, so that each has a level of 5 % / ``family``.

    - One *fails* that differs from zero at that level, by a two-sided t-test with Holm's correction
      over the claim's negative controls, unless its interval lies within the margin. Where nothing
      is wrong anywhere, a control of any claim of the study fails with a chance of 5 % at most.
    - One *passes* only if it rules out, at the same level, that as much is made up where it
      vouches as the smallest effect that is decided there (`_stake`), by two one-sided t-tests.
      An analysis that makes up so much is passed with a chance of 5 % / ``family`` at most,
      whatever the scatter: a control that could not have told is not passed.
    - All others are *undecided*, and so is one that differs from zero by more than its own claim's
      controls do by chance in one of twenty: too little for a fault to be found among all the
      claims, too much to vouch for one.

    Parameters
    ----------
    contrasts, judgements
        Of the claim, in the same order.
    family
        The number of measured claims of the study.
    """
    pairs = list(zip(contrasts, judgements, strict=True))
    negative = [pair for pair in pairs if pair[0].role == "negative control"]
    positive = [pair for pair in pairs if pair[0].role == "positive control"]
    if not negative:
        return Controls("none", "there is no negative control")
    effects = [pair for pair in pairs if pair[0].role == "effect"]
    states = _negative_states(negative, effects, family)
    states += [_positive_state(*pair) for pair in positive]
    controls = [*negative, *positive]
    passed = {c.key: state for (c, _), (state, _) in zip(controls, states, strict=True)}
    verdicts: tuple[tuple[str, State], ...] = (("no", "failed"), ("undecided", "undecided"))
    for wanted, state in verdicts:
        for (contrast, judgement), (found, why) in zip(controls, states, strict=True):
            if found == wanted:
                place = f" on {contrast.dataset}" if contrast.dataset else ""
                reason = f"{contrast.name}{place}, {judgement.reason}"
                return Controls(state, f"the {contrast.role} {why}: {reason}", passed)
    return Controls("passed", "", passed)


def _negative_states(
    pairs: Sequence[Judged], effects: Sequence[Judged], family: int
) -> list[Outcome]:
    testable = [contrast.usable and judgement.seeds > 1 for contrast, judgement in pairs]
    p_values = holm([j.p_zero for (_, j), able in zip(pairs, testable, strict=True) if able])
    adjusted = iter(np.asarray(p_values))
    return [
        _negative_state(*pair, float(next(adjusted)), effects, family) if able else _UNJUDGED
        for pair, able in zip(pairs, testable, strict=True)
    ]


def _negative_state(
    contrast: Contrast, judgement: Judgement, p_zero: float, effects: Sequence[Judged], family: int
) -> Outcome:
    """Judge one negative control, ``p_zero`` being adjusted for the others of its claim."""
    level = SIGNIFICANCE / family
    within = judgement.verdict == "no effect"
    if p_zero <= level and not within:
        return _FAILED
    stake = _stake(contrast, judgement.margin, effects)
    p_stake = exclusion_p(contrast.values, stake) if math.isfinite(stake) else 0.0
    if p_stake > level:
        return Outcome(
            "undecided",
            f"does not rule out that an effect of {stake:.3g} is made up (p = {p_stake:.2g}, "
            f"where {level:.2g} is needed)",
        )
    if p_zero <= SIGNIFICANCE and not within:
        return Outcome(
            "undecided",
            f"strays from zero (p = {p_zero:.2g}) by more than one claim allows, by less than a "
            f"fault among {family} (p = {level:.2g})",
        )
    return _PASSED


def _stake(control: Contrast, margin: float, effects: Sequence[Judged]) -> float:
    """Give the effect that a control must rule out to be made up.

    That is the smallest one beyond the margin among the decided contrasts that the control vouches
    for: those of its own measure which nothing tells apart from it in dataset or condition, or all
    of its measure if none is such. Where no effect is found beyond the margin no verdict needs the
    control: an interval within the margin shows by itself that the analysis makes no effect up.
    """
    same = [pair for pair in effects if pair[0].measure == control.measure]
    own = [pair for pair in same if _vouches(control, pair[0])] or same
    decided = (each for _, each in own if each.verdict != "inconclusive")
    beyond = (_made_up(each, margin) for each in decided if _beyond(each, margin))
    return min(beyond, default=math.inf)


def _beyond(judgement: Judgement, margin: float) -> bool:
    """Tell whether an effect lies beyond the margin, or a supported one may reach beyond it."""
    return abs(judgement.effect) > margin or (
        judgement.verdict == "supported" and judgement.ci_high > margin
    )


def _made_up(judgement: Judgement, margin: float) -> float:
    """Give the effect that would have to be made up for a verdict to be wrong."""
    # an effect that is supported without being beyond +δ is only said to be above −δ
    no_worse = judgement.verdict == "supported" and judgement.ci_low <= margin
    return abs(judgement.effect) + margin * no_worse


def _vouches(control: Contrast, effect: Contrast) -> bool:
    shared = control.condition.keys() & effect.condition.keys()
    return control.dataset in ("", effect.dataset) and all(
        control.condition[key] == effect.condition[key] for key in shared
    )


def _positive_state(contrast: Contrast, judgement: Judgement) -> Outcome:
    if not contrast.usable or judgement.seeds < MINIMUM_SEEDS:
        return _UNJUDGED
    return _PASSED if judgement.verdict == "supported" else _FAILED
