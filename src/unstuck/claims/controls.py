"""Whether the controls of a claim came out as they must."""

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
    """Whether one control passed: ``yes``, ``no`` or ``undecided``, and the words for why not.

    `withheld` are the words for why not by the effect that the control leaves undecided.
    """

    state: str
    why: str
    withheld: Mapping[Key, str]


_PASSED, _FAILED = Outcome("yes", "", {}), Outcome("no", "failed", {})


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
    withheld
        Of each effect that a control does not vouch for: which control, and why not.
    """

    state: State
    reason: str = ""
    passed: Mapping[Key, str] = field(default_factory=dict)
    withheld: Mapping[Key, str] = field(default_factory=dict)

    def joined(self, other: "Controls") -> "Controls":
        """Give the worse of two states, with what is known of all controls."""
        worse = min(self, other, key=lambda each: _ORDER.index(each.state))
        passed, withheld = {**self.passed, **other.passed}, {**self.withheld, **other.withheld}
        return Controls(worse.state, worse.reason, passed, withheld)


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
    - One vouches for an effect only if it rules out, at the same level, that as much is made up as
      was found, by two one-sided t-tests. What an analysis makes up is vouched for with a chance of
      5 % / ``family`` at most, whatever the scatter: a control that could not have told does not
      vouch. Where it does not for an effect beyond the margin, the control is *undecided*, and that
      effect is withheld. An effect within the margin shows by itself that none is made up.
    - One *strays* that differs from zero by more than the controls of its claim do by chance in one
      of twenty: too little for a fault to be found among all the claims, too much to take for none.
      It is *undecided* and vouches for nothing.

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
    outcomes = _negative_outcomes(negative, effects, family)
    outcomes += [_positive_outcome(*pair, effects) for pair in positive]
    controls = list(zip([*negative, *positive], outcomes, strict=True))
    passed = {contrast.key: outcome.state for (contrast, _), outcome in controls}
    withheld: dict[Key, str] = {}
    for (contrast, _), outcome in controls:
        for key, why in outcome.withheld.items():
            withheld.setdefault(key, f"the {contrast.role} {why}: {_place(contrast)}")
    verdicts: tuple[tuple[str, State], ...] = (("no", "failed"), ("undecided", "undecided"))
    for wanted, state in verdicts:
        for (contrast, judgement), outcome in controls:
            if outcome.state == wanted:
                reason = f"{_place(contrast)}, {judgement.reason}"
                reason = f"the {contrast.role} {outcome.why}: {reason}"
                return Controls(state, reason, passed, withheld)
    return Controls("passed", "", passed)


def _place(contrast: Contrast) -> str:
    return f"{contrast.name} on {contrast.dataset}" if contrast.dataset else contrast.name


def _negative_outcomes(
    pairs: Sequence[Judged], effects: Sequence[Judged], family: int
) -> list[Outcome]:
    testable = [contrast.usable and np.isfinite(judgement.p_zero) for contrast, judgement in pairs]
    p_values = holm([j.p_zero for (_, j), able in zip(pairs, testable, strict=True) if able])
    adjusted = iter(np.asarray(p_values))
    return [
        _negative_outcome(*pair, float(next(adjusted)), effects, family)
        if able
        else _undecided("cannot be judged", _vouched(pair[0], effects))
        for pair, able in zip(pairs, testable, strict=True)
    ]


def _negative_outcome(
    contrast: Contrast, judgement: Judgement, p_zero: float, effects: Sequence[Judged], family: int
) -> Outcome:
    """Judge one negative control, ``p_zero`` being adjusted for the others of its claim."""
    level = SIGNIFICANCE / family
    # fewer than ten pairs are too few to say that nothing matters
    within = judgement.verdict == "no effect"
    if p_zero <= level and not within:
        return _FAILED
    vouched = _vouched(contrast, effects)
    strays = p_zero <= SIGNIFICANCE
    if strays and not within:
        return _undecided(f"strays from zero (p = {p_zero:.2g})", vouched)
    withheld: dict[Key, str] = {}
    for effect, found in vouched:
        bound = _made_up(found, judgement.margin, strays=strays)
        p_bound = exclusion_p(contrast.values, bound, contrast.splits) if bound else 0.0
        if p_bound > level:
            withheld[effect.key] = (
                f"does not rule out that an effect of {bound:.3g} is made up (p = {p_bound:.2g}, "
                f"where {level:.2g} is needed)"
            )
    if withheld:
        return Outcome("undecided", next(iter(withheld.values())), withheld)
    return _PASSED


def _undecided(why: str, effects: Sequence[Judged]) -> Outcome:
    return Outcome("undecided", why, {contrast.key: why for contrast, _ in effects})


def _vouched(control: Contrast, effects: Sequence[Judged]) -> list[Judged]:
    """Give the effects that a control vouches for.

    Those of its own measure which nothing tells apart from it in dataset or condition, or all of
    its measure if none is such.
    """
    same = [pair for pair in effects if pair[0].measure == control.measure]
    return [pair for pair in same if _vouches(control, pair[0])] or same


def _made_up(judgement: Judgement, margin: float, *, strays: bool = False) -> float:
    """Give how much would have to be made up for a verdict to be wrong; 0 if nothing would.

    Nothing would for an interval that decides nothing, or an effect that lies within the margin.
    Of an effect beyond it all would have to be for there to be none; where the control ``strays``,
    something is made up, and what is beyond the margin is enough to be wrong.
    """
    if judgement.verdict == "inconclusive":
        return 0.0
    if judgement.claims == "no worse" and judgement.verdict == "supported":
        # it is only said to be above −δ
        return judgement.effect + margin if judgement.ci_high > margin else 0.0
    beyond = abs(judgement.effect) - margin
    return (beyond if strays else abs(judgement.effect)) if beyond > 0 else 0.0


def _vouches(control: Contrast, effect: Contrast) -> bool:
    shared = control.condition.keys() & effect.condition.keys()
    return control.dataset in ("", effect.dataset) and all(
        control.condition[key] == effect.condition[key] for key in shared
    )


def _positive_outcome(
    contrast: Contrast, judgement: Judgement, effects: Sequence[Judged]
) -> Outcome:
    if not contrast.usable or judgement.seeds < MINIMUM_SEEDS:
        return _undecided("cannot be judged", effects)
    return _PASSED if judgement.verdict == "supported" else _FAILED
