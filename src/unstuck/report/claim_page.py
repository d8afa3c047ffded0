"""The page of a claim."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unstuck.claims.lines import Comparison
from unstuck.claims.model import Claim
from unstuck.figures.words import arms_of, name_of_part
from unstuck.files import read_csv
from unstuck.report.margins import by_margin
from unstuck.report.overview import line as line_picture
from unstuck.report.spoken import Spoken
from unstuck.statistics.rule import GROUPS, SAID, said
from unstuck.study.paths import CHECKS, COMPARISONS, VALUES, VERDICT
from unstuck.wording import counted, number

#: files of a claim that the report takes along
TABLES = (VALUES, COMPARISONS, CHECKS, VERDICT)
SIDES = ("arm", "reference")
#: pandas that shows the checks of an exact claim
CHECKED = (
    "import pandas as pd",
    "c = pd.read_csv('checks.csv')",
    "c = c[c.role == 'primary']",
    "print(c[['value', 'at_least', 'at_most', 'equals', 'tolerance', 'holds']])",
)

SAID_OUTCOMES: Mapping[str, Mapping[str, str]] = {
    "reversal": {"en": "reverses", "zh": "相反"},
    "vanishing": {"en": "hardly matters", "zh": "无关紧要"},
    "appearing": {"en": "a difference", "zh": "有差别"},
    "holds": {"en": "holds", "zh": "成立"},
    "fails": {"en": "does not hold", "zh": "不成立"},
    "not tested here": {"en": "not tested here", "zh": "此处未测"},
    **{str(word): {"en": str(word), "zh": said.zh} for word, said in SAID.items()},
}


def claim_page(spoken: Spoken, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the page of a claim tells."""
    claim, card = spoken.site.claims[summary["claim"]], spoken.card(summary)
    base = "../" if spoken.language == "en" else "../../"
    source, code = spoken.site.source, spoken.site.code
    runs = _runs(source.claims / claim.id / VALUES)
    target = source.figures / f"{claim.id}.svg"
    return {
        "heading": card["question"],
        "description": summary["answer"][spoken.language],
        "picture": f"{base}figures/{claim.id}.png",
        "claim": card,
        "section": spoken.section(claim.section),
        "figure": spoken.figure(base, claim.id, summary),
        "did": spoken.text(claim.did) if claim.did else "",
        "regime": spoken.text(claim.regime) if claim.regime else "",
        "arms": _arms(spoken, claim),
        "scope": [_line(spoken, row, claim) for row in _lines(summary)],
        "margins": _margins(spoken, summary),
        "exclusive": exclusive(spoken, claim.id),
        "statement": spoken.text(claim.statement),
        "registered": _registered(spoken, claim, summary),
        "changes": [
            {"date": each.date, "change": spoken.text(each.change)} for each in claim.changes
        ],
        "published": [
            each.model_dump()
            | {"says": spoken.text(each.says), "link": _link(each.doi, each.arxiv, each.url)}
            for each in claim.published
        ],
        "command": f"snakemake {target.as_posix()}{source.configfile}",
        "tables": [{"href": f"{base}tables/{claim.id}/{name}", "name": name} for name in TABLES],
        "runs": spoken.say("claim", "runs", runs=f"{len(runs):,}") if len(runs) else "",
        "code": sorted({code[run] for run in runs if run in code}),
        "recompute": _recompute(summary),
    }


def _arms(spoken: Spoken, claim: Claim) -> list[str]:
    """Say of each part of the primary which arm is taken from which, or divided by which."""
    words = spoken.dictionary.with_own(*((claim.figure.words,) if claim.figure else ()))
    found: dict[str, list[str]] = {}
    for name, part in claim.parts.items():
        if not isinstance(part, Comparison) or part.statistic == "correlation":
            continue
        arms = arms_of(part, words)
        if all(words.named("side", side) for side in SIDES):
            arms = {side: words.value("side", side) for side in SIDES}
        if len(arms) == len(SIDES):
            told = spoken.say("claim", part.scale, **arms)
            # numbers alone do not say of what
            if any(text.replace(",", "").replace(".", "").isdigit() for text in arms.values()):
                column = words.column(next(iter(part.arm))).words(spoken.language)
                told = spoken.say("claim", "of_column", arms=told, column=column)
            found.setdefault(told, []).append(name)
    if len(found) == 1:
        return list(found)
    return [
        spoken.say("claim", "colon").join([" ".join(names), told]) for told, names in found.items()
    ]


def _margins(spoken: Spoken, summary: Mapping[str, Any]) -> dict[str, Any]:
    """The words that other margins would have given, and what moves a margin on the page."""
    rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
    found = by_margin(rows)
    if not found:
        return {}

    # parts that share a margin and its unit share its words
    alone = {(row["margin"], row["scale"], spoken.size(row)): row for row in rows}

    def told(times: float) -> str:
        return spoken.say("claim", "between").join(
            spoken.margin(row, times) for row in alone.values()
        )

    stretches = []
    for each in found:
        answer = said(each.word, rows[0]["claims"])
        ends = ("upto" if each is found[0] else "") + ("from" if each is found[-1] else "")
        low, high = told(each.low), told(each.high)
        stretches.append(
            {
                "group": GROUPS[each.word],
                "said": answer.answer if spoken.language == "en" else answer.answer_zh,
                "text": spoken.say("margins", ends or "between", low=low, high=high),
                "high": round(math.log10(each.high), 4),
                "share": round(math.log10(each.high / each.low), 4),
            }
        )
    lead = spoken.say("margins", "lead", margin=told(1))
    return {"stretches": stretches, "parts": json.dumps(list(alone)), "lead": lead}


def _line(spoken: Spoken, row: Mapping[str, Any], claim: Claim) -> dict[str, Any]:
    line, part = claim.scope.get(row["line"]), claim.parts.get(row["line"])
    words = line.words.words(spoken.language) if line and line.words else row["line"]
    if row["role"] == "dataset":
        words = spoken.value("dataset", row["places"])
    if row["role"] == "primary" and isinstance(part, Comparison):
        words = name_of_part(claim, row["line"], part, spoken.dictionary)
    if row["role"] in ("primary", "dataset") and len(claim.parts) > 1:
        words = f"{row['part']}: {words}" if spoken.language == "en" else f"{row['part']}：{words}"
    outcome = row["outcome"] or row["word"]
    if outcome in SAID_OUTCOMES:
        outcome = SAID_OUTCOMES[outcome][spoken.language]
    return {
        "name": words,
        "picture": line_picture(row, line_group(row)),
        "primary": row["role"] == "primary",
        "effect": spoken.effect(row) if "effect" in row else check_words(row),
        "units": int(row.get("units") or row.get("n") or 0) or "",
        "outcome": outcome,
        "group": line_group(row),
    }


def exclusive(spoken: Spoken, claim: str) -> dict[str, Any]:
    """Two statements that exclude each other in the same runs, on the pages of both."""
    told: dict[str, Any] = spoken.words(spoken.site.words["exclusive"])
    names = [column["claim"] for column in told["columns"]]
    judged = {
        (summary["claim"], row["line"]): row
        for summary in spoken.site.summaries
        for row in summary["comparisons"]
        if row["effect"] is not None
    }
    rows = []
    for row in told["rows"]:
        shares = [judged.get(key) for key in zip(names, row["lines"], strict=True)]
        if claim not in names or not all(shares):
            return {}
        told_of = zip(told["columns"], filter(None, shares), strict=True)
        found = [(column["name"], share) for column, share in told_of]
        most = [name for name, share in found if share["low"] > 0]
        rows.append(
            {
                "name": row["name"],
                "shares": [spoken.share(share) for _, share in found],
                "survives": ", ".join(most) or told["neither"],
            }
        )
    return told | {"rows": rows}


def _registered(spoken: Spoken, claim: Claim, summary: Mapping[str, Any]) -> list[str]:
    told = []
    if claim.notes:
        lines = ("、" if spoken.language == "zh" else ", ").join(map(str, claim.notes))
        told.append(
            spoken.say("claim", "lines" if len(claim.notes) > 1 else "line_of", lines=lines)
        )
    if claim.from_lecture:
        what = claim.from_lecture.words(spoken.language)
        told.append(spoken.say("claim", "lecture", what=what))
    if claim.registered:
        told.append(spoken.say("claim", "registered_on", date=claim.registered.isoformat()))
    if claim.measure and claim.measure.margin and claim.measure.because:
        unit = spoken.dictionary.unit(claim.measure.unit or "")
        margin = counted(f"{claim.measure.margin:g}", unit)
        because = claim.measure.because.words(spoken.language)
        told.append(spoken.say("claim", "margin", margin=margin, because=because))
    return told if claim.changes else [*told, spoken.say("claim", "no_changes")]


def check_words(row: Mapping[str, Any]) -> str:
    """The number of a check."""
    return "" if row["value"] is None else number(float(row["value"]), 3)


def _lines(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    compared = summary["comparisons"]
    others = [row for row in (*compared, *summary["checks"]) if row["role"] in ("dataset", "scope")]
    return [*(row for row in compared if row["role"] == "primary"), *others]


def line_group(row: Mapping[str, Any]) -> str:
    """Give the colour of what a line came to."""
    if row["outcome"] in ("reversal", "fails"):
        return "no"
    if row["outcome"] in ("vanishing",):
        return "none"
    if row["outcome"] in ("holds", "appearing"):
        return "yes"
    return GROUPS.get(row["word"] or row["outcome"], "open")


def _link(doi: str | None, arxiv: str | None, url: str | None) -> str:
    if doi:
        return f"https://doi.org/{doi}"
    return f"https://arxiv.org/abs/{arxiv}" if arxiv else url or ""


def _runs(path: Path) -> Sequence[str]:
    """The ids of the runs that a claim rests on."""
    table = read_csv(path)
    return list(table["run_id"].dropna().unique()) if "run_id" in table else []


def _recompute(summary: Mapping[str, Any]) -> str:
    """Plain pandas that gives the number of the first part of a primary again.

    A number that is checked comes with what it must be.
    """
    rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
    if not rows:
        return "\n".join(CHECKED) if summary["checks"] else ""
    first = rows[0]
    if first["effect"] is None or first["statistic"] not in ("mean", "share"):
        return ""
    ratio = first["scale"] == "ratio"
    # of an arm that is held against a number
    against = "0" if first["statistic"] == "mean" else f"{first['reference']:g}"
    lines = [
        *(("import numpy as np",) if ratio else ()),
        "import pandas as pd",
        "v = pd.read_csv('values.csv', keep_default_na=False, na_values={'value': ['']})",
        f"v = v[(v.role_of_line == 'primary') & (v.line == {first['line']!r}) & v.chosen]",
        *(("v = v.assign(value=np.log(v.value))",) if ratio else ()),
        "means = v.groupby(['pair', 'weight', 'side']).value.mean().unstack()",
        f"difference = means['arm'] - means.get('reference', {against})",
        "effect = (difference * difference.index.get_level_values('weight')).sum()",
        "print(np.exp(effect))" if ratio else "print(effect)",
    ]
    return "\n".join(lines)
