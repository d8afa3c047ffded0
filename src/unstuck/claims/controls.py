"""Whether the controls of a claim came out as they must."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from unstuck.claims.evidence import Check, Contrast
from unstuck.statistics.judgement import MINIMUM_SEEDS, Judgement
from unstuck.statistics.multiplicity import holm
from unstuck.statistics.power import SIGNIFICANCE

State = Literal["passed", "failed", "undecided", "none", "not needed"]
Key = tuple[str, str, str, str, str]
_ORDER: tuple[State, ...] = ("failed", "none", "undecided", "passed", "not needed")


@dataclass(frozen=True)
class Controls:
    """The state of a claim's controls taken together.

    Attributes
    ----------
    state
        ``none`` where a measured claim has no negative control; ``undecided`` where a control has
        too few seeds, or no usable values, to tell.
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

    A positive control must be judged supported. A negative control fails where an effect is found
    in either direction and passes where there is none. Where it is inconclusive (as with the few
    pairs of a split in halves) it passes only if zero is compatible with it: by a two-sided t-test
    at 5 %, with Holm's correction over the claim's negative controls, lest a claim with many
    controls fail by chance.
    """
    pairs = list(zip(contrasts, judgements, strict=True))
    negative = [pair for pair in pairs if pair[0].role == "negative control"]
    positive = [pair for pair in pairs if pair[0].role == "positive control"]
    if not negative:
        return Controls("none", "there is no negative control")
    states = _negative_states(negative) + [_positive_state(*pair) for pair in positive]
    controls = [*negative, *positive]
    passed = {c.key: state for (c, _), state in zip(controls, states, strict=True)}
    for wanted, state in (("no", "failed"), ("undecided", "undecided")):
        for (contrast, judgement), found in zip(controls, states, strict=True):
            if found == wanted:
                place = f" on {contrast.dataset}" if contrast.dataset else ""
                verb = "failed" if found == "no" else "cannot be judged"
                return Controls(
                    "failed" if state == "failed" else "undecided",
                    f"the {contrast.role} {verb}: {contrast.name}{place}, {judgement.reason}",
                    passed,
                )
    return Controls("passed", "", passed)


def _negative_states(pairs: Sequence[tuple[Contrast, Judgement]]) -> list[str]:
    testable = [contrast.usable and judgement.seeds > 1 for contrast, judgement in pairs]
    p_values = holm([j.p_zero for (_, j), able in zip(pairs, testable, strict=True) if able])
    adjusted = iter(np.asarray(p_values))
    states = []
    for (_, judgement), able in zip(pairs, testable, strict=True):
        if not able:
            states.append("undecided")
            continue
        p_zero = next(adjusted)
        found = judgement.verdict in ("supported", "contradicted")
        excluded = judgement.verdict == "inconclusive" and p_zero <= SIGNIFICANCE
        states.append("no" if found or excluded else "yes")
    return states


def _positive_state(contrast: Contrast, judgement: Judgement) -> str:
    if not contrast.usable or judgement.seeds < MINIMUM_SEEDS:
        return "undecided"
    return "yes" if judgement.verdict == "supported" else "no"
