"""From evidence to verdicts: every claim of a study by one rule."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from unstuck.claims.combination import DATASET, DECISIVE, EFFECT, Combined, Finding, combine
from unstuck.claims.conformity import require_declared
from unstuck.claims.controls import Controls, control_checks, control_contrasts
from unstuck.claims.evidence import Check, Contrast, Evidence, condition_text
from unstuck.claims.registry import Claim
from unstuck.errors import RegistryError
from unstuck.statistics.judgement import Judgement, judge
from unstuck.statistics.multiplicity import holm
from unstuck.statistics.power import SIGNIFICANCE

CLAIM_COLUMNS = (
    *("id", "slug", "section", "kind", "verdict"),
    *("effect", "unit", "scale", "ci_low", "ci_high", "margin", "p", "p_holm", "detectable"),
    *("seeds", "control", "dataset", "condition", "reason"),
)
CONTRAST_COLUMNS = (
    *("id", "measure", "name", "dataset", "condition", "role", "usable", "verdict", "passed"),
    *("effect", "unit", "scale", "ci_low", "ci_high", "margin", "p", "detectable", "seeds"),
    *("reason", "note"),
)


class Verdicts(NamedTuple):
    """The outcome of a study: one row per claim, and one per contrast.

    Effects, intervals, margins and detectable effects are in the unit of ``values.csv``: natural
    logarithms where `scale` is `ratio`.
    """

    claims: pd.DataFrame
    contrasts: pd.DataFrame


@dataclass(frozen=True)
class _Outcome:
    """A claim's verdict before the correction for multiple claims."""

    claim: Claim
    evidence: Evidence
    judgements: tuple[Judgement, ...]  # of evidence.contrasts
    controls: Controls
    verdict: str
    reason: str
    p: float
    refuted: str  # why an exact check refutes a part of a measured claim; empty if none does
    headline: int | None  # which contrast stands on the claim's row


def decide(registry: Mapping[str, Claim], evidence: Iterable[Evidence]) -> Verdicts:
    """Reach the verdict of every claim of the registry.

    A failed control makes a claim *invalid*, as does a measured claim without negative control;
    contrasts that a control does not vouch for are *inconclusive*. The level of the controls is
    set over the measured claims of the registry (`unstuck.claims.controls.control_contrasts`).
    Then contrasts and checks are combined (`unstuck.claims.combination.combine`). A check of a
    measured claim is a precondition: one that holds adds no finding to those of the contrasts, one
    that fails adds one that contradicts, so that a claim that is supported otherwise depends, and
    one that is undecided otherwise, by its contrasts, its negative controls or the correction, is
    contradicted in that part.
    The p-value of a decisive claim is the largest of the contrasts it rests on
    (intersection-union); that of one that depends says how sure it is that each of its verdicts
    holds somewhere (`_p_of_difference`), and of no place in particular. Holm's correction is over
    all measured claims, undecided ones included with p = 1. Where the adjusted value exceeds 0.05
    the claim is *inconclusive*.

    Parameters
    ----------
    registry
        The claims of the study, by id.
    evidence
        One for each of them.

    Raises
    ------
    RegistryError
        If a claim has no evidence, evidence no claim, or the two do not fit.
    """
    given: dict[str, Evidence] = {}
    for each in evidence:
        if each.claim not in registry:
            raise RegistryError(f"evidence of claim {each.claim}: the registry has no such claim.")
        if each.claim in given:
            raise RegistryError(f"claim {each.claim} has evidence twice.")
        given[each.claim] = each
    missing = [name for name in registry if name not in given]
    if missing:
        raise RegistryError(f"claim {missing[0]} has no evidence; evaluate it first.")
    claims = sorted(registry.values(), key=lambda claim: claim.order)
    family = sum(claim.kind == "measured" for claim in claims)
    outcomes = [_outcome(claim, given[claim.id], family) for claim in claims]
    return Verdicts(
        pd.DataFrame(_claim_rows(outcomes), columns=list(CLAIM_COLUMNS)),
        pd.DataFrame(
            [row for outcome in outcomes for row in _contrast_rows(outcome)],
            columns=list(CONTRAST_COLUMNS),
        ),
    )


def judge_contrast(claim: Claim, contrast: Contrast) -> Judgement:
    """Judge one contrast by its effect's margin; controls are judged as plain effects."""
    effect = claim.measure(contrast.measure)
    if not contrast.values:
        nan = math.nan
        return Judgement(
            *("inconclusive", nan, nan, nan, effect.threshold, nan, nan, nan, 0, contrast.note)
        )
    kind = effect.claims if contrast.role == "effect" else "effect"
    ratios = effect.scale == "ratio"
    judgement = judge(
        contrast.values, effect.threshold, kind, ratios=ratios, splits=contrast.splits
    )
    if contrast.role != "effect" or judgement.verdict == "inconclusive":
        return judgement
    if not contrast.usable:
        return replace(judgement, verdict="inconclusive", p=math.nan, reason=contrast.note)
    if contrast.ceiling < effect.threshold and judgement.verdict == "no effect":
        reason = (
            f"an effect could not have shown: at most {contrast.ceiling:.3g} {effect.unit} were "
            f"possible, less than the margin of {effect.threshold:.3g}"
        )
        return replace(judgement, verdict="inconclusive", p=math.nan, reason=reason)
    return judgement


def _outcome(claim: Claim, evidence: Evidence, family: int) -> _Outcome:
    require_declared(claim, evidence)
    judgements = tuple(judge_contrast(claim, contrast) for contrast in evidence.contrasts)
    controls = control_checks(evidence.checks)
    if claim.kind == "measured":
        controls = controls.joined(control_contrasts(evidence.contrasts, judgements, family))
        judgements = tuple(
            _withheld(judgement, controls.withheld.get(contrast.key, ""))
            for contrast, judgement in zip(evidence.contrasts, judgements, strict=True)
        )
    effects = [i for i, each in enumerate(evidence.contrasts) if each.role == "effect"]
    findings = [_contrast_finding(claim, evidence.contrasts[i], judgements[i]) for i in effects]
    checked = _check_findings(claim, evidence.checks)
    if claim.kind == "measured":
        checked = [replace(each, refutes=True) for each in checked if each.verdict != "supported"]
    findings += checked
    findings += _absent(claim, evidence)
    combined = combine(findings)
    rests_on = [effects[i] for i in combined.rests_on if i < len(effects)]
    refuted = next((each.reason for each in findings if each.refutes), "")
    verdict, reason = _after_controls(combined, controls)
    p = max((judgements[i].p for i in rests_on), default=math.nan)
    if verdict == "depends" and rests_on:
        tests = len({_place(evidence.contrasts[i]) for i in effects})
        p = _p_of_difference(evidence.contrasts, judgements, rests_on, tests)
    return _Outcome(
        claim=claim,
        evidence=evidence,
        judgements=judgements,
        controls=controls,
        verdict=verdict,
        reason=reason,
        p=p if verdict in (*DECISIVE, "depends") else math.nan,
        refuted=refuted,
        headline=_headline(claim, evidence, judgements, effects, rests_on),
    )


def _p_of_difference(
    contrasts: Sequence[Contrast],
    judgements: Sequence[Judgement],
    rests_on: Sequence[int],
    tests: int,
) -> float:
    """Give the p-value of there being places of each verdict, whichever they are.

    A place is a condition with one verdict on all its datasets, as sure as the least sure of them.
    That a verdict has a place is as sure as its surest one, times the number of places that the
    claim looked at (Bonferroni); that all the verdicts have one, as the least sure of these
    (intersection-union).
    """
    places: dict[str, dict[tuple[str, str], float]] = {}
    for i in rests_on:
        place = _place(contrasts[i])
        held = places.setdefault(judgements[i].verdict, {})
        held[place] = max(held.get(place, 0.0), judgements[i].p)
    return max(min(1.0, tests * min(held.values())) for held in places.values())


def _place(contrast: Contrast) -> tuple[str, str]:
    """Give the effect and the condition of a contrast, whatever its dataset."""
    return contrast.measure, condition_text(contrast.condition)


def _withheld(judgement: Judgement, why: str) -> Judgement:
    """Take a verdict back that a control does not vouch for."""
    if not why or judgement.verdict == "inconclusive":
        return judgement
    return replace(judgement, verdict="inconclusive", p=math.nan, reason=why)


def _after_controls(combined: Combined, controls: Controls) -> tuple[str, str]:
    if controls.state in ("failed", "none"):
        return "invalid", controls.reason
    return combined.verdict, combined.reason


def _undecided_but(refuted: str, reason: str) -> tuple[str, str]:
    """Give the verdict where no contrast decides: that of the failed exact checks, if any."""
    if refuted:
        return "contradicted", f"{refuted}; all else is inconclusive: {reason}"
    return "inconclusive", reason


def _headline(
    claim: Claim,
    evidence: Evidence,
    judgements: Sequence[Judgement],
    effects: Sequence[int],
    rests_on: Sequence[int],
) -> int | None:
    """Choose the contrast that a claim is weakest on: the largest p, or the first undecided one.

    Of a claim with several effects it is one of the effect that the registry declares first.
    """
    first = next(iter(claim.effects), "")
    effects, rests_on = (
        [i for i in indices if evidence.contrasts[i].measure == first] or list(indices)
        for indices in (effects, rests_on)
    )
    if rests_on:
        return max(rests_on, key=lambda i: judgements[i].p)
    undecided = [i for i in effects if judgements[i].verdict == "inconclusive"]
    return undecided[0] if undecided else (effects[0] if effects else None)


def _contrast_finding(claim: Claim, contrast: Contrast, judgement: Judgement) -> Finding:
    where = _condition_words(claim, contrast.condition)
    if contrast.measure:
        where = {EFFECT: f"for {claim.measure(contrast.measure).what}", **where}
    if contrast.dataset:
        where[DATASET] = f"on {contrast.dataset}"
    return Finding(judgement.verdict, where, judgement.reason)


def _check_findings(claim: Claim, checks: Sequence[Check]) -> list[Finding]:
    """Give one finding per condition: supported where every check holds, else contradicted.

    Checks without a condition belong to every condition that others have.
    """
    effects = [check for check in checks if check.role == "effect"]
    groups: dict[str, list[Check]] = {}
    for check in effects:
        groups.setdefault(condition_text(check.condition), []).append(check)
    common = groups.pop("", []) if len(groups) > 1 else []
    findings = []
    for group in groups.values():
        failed = [check for check in (*common, *group) if not check.holds]
        findings.append(
            Finding(
                "contradicted" if failed else "supported",
                _condition_words(claim, group[0].condition),
                _failure(failed[0], len(failed), len(common) + len(group))
                if failed
                else _success([*common, *group]),
            )
        )
    return findings


def _success(checks: Sequence[Check]) -> str:
    if len(checks) == 1:
        return f"the check holds: {checks[0].name}"
    return f"all {len(checks)} checks hold"


def _failure(check: Check, failed: int, total: int) -> str:
    return (
        f"{failed} of {total} checks fail, the first being {check.name}: {check.value:.6g} "
        f"instead of {check.expected:.6g} ± {check.tolerance:.2g}"
    )


def _absent(claim: Claim, evidence: Evidence) -> list[Finding]:
    """Give an undecided finding for each declared condition without evidence."""
    conditions = [each.condition for each in evidence.contrasts if each.role == "effect"]
    conditions += [each.condition for each in evidence.checks if each.role == "effect"]
    return [
        Finding("inconclusive", {key: words}, "this study has no evidence there")
        for key, values in claim.conditions.items()
        for value, words in values.items()
        if not any(condition.get(key) == value for condition in conditions)
    ]


def _condition_words(claim: Claim, condition: Mapping[str, str]) -> dict[str, str]:
    return {
        key: claim.conditions[key][condition[key]] for key in claim.conditions if key in condition
    }


def _claim_rows(outcomes: Sequence[_Outcome]) -> list[dict[str, Any]]:
    measured = [outcome for outcome in outcomes if outcome.claim.kind == "measured"]
    family = [1.0 if np.isnan(outcome.p) else outcome.p for outcome in measured]
    adjusted = dict(zip((each.claim.id for each in measured), holm(family), strict=True))
    return [_claim_row(each, adjusted.get(each.claim.id), len(measured)) for each in outcomes]


def _claim_row(outcome: _Outcome, p_holm: float | None, family: int) -> dict[str, Any]:
    verdict, reason = outcome.verdict, outcome.reason
    decided = p_holm is not None and not np.isnan(outcome.p)
    if decided and p_holm is not None and p_holm > SIGNIFICANCE:
        verdict, reason = _undecided_but(
            outcome.refuted,
            f"{outcome.verdict} before Holm's correction over {family} measured claims, "
            f"which raises p from {outcome.p:.2g} to {p_holm:.2g} ({reason})",
        )
    row: dict[str, Any] = {
        "id": outcome.claim.id,
        "slug": outcome.claim.slug,
        "section": outcome.claim.section,
        "kind": outcome.claim.kind,
        "verdict": verdict,
        "p": outcome.p,
        "p_holm": p_holm if decided else math.nan,
        "control": outcome.controls.state,
        "reason": reason,
        **dict.fromkeys(("effect", "ci_low", "ci_high", "margin", "detectable"), math.nan),
        **dict.fromkeys(("unit", "scale", "dataset", "condition"), ""),
        "seeds": 0,
    }
    if outcome.headline is not None:
        contrast = outcome.evidence.contrasts[outcome.headline]
        judged = _judgement_cells(outcome.claim, contrast, outcome.judgements[outcome.headline])
        row.update({key: judged[key] for key in judged if key != "p"})
        row.update(dataset=contrast.dataset, condition=condition_text(contrast.condition))
    return row


def _contrast_rows(outcome: _Outcome) -> list[dict[str, Any]]:
    return [
        {
            "id": outcome.claim.id,
            "measure": contrast.measure,
            "name": contrast.name,
            "dataset": contrast.dataset,
            "condition": condition_text(contrast.condition),
            "role": contrast.role,
            "usable": contrast.usable,
            "verdict": judgement.verdict,
            "passed": outcome.controls.passed.get(contrast.key, ""),
            **_judgement_cells(outcome.claim, contrast, judgement),
            "reason": judgement.reason,
            "note": contrast.note,
        }
        for contrast, judgement in zip(outcome.evidence.contrasts, outcome.judgements, strict=True)
    ]


def _judgement_cells(claim: Claim, contrast: Contrast, judgement: Judgement) -> dict[str, Any]:
    effect = claim.measure(contrast.measure)
    return {
        "effect": judgement.effect,
        "unit": effect.unit,
        "scale": effect.scale,
        "ci_low": judgement.ci_low,
        "ci_high": judgement.ci_high,
        "margin": judgement.margin,
        "p": judgement.p,
        "detectable": judgement.detectable,
        "seeds": judgement.seeds,
    }
