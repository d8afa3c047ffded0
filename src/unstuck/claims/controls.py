"""Whether the controls of a claim came out as they must."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from unstuck.claims.evidence import Check, Contrast
from unstuck.statistics.judgement import MINIMUM_SEEDS, Judgement
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
        too few seeds, or no usable values, to tell, or is too coarse to have failed.
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


def control_contrasts(contrasts: Sequence[Contrast], judgements: Sequence[Judgement]) -> Controls:
    """Judge the controls among the contrasts of a measured claim.

    A positive control must be judged supported. A negative control passes where there is no effect.
    Otherwise it fails where zero is excluded: by a two-sided t-test at 5 %, with Holm's correction
    over the claim's negative controls, lest a claim with many controls fail by chance. Where zero
    is compatible with it, it passes only if it could have failed: if the effect that its pairs
    detect (80 % power) is no larger than the smallest effect that is decided where it vouches
    (`_stake`).
    """
    pairs = list(zip(contrasts, judgements, strict=True))
    negative = [pair for pair in pairs if pair[0].role == "negative control"]
    positive = [pair for pair in pairs if pair[0].role == "positive control"]
    if not negative:
        return Controls("none", "there is no negative control")
    effects = [pair for pair in pairs if pair[0].role == "effect"]
    states = _negative_states(negative, effects) + [_positive_state(*pair) for pair in positive]
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


def _negative_states(pairs: Sequence[Judged], effects: Sequence[Judged]) -> list[Outcome]:
    testable = [contrast.usable and judgement.seeds > 1 for contrast, judgement in pairs]
    p_values = holm([j.p_zero for (_, j), able in zip(pairs, testable, strict=True) if able])
    adjusted = iter(np.asarray(p_values))
    states = []
    for (contrast, judgement), able in zip(pairs, testable, strict=True):
        if not able:
            states.append(_UNJUDGED)
            continue
        p_zero = next(adjusted)
        stake = _stake(contrast, judgement.margin, effects)
        if judgement.verdict == "no effect":
            states.append(_PASSED)
        elif p_zero <= SIGNIFICANCE:
            states.append(_FAILED)
        elif judgement.detectable > stake:
            coarse = f"is too coarse for an effect of {stake:.3g}, for it tells no less than"
            states.append(Outcome("undecided", f"{coarse} {judgement.detectable:.3g} from zero"))
        else:
            states.append(_PASSED)
    return states


def _stake(control: Contrast, margin: float, effects: Sequence[Judged]) -> float:
    """Give the effect that a control must be able to tell from zero.

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
