"""From what was judged of a claim to what its figure shows."""

import math
from collections.abc import Mapping
from typing import Any, cast

import pandas as pd

from unstuck.claims.answer import Filling
from unstuck.claims.drawing import ColumnWords, OwnWords, ValueWords
from unstuck.claims.lines import Check, Comparison
from unstuck.claims.model import Claim
from unstuck.figures.data import FigureData, Role, Row
from unstuck.figures.words import Dictionary, arms_of, name_of_part, told_itself
from unstuck.statistics.rule import Word
from unstuck.wording import capital, number

TINY = 1e-200  # stands for zero where zero itself must not do


def figure_data(
    claim: Claim, summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], words: Dictionary
) -> FigureData:
    """Put together what a claim's figure may show.

    Parameters
    ----------
    claim
        What its file says.
    summary
        Its verdict, as ``verdict.json`` holds it.
    tables
        What its picture reads, by name.
    words
        In the figure's language.
    """
    language = words.language
    rows = [_compared(claim, each, words) for each in summary["comparisons"]]
    rows += [_checked(claim, each, words) for each in summary["checks"]]
    order: tuple[Role, ...] = ("primary", "dataset", "scope")
    names = [*claim.parts, *claim.lines]
    kept = [
        (order.index(row.role), names.index(line) if line in names else -1, row)
        for line, row in rows
        if row is not None
    ]
    kept.sort(key=lambda each: each[:2])
    return FigureData(
        claim=claim.id,
        outcome=Word(summary["word"]),
        rows=tuple(row for *_, row in kept),
        tables=tables,
        answer=claim.answer.words(language),
        filling=Filling(summary["texts"][language], summary["turned"][language], summary["tested"]),
        words=_words(claim, words),
    )


def _words(claim: Claim, words: Dictionary) -> OwnWords:
    """Name the arms and the measure of the claim's first comparison."""
    spec = next((each for each in claim.parts.values() if isinstance(each, Comparison)), None)
    if spec is None:
        return OwnWords()
    named = arms_of(spec, words)
    unit = "%" if spec.percent else "" if spec.scale == "ratio" else words.unit(spec.unit)
    measure = spec.measured.words(words.language)
    shown = ColumnWords(en=capital(measure), unit="" if unit in measure else unit)
    return OwnWords(
        columns={"value": shown},
        values={"side": {side: ValueWords(en=text) for side, text in named.items()}},
    )


def _compared(claim: Claim, found: Mapping[str, Any], words: Dictionary) -> tuple[str, Row | None]:
    """Give a comparison as a row; None of controls, and of scope lines that were not judged."""
    line, role = str(found["line"]), str(found["role"])
    spec = claim.parts.get(found["part"]) if role == "dataset" else claim.parts.get(line)
    if role == "scope":
        spec = claim.lines.get(line)
    if not isinstance(spec, Comparison) or (role == "scope" and found["effect"] is None):
        return line, None
    nan = math.nan
    effect, low, high = (
        nan if found[key] is None else found[key] for key in ("effect", "low", "high")
    )
    unit = spec.unit if words.language == "en" else words.unit(spec.unit)
    return line, Row(
        name=_name(claim, found, words),
        effect=float(effect),
        low=float(low),
        high=float(high),
        outcome=Word(found["word"] or Word.NOT_TESTED),
        role=cast(Role, role),
        measure=spec.measured.words(words.language),
        unit=unit,
        scale=spec.scale,
        margin=spec.margin,
        part=str(found["part"]) if role != "scope" else "",
        against=float(found["reference"]) if told_itself(spec) else 0.0,
        at_least=bool(found.get("at_least")),
    )


def _checked(claim: Claim, found: Mapping[str, Any], words: Dictionary) -> tuple[str, Row | None]:
    """Give a check as a row; None of controls."""
    line, role = str(found["line"]), str(found["role"])
    if role == "control" or found["value"] is None:
        return line, None
    word = found["word"] or (Word.SUPPORTED if found["holds"] else Word.CONTRADICTED)
    return line, Row(
        name=_name(claim, found, words),
        effect=float(found["value"]),
        low=math.nan,
        high=math.nan,
        outcome=Word(word),
        role=cast(Role, role),
        measure=_name(claim, found, words),
        scale="exact",
        part=str(found["part"]) if role == "primary" else "",
        bound=_bound(found, words),
    )


def _bound(found: Mapping[str, Any], words: Dictionary) -> str:
    """Say what a checked value must be."""
    if found["equals"] is not None:
        tolerance = f" ± {number(found['tolerance'], 1)}" if found["tolerance"] else ""
        return words.phrase("equals", value=number(found["equals"]) + tolerance)
    low, high = found["at_least"], found["at_most"]
    if low is not None and high is not None:
        return words.phrase("between", low=number(low), high=number(high))
    name, value = ("at least", low) if low is not None else ("at most", high)
    if value and abs(value) < TINY:
        return words.phrase("below 0")
    return words.phrase(name, value=number(value))


def _name(claim: Claim, found: Mapping[str, Any], words: Dictionary) -> str:
    """Name a row: a scope line by its words, a data set by its name, a part by its measure."""
    line, role = str(found["line"]), str(found["role"])
    if role == "scope":
        own = claim.scope[line].words
        return own.words(words.language) if own else line
    if role == "dataset":
        return words.value("dataset", str(found["places"]))
    return _name_of_part(claim, line, str(found.get("places", "")), words)


def _name_of_part(claim: Claim, line: str, places: str, words: Dictionary) -> str:
    """Name a part as the figure does, or by what tells it apart: measure, arms, data sets."""
    spec = claim.parts[line]
    own = claim.figure.words.values.get("part", {}).get(line) if claim.figure else None
    if own is not None:
        return own.words(words.language)
    if isinstance(spec, Check):
        known = isinstance(spec.value, str) and len(claim.parts) > 1
        column = words.column(str(spec.value)) if known else None
        named = spec.name or column
        return named.words(words.language) if named else words.phrase("check")
    if len(claim.parts) > 1:
        return name_of_part(claim, line, spec, words)
    if "," in places:
        return words.phrase("all")
    return words.value("dataset", places) if places else spec.measured.words(words.language)
