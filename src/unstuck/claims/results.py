"""What was judged, on disk: a folder a claim, and one table and one page of answers a study."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unstuck.claims.answer import LANGUAGES, Places, answer, filling
from unstuck.claims.lines import Comparison
from unstuck.claims.stability import changes, words_anew
from unstuck.claims.verdict import Judged, Verdict
from unstuck.described import described
from unstuck.files import read_csv, read_json, write_csv, write_json
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.rule import SAID, Word, alarms_allowed, position
from unstuck.study.paths import CHECKS, COMPARISONS, VALUES, VERDICT


def save(verdict: Verdict, folder: str | Path, places: Places | None = None) -> None:
    """Write what was found of a claim: its verdict, comparisons, checks and values.

    Factors stand as factors in `comparisons.csv`, and so do the values of `values.csv`.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    write_csv(place / COMPARISONS, comparisons(verdict))
    write_csv(place / CHECKS, checks(verdict))
    write_csv(place / VALUES, values(verdict))
    anew = [str(word) for word in words_anew(verdict)]
    write_json(place / VERDICT, summary(verdict, places) | {"anew": anew})


def word_of(folder: str | Path) -> tuple[str, Word]:
    """Read the id and the word of a claim that was judged."""
    content = read_json(Path(folder) / VERDICT)
    return content["claim"], Word(content["word"])


def load_values(folder: str | Path) -> pd.DataFrame:
    """Read the values that a claim that was judged compares."""
    table = read_csv(Path(folder) / VALUES, dtype={"line": str})
    return table.assign(line=table["line"].fillna(""))


def summary(verdict: Verdict, places: Places | None = None) -> dict[str, Any]:
    """Give a verdict as plain values: what pages, figures and tables of all claims read."""
    claim = verdict.claim
    answers = {language: answer(verdict, language, places) for language in LANGUAGES}
    found = {language: filling(verdict, language) for language in LANGUAGES}
    told = {line.name: role for role, line in verdict.told}
    return {
        "claim": claim.id,
        "slug": claim.slug,
        "section": claim.section,
        "kind": claim.kind,
        "word": str(verdict.word),
        "word_zh": SAID[verdict.word].zh,
        "question": {language: claim.question.words(language) for language in LANGUAGES},
        "answer": {language: each.text for language, each in answers.items()},
        "sentence": {language: each.sentence for language, each in answers.items()},
        "headline": {language: each.headline for language, each in answers.items()},
        "texts": {language: each.texts for language, each in found.items()},
        "turned": {language: each.turned for language, each in found.items()},
        "tested": found["en"].tested,
        "registered": None if claim.registered is None else claim.registered.isoformat(),
        "told": told,
        "numbers": {name: _plain(value) for name, value in verdict.numbers.items()},
        "comparisons": _records(comparisons(verdict)),
        "checks": _records(checks(verdict)),
    }


def comparisons(verdict: Verdict) -> pd.DataFrame:
    """Give a row a comparison: the primary, each of its datasets, the scope, the controls.

    Returns
    -------
    comparisons
        One row a comparison. Effects are ratios where `scale` is ratio, and differences otherwise.
        claim (string): Number of the claim.
        line (string): Name of the comparison in the claim's file; empty for the only primary.
        role (string): primary, dataset (the primary on one), scope, control, itself (an arm against
            itself) or planted (likewise, with two margins planted in it).
        part (string): Part of the primary that the row belongs to.
        word (string): What the rule says of it.
        outcome (string): What that means for the claim.
        told (boolean): Whether the answer's second sentence tells of it.
        measure (string): What is measured, in words.
        unit (string): Unit of effect, interval, margin, arm and reference; times for a ratio.
        scale (string): difference or ratio (of geometric means).
        claims (string): What is claimed: effect, equivalence or no worse.
        statistic (string): mean, share or correlation.
        sign (number): −1 where a correlation is turned round.
        expect (string): Of a control, what it must come to: none or effect.
        margin (number, as in unit): Effect below which a difference does not matter.
        effect (number, as in unit): Effect of the arm against the reference.
        low, high (number, as in unit): End of its 95 % interval.
        p (number): Two-sided p-value of no effect; of equivalence and of no worse, that of an
            effect as large as the margin.
        units (integer, units): Units of the data set that has fewest.
        arm, reference (number, as in unit): Mean of that arm; geometric where `scale` is ratio.
        unarrived (number): Share of the reference's runs that did not arrive at their target.
        at_least (boolean): Whether the effect is a lower bound: runs of the arm did not arrive and
            count their budget.
        places (string): Names of the data sets.
        left_out (string): Data sets that left the comparison, and why.
        reason (string): Why the word is not the interval's alone.
    """
    told = {line.name: role for role, line in verdict.told}
    rows = []
    for line in verdict.lines:
        spec = line.spec
        if not isinstance(spec, Comparison):
            continue
        control = verdict.claim.controls.get(line.name) if line.role == "control" else None
        rows.append(
            {
                **_head(verdict, line),
                "told": line.name in told,
                "measure": spec.measured.en,
                **spec.model_dump(
                    include={"unit", "scale", "claims", "statistic", "sign", "margin"}
                ),
                "expect": control.expect if control else "",
                **_effect(line, spec),
                "left_out": "; ".join(f"{place}: {why.en}" for place, why in line.left_out.items()),
                "reason": line.reason.en if line.reason else "",
            }
        )
    rows += [row for part in verdict.parts for row in _against_itself(verdict, part)]
    return _table(rows, comparisons)


def checks(verdict: Verdict) -> pd.DataFrame:
    """Give a row an exact check.

    Returns
    -------
    checks
        One row an exact check.
        Also: claim, line, role, part, word, outcome.
        value (number): What was found.
        equals (number): What it must be.
        tolerance (number): How far it may be from that.
        relative (boolean): Whether the tolerance is a share of what it must be.
        at_least, at_most (number): Bound of what it may be.
        holds (boolean): Whether it is so.
        small_at_least, small_at_most (number): Bound within which it holds for all that matters.
        small (boolean): Whether it is within these.
        n (integer, rows): Rows that were checked.
        skipped (integer, rows): Rows without a value.
    """
    rows = []
    for line in verdict.lines:
        if isinstance(line.spec, Comparison):
            continue
        holds, small = line.spec.holds, line.spec.small
        found = line.checked
        rows.append(
            {
                **_head(verdict, line),
                "value": math.nan if found is None else found.value,
                **holds.model_dump(),
                "holds": found is not None and found.holds,
                "small_at_least": small.at_least if small else None,
                "small_at_most": small.at_most if small else None,
                "small": found is not None and found.small,
                "n": 0 if found is None else found.n,
                "skipped": 0 if found is None else found.skipped,
            }
        )
    return _table(rows, checks)


def values(verdict: Verdict) -> pd.DataFrame:
    """Give a row a value: of every line, arm, place, unit and rate, with its run's id.

    Returns
    -------
    values
        One row a value that a comparison is made of; the columns of its conditions besides.
        Also: claim, line.
        role_of_line (string): primary, scope or control.
        pair (integer): Number of the pair of arm and reference that it belongs to.
        weight (number): Weight of the pair in the effect.
        side (string): arm or reference.
        dataset (string): Name of the data set.
        unit (integer): Number of the unit, which pairs arms.
        rate (number): Learning rate; none where there is no choice of it.
        arrived (boolean): Whether the run arrived at its target; true where it has none.
        run_id (string): Digest of all that decides the run, where the value is of one.
        role (string): finalist or fixed.
        value (number): The value, in the unit of its comparison.
        against (number): The other column of a correlation.
        score (number): What the rate was chosen by, lower is better: as in the table of runs, or
            where the value itself chooses the value, of ratios its natural logarithm.
        chosen (boolean): Whether it is the rate chosen.
    """
    tables = []
    for line in verdict.lines:
        if line.compared is None or line.role == "dataset" or not line.compared.pairs:
            continue
        table = line.compared.values()
        if line.compared.spec.scale == "ratio":
            table = table.assign(value=np.exp(table["value"]))
        head = {"claim": verdict.claim.id, "line": line.name, "role_of_line": line.role}
        tables.append(pd.DataFrame(head, index=table.index).join(table))
    if not tables:
        return pd.DataFrame(columns=["claim", "line", "role_of_line", "side", "unit", "value"])
    return pd.concat(tables, ignore_index=True)


def verdicts(summaries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Give a row a claim and part of its primary, with q-values over all parts that were tested.

    Benjamini and Hochberg's q-values decide nothing; they stand beside.

    Returns
    -------
    verdicts
        One row a claim and part of its primary. Effects are ratios where `scale` is ratio.
        Also: claim.
        slug (string): Name of the claim's file.
        section (string): Section of the notes.
        kind (string): measured or exact.
        word (string): Word of the claim, by all parts of its primary.
        zh (string): The word in Chinese.
        part (string): Part of the primary; empty where there is one alone.
        Also: effect, low, high, unit, scale, margin, p.
        q (number): Benjamini and Hochberg's q-value of it over all parts that were tested.
        units (number, units): Units of the data set that has fewest.
        registered (string): Date on which the primary was entered.
    """
    from scipy.stats import false_discovery_control

    rows = []
    for each in summaries:
        head = {key: each[key] for key in ("claim", "slug", "section", "kind", "word")}
        head |= {"zh": each["word_zh"], "registered": each["registered"]}
        primary = [row for row in each["comparisons"] if row["role"] == "primary"]
        for row in primary:
            keys = ("effect", "low", "high", "unit", "scale", "margin", "p", "units")
            rows.append(head | {"part": row["line"]} | {key: row[key] for key in keys})
        if not primary:
            rows.append(head | {"part": ""})
    table = _table(rows, verdicts)
    p = table["p"].astype("float64")
    known = p.notna()
    if known.any():
        table.loc[known, "q"] = false_discovery_control(p[known].to_numpy())
    return table


def answers(summaries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Give a row a claim: its question and its answer in both languages.

    Returns
    -------
    answers
        One row a claim.
        Also: claim, slug, word.
        question, answer (string): In English.
        question_zh, answer_zh (string): In Chinese.
    """
    rows = [
        {
            **{key: each[key] for key in ("claim", "slug", "word")},
            "question": each["question"]["en"],
            "answer": each["answer"]["en"],
            "question_zh": each["question"]["zh"],
            "answer_zh": each["answer"]["zh"],
        }
        for each in summaries
    ]
    return _table(rows, answers)


def answers_page(summaries: Sequence[Mapping[str, Any]]) -> str:
    """Give all answers as a page of Markdown."""
    lines = ["# Answers", ""]
    for each in summaries:
        lines += [f"**{each['claim']} {each['question']['en']}** {each['answer']['en']}", ""]
        if each["question"]["zh"] != each["question"]["en"]:
            lines += [f"{each['question']['zh']}{each['answer']['zh']}", ""]
    lines += [line for text in how_sound(summaries) for line in (text, "")]
    return "\n".join(lines)


def how_sound(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say how a study's words bear other units, and its arms a comparison with themselves.

    Sentences in English and in Chinese; none where nothing was judged on units.
    """
    found = changes([(each["word"], each["anew"]) for each in summaries])
    rows = [row for each in summaries for row in each["comparisons"] if row["role"] == "itself"]
    strays = sum(row["outcome"] == "strays" for row in rows)
    told = []
    if found.claims:
        told += [
            f"If its units are resampled and all is judged anew, {found.mean:.1f} of "
            f"{found.claims} words change on average ({found.least} to {found.most}).",
            f"若对单元重新抽样并全部重新判定，{found.claims} 个结论中平均有 {found.mean:.1f} 个改变"
            f"（{found.least}～{found.most} 个）。",
        ]
    if rows:
        told += [
            f"Of {len(rows)} arms held against themselves, {strays} differ from zero; up to "
            f"{alarms_allowed(len(rows))} are chance.",
            f"{len(rows)} 个组与自身比较，有 {strays} 个与零不同；不超过 "
            f"{alarms_allowed(len(rows))} 个可归于偶然。",
        ]
    return told


def load_summaries(folders: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Read the verdicts of claims, in the order given."""
    return [read_json(Path(folder) / VERDICT) for folder in folders]


def _against_itself(verdict: Verdict, part: Judged) -> Iterator[dict[str, Any]]:
    """Rows of each arm of a part against itself, as it is and with two margins planted."""
    spec = part.spec
    if not isinstance(spec, Comparison):
        return
    for role, estimates in (("itself", part.itself), ("planted", part.planted)):
        for name, estimate in estimates.items():
            if role == "planted":
                outcome = "found" if estimate.low > 0 else "missed"
            else:
                outcome = "strays" if estimate.low > 0 or estimate.high < 0 else "passed"
            yield {
                **{"claim": verdict.claim.id, "line": name, "role": role, "part": part.name},
                **{"outcome": outcome, "measure": spec.measured.en},
                **spec.model_dump(include={"unit", "scale", "claims", "margin"}),
                **_interval(estimate, spec),
                "p": estimate.p_zero,
            }


def _head(verdict: Verdict, line: Judged) -> dict[str, Any]:
    return {
        "claim": verdict.claim.id,
        "line": line.name,
        "role": line.role,
        "part": line.name if line.role == "primary" else line.of,
        "word": _word(line),
        "outcome": line.outcome,
    }


def _word(line: Judged) -> str:
    """The word of a part of the primary, and what the rule says of any other comparison alone."""
    if line.word is not None:
        return str(line.word)
    if line.estimate is None or not isinstance(line.spec, Comparison) or line.role == "control":
        return ""
    return str(position(line.estimate, line.spec.threshold, line.spec.claims))


def _effect(line: Judged, spec: Comparison) -> dict[str, Any]:
    if line.estimate is None or line.compared is None:
        return dict.fromkeys(("effect", "low", "high", "p"), math.nan) | {"units": 0, "places": ""}
    arm, reference = line.compared.means()
    return {
        **_interval(line.estimate, spec),
        "p": line.p,
        "arm": _told(arm, spec),
        "reference": _told(reference, spec),
        "unarrived": line.compared.unarrived(),
        "at_least": line.compared.at_least,
        "places": ", ".join(line.compared.places),
    }


def _interval(estimate: Estimate, spec: Comparison) -> dict[str, float]:
    ends = {"effect": estimate.effect, "low": estimate.low, "high": estimate.high}
    return {name: _told(value, spec) for name, value in ends.items()} | {"units": estimate.n}


def _told(value: float, spec: Comparison) -> float:
    """A number in the unit of its comparison: a factor as a factor."""
    return float(np.exp(value)) if spec.scale == "ratio" else value


def _table(rows: Sequence[Mapping[str, Any]], maker: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Make a table of the columns that the docstring of its maker describes."""
    (table,) = described(maker).values()
    return pd.DataFrame(rows, columns=[column.name for column in table.columns])


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): _plain(value) for key, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _plain(value: Any) -> Any:
    """A value as JSON holds it, which knows no infinity."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
