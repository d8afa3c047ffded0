"""What stands on a claim's page, as plain values for the template."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from unstuck.claims.evidence import Check, Evidence, condition_text
from unstuck.claims.registry import Claim, Published
from unstuck.report.pictures import Picture
from unstuck.report.sentences import (
    chinese,
    control_sentence,
    effect_sentence,
    place_words,
    sentence,
    short_effect,
)
from unstuck.report.study import Fact
from unstuck.report.words import CONTROL_WORDS, STANCES, VERDICTS, VerdictWord
from unstuck.statistics.power import SIGNIFICANCE
from unstuck.wording import (
    condition_words,
    decimals,
    effect,
    interval,
    number,
    ratio,
    tally,
    with_unit,
)

Row = Mapping[str, Any]
SHORT = 150  # letters of what was measured, on the first page
LONG = 320  # letters of a reason that is not said at a glance


@dataclass(frozen=True)
class Link:
    """A file or page, and what it is."""

    href: str
    name: str
    words: str = ""


@dataclass(frozen=True)
class Outcome:
    """A claim with its verdict, as the first page lists it; ``href`` is empty without a page."""

    id: str
    href: str
    statement_en: str
    statement_zh: str
    verdict: VerdictWord
    measured: str


@dataclass(frozen=True)
class CheckRow:
    """An exact check, as words."""

    name: str
    words: str
    value: str
    expected: str
    tolerance: str
    holds: bool
    control: bool


@dataclass(frozen=True)
class ContrastRow:
    """A contrast, as words."""

    name: str
    note: str
    dataset: str
    condition: str
    effect: str
    interval: str
    seeds: str
    outcome: str
    control: bool


@dataclass(frozen=True)
class Side:
    """Published findings that speak for a claim, or against it."""

    title: str
    items: tuple[Published, ...]


@dataclass(frozen=True)
class ClaimPage:
    """Everything on a claim's page."""

    outcome: Outcome
    kind: str
    slug: str
    section: str
    judged: str
    reasons: tuple[str, ...]
    effects: tuple[str, ...]
    figure: Picture
    forest: Picture | None
    did: str
    did_zh: str
    facts: tuple[Fact, ...]
    checks: tuple[CheckRow, ...]
    contrasts: tuple[ContrastRow, ...]
    controls: tuple[str, ...]
    controls_summary: str
    ours: str
    published: tuple[Side, ...]
    numbers: tuple[Fact, ...]
    command: str
    sources: tuple[Fact, ...]
    data: tuple[Link, ...]


def outcome(claim: Claim, row: Row | None, contrasts: Sequence[Row] = ()) -> Outcome:
    """Put a claim, its row of the verdicts and its contrasts together; None: not in this study."""
    verdict = VERDICTS["not in this study"] if row is None else VERDICTS[str(row["verdict"])]
    return Outcome(
        id=claim.id,
        href="" if row is None else page_name(claim),
        statement_en=claim.statement.en,
        statement_zh=chinese(claim.statement.zh),
        verdict=verdict,
        measured=""
        if row is None
        else shorten(_measured(claim, row, contrasts), SHORT, placeholder=" …"),
    )


def page_name(claim: Claim) -> str:
    """Give the file name of a claim's page."""
    return f"{claim.id}-{claim.slug}.html"


def claim_page(
    claim: Claim,
    row: Row,
    contrasts: Sequence[Row],
    evidence: Evidence,
    *,
    figure: Picture,
    forest: Picture | None,
    section: str,
    command: str,
    table_file: Callable[[str], str],
    data: Sequence[Link],
) -> ClaimPage:
    """Put together what a claim's page says."""
    effects = [each for each in contrasts if each["role"] == "effect"]
    return ClaimPage(
        outcome=outcome(claim, row, contrasts),
        kind=claim.kind,
        slug=claim.slug,
        section=section,
        judged=_judged(claim, row, effects, evidence.checks),
        reasons=_reasons(row),
        effects=_effects(claim, row, effects),
        figure=figure,
        forest=forest,
        did=claim.did.en,
        did_zh=chinese(claim.did.zh),
        facts=_facts(claim, row),
        checks=tuple(_check_row(claim, check) for check in evidence.checks),
        contrasts=tuple(_contrast_row(claim, each) for each in contrasts),
        controls=_controls(claim, contrasts, evidence.checks),
        controls_summary=_controls_summary(contrasts, evidence.checks),
        ours=_ours(claim, row, contrasts, evidence.checks),
        published=tuple(
            Side(title, items)
            for stance, title in STANCES.items()
            if (items := tuple(each for each in claim.published if each.stance == stance))
        ),
        numbers=tuple(
            Fact(_capital(name.replace("_", " ")), number(value))
            for name, value in evidence.numbers.items()
        ),
        command=command,
        sources=tuple(
            Fact(
                table_file(source.table),
                f"{number(source.rows)} rows, SHA-256 {source.sha256[:16]}",
            )
            for source in evidence.sources
        ),
        data=tuple(data),
    )


def _judged(claim: Claim, row: Row, effects: Sequence[Row], checks: Sequence[Check]) -> str:
    """Say what stands above the reasons where these are many; empty where they are few."""
    if len(str(row["reason"])) <= LONG:
        return ""
    if claim.kind == "exact":
        return _held(checks)
    said = f"{tally([str(each['verdict']) for each in effects])}."
    if row["verdict"] == "inconclusive" and row["p_holm"] > SIGNIFICANCE:
        said += (
            f" Over all claims of the study this is no proof: Holm's correction raises p from "
            f"{number(row['p'], 2)} to {number(row['p_holm'], 2)}."
        )
    return said


def _reasons(row: Row) -> tuple[str, ...]:
    """Give the reason of a verdict: as a sentence, or where it is long each part as one."""
    reason = str(row["reason"])
    parts = reason.split("; ") if len(reason) > LONG else [reason]
    return tuple(sentence(part) for part in parts)


def _measured(claim: Claim, row: Row, contrasts: Sequence[Row]) -> str:
    """Put what was measured into a few words for the first page."""
    if claim.kind == "exact":
        return sentence(str(row["reason"])).rstrip(".")
    if row["verdict"] == "depends" and len(str(row["reason"])) > SHORT:
        return tally([str(each["verdict"]) for each in contrasts if each["role"] == "effect"])
    if row["verdict"] in ("depends", "invalid") or not math.isfinite(row["effect"]):
        return sentence(str(row["reason"])).rstrip(".")
    where = place_words(claim, row)
    return f"{short_effect(row)} {where}".strip()


def _effects(claim: Claim, row: Row, effects: Sequence[Row]) -> tuple[str, ...]:
    """Say how large the effects are: that of the claim's row, or one of each outcome."""
    if row["verdict"] != "depends":
        chosen = [each for each in effects if _same_place(each, row)][:1]
    else:
        first = {str(each["verdict"]): each for each in reversed(effects) if each["usable"]}
        chosen = [
            first[name] for name in ("supported", "no effect", "contradicted") if name in first
        ]
    return tuple(text for each in chosen if (text := effect_sentence(claim, each)))


def _same_place(contrast: Row, row: Row) -> bool:
    keys = ("dataset", "condition", "effect", "ci_low")
    return all(contrast[key] == row[key] for key in keys)


def _facts(claim: Claim, row: Row) -> tuple[Fact, ...]:
    facts = [Fact("Where it is said to hold", claim.regime)]
    measures = [claim.effect] if claim.effect else list(claim.effects.values())
    for measured in measures:
        scale = measured.scale
        margin = (
            f"×{number(measured.margin)}" if scale == "ratio" else f"±{number(measured.margin)}"
        )
        facts.append(
            Fact("Measured", f"{measured.what}; margin {with_unit(margin, measured.unit, scale)}")
        )
    for key, values in claim.conditions.items():
        facts.append(Fact(f"Condition: {key}", "; ".join(values.values())))
    if claim.kind == "measured":
        p, detectable = float(row["p_holm"]), float(row["detectable"])
        facts.append(Fact("p, by Holm", "not decided" if math.isnan(p) else number(p)))
        if math.isfinite(detectable) and row["verdict"] in ("inconclusive", "no effect"):
            words = ratio(detectable) if row["scale"] == "ratio" else number(detectable)
            words = with_unit(words, str(row["unit"]), str(row["scale"]))
            facts.append(Fact("Detectable effect", words))
    facts.append(Fact("Cost", claim.cost))
    return tuple(facts)


def _check_row(claim: Claim, check: Check) -> CheckRow:
    words = condition_words(claim.conditions, condition_text(check.condition))
    return CheckRow(
        name=check.name,
        words=words if check.role == "effect" else f"{words} {check.role}".strip(),
        value=number(check.value, 6),
        expected=number(check.expected, 6),
        tolerance=number(check.tolerance),
        holds=check.holds,
        control=check.role != "effect",
    )


def _contrast_row(claim: Claim, row: Row) -> ContrastRow:
    scale = str(row["scale"])
    places = decimals(row["ci_low"], row["ci_high"], scale)
    control = row["role"] != "effect"
    if control:
        result = f"{row['role']}: {CONTROL_WORDS[str(row['passed'])]}"
    else:
        result = str(row["verdict"]) if row["usable"] else "not counted"
    measured = math.isfinite(row["effect"])
    return ContrastRow(
        name=str(row["name"]),
        note=str(row["note"]),
        dataset=str(row["dataset"]),
        condition=condition_words(claim.conditions, str(row["condition"])),
        effect=effect(row["effect"], scale, places, sign=True) if measured else "none",
        interval=interval(row["ci_low"], row["ci_high"], scale) if measured else "none",
        seeds=number(int(row["seeds"])),
        outcome=result,
        control=control,
    )


def _controls(claim: Claim, contrasts: Sequence[Row], checks: Sequence[Check]) -> tuple[str, ...]:
    said = [control_sentence(claim, row) for row in contrasts if row["role"] != "effect"]
    for check in checks:
        if check.role != "effect":
            said.append(
                f"{_capital(check.role)} {'passed' if check.holds else 'failed'}: {check.name}, "
                f"{number(check.value)} where {number(check.expected)} is expected."
            )
    return tuple(said)


def _controls_summary(contrasts: Sequence[Row], checks: Sequence[Check]) -> str:
    """Count the controls by role and outcome, e.g. ``Negative controls: 15 passed, 1 failed.``"""
    counts: dict[str, Counter[str]] = {}
    for row in contrasts:
        if row["role"] != "effect":
            word = CONTROL_WORDS[str(row["passed"])]
            counts.setdefault(str(row["role"]), Counter())[word] += 1
    for check in checks:
        if check.role != "effect":
            word = CONTROL_WORDS["yes" if check.holds else "no"]
            counts.setdefault(check.role, Counter())[word] += 1
    return " ".join(
        f"{_capital(role)}s: {', '.join(f'{n} {word}' for word, n in sorted(found.items()))}."
        for role, found in sorted(counts.items())
    )


def _ours(claim: Claim, row: Row, contrasts: Sequence[Row], checks: Sequence[Check]) -> str:
    if claim.kind == "exact":
        return _held(checks)
    return f"{_capital(str(row['verdict']))}: {_measured(claim, row, contrasts)}."


def _held(checks: Sequence[Check]) -> str:
    """Count the checks that hold, of those that the claim makes."""
    claimed = [check for check in checks if check.role == "effect"]
    held = sum(check.holds for check in claimed)
    return f"{number(held)} of {number(len(claimed))} checks hold."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
