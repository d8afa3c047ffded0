"""The report: static pages from verdicts, evidence and figures."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from unstuck.claims.registry import Claim, Registry
from unstuck.claims.sections import SECTIONS
from unstuck.claims.storage import load_evidence
from unstuck.errors import DataError
from unstuck.files import atomic_path, write_csv
from unstuck.report.glossary import load_glossary
from unstuck.report.pages import ClaimPage, Link, Outcome, claim_page, outcome
from unstuck.report.pictures import Picture, copy_file, place_picture
from unstuck.report.study import is_timing, settings, table_file
from unstuck.report.words import ABSENT, VERDICTS
from unstuck.study.config import Study

QUESTION = "Why does the training of a neural network stop, and what gets it going again?"
ASSETS = ("style.css", "filter.js")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Sources:
    """The folders that a report is made from.

    Attributes
    ----------
    evidence
        One folder of evidence per claim, named by its id.
    figures
        ``<id>.svg`` and ``<id>.png`` per claim.
    forests
        The same for the forest of each measured claim that has an effect, in a folder a section.
    templates
        Templates, style sheet, script and glossary.
    """

    evidence: Path
    figures: Path
    forests: Path
    templates: Path


def render(
    study: Study,
    registry: Registry,
    verdicts: pd.DataFrame,
    contrasts: pd.DataFrame,
    sources: Sources,
    *,
    out: Path,
    cards: Mapping[str, Mapping[str, Any]],
    command: str = "snakemake {claim}",
) -> None:
    """Write the report: ``index.html``, a page per claim, ``glossary.html``, figures and data.

    Parameters
    ----------
    registry
        All claims; those without a row in ``verdicts`` are listed as not in this study.
    verdicts, contrasts
        As `unstuck.claims.verdicts.decide` gives them.
    cards
        The card of each prepared dataset, by name.
    command
        What makes one claim anew, with ``{claim}`` for its id.

    Raises
    ------
    DataError
        If evidence or a figure of a claim is missing, or a verdict has no entry in the registry.
    """
    rows = {str(row["id"]): row for row in _records(verdicts)}
    for unknown in rows.keys() - registry.keys():
        raise DataError(
            f"verdicts have claim {unknown}, which the registry lacks; decide them again."
        )
    out.mkdir(parents=True, exist_ok=True)
    pages = [
        _page(
            claim,
            rows[claim.id],
            _of_claim(contrasts, claim),
            sources,
            out=out,
            command=command,
            table_file=partial(table_file, study),
        )
        for claim in registry.values()
        if claim.id in rows
    ]
    writer = _Writer(sources.templates, out)
    for index, page in enumerate(pages):
        before = pages[index - 1].outcome if index else None
        after = pages[index + 1].outcome if index + 1 < len(pages) else None
        timing = is_timing(registry[page.outcome.id], study)
        writer.write(
            "claim.html.j2",
            page.outcome.href,
            claim=page,
            timing=timing,
            before=before,
            after=after,
        )
    outcomes = [
        outcome(claim, rows.get(claim.id), _of_claim(contrasts, claim))
        for claim in registry.values()
    ]
    writer.write(
        "index.html.j2",
        "index.html",
        question=QUESTION,
        study=settings(study, cards),
        total=len(outcomes),
        tally=_tally(outcomes),
        tested=[(verdict, count) for verdict, count in _tally(outcomes) if verdict.word != ABSENT],
        sections=_sections(registry, outcomes),
        timings={claim.id for claim in registry.values() if is_timing(claim, study)},
        pages=pages,
        legend=tuple(VERDICTS.values()),
        downloads=_downloads(verdicts, contrasts, out),
    )
    writer.write(
        "glossary.html.j2",
        "glossary.html",
        glossary=load_glossary(sources.templates / "glossary.yaml"),
    )
    for asset in ASSETS:
        copy_file(sources.templates / asset, out / asset)


class _Writer:
    """Fills templates and writes pages; text is escaped, a name that is not given is an error."""

    def __init__(self, templates: Path, out: Path) -> None:
        self._out = out
        self._environment = Environment(
            loader=FileSystemLoader(templates / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["code"] = _code

    def write(self, template: str, name: str, **context: Any) -> None:
        text = self._environment.get_template(template).render(context)
        with atomic_path(self._out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _code(text: str) -> Markup:
    """Escape a text, and set what it has between backticks as code."""
    parts = str(escape(text)).split("`")
    if len(parts) % 2 == 0:  # a backtick without its fellow
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>" if index % 2 else "{}").format(Markup(part))
        for index, part in enumerate(parts)
    )


def _page(
    claim: Claim,
    row: Row,
    contrasts: Sequence[Row],
    sources: Sources,
    *,
    out: Path,
    command: str,
    table_file: Callable[[str], str],
) -> ClaimPage:
    evidence = load_evidence(sources.evidence / claim.id)
    figure = place_picture(sources.figures, claim.id, out / "figures", claim.id)
    forest: Picture | None = None
    if any(math.isfinite(each["effect"]) for each in contrasts):
        folder = sources.forests / claim.section
        forest = place_picture(folder, claim.id, out / "figures", f"{claim.id}-effects")
    return claim_page(
        claim,
        row,
        contrasts,
        evidence,
        figure=figure,
        forest=forest,
        section=SECTIONS[claim.section].title,
        command=command.format(claim=claim.id),
        table_file=table_file,
        data=_data(claim, sources.evidence / claim.id, tuple(evidence.tables), out),
    )


def _data(claim: Claim, folder: Path, tables: Sequence[str], out: Path) -> list[Link]:
    """Copy a claim's evidence into the report, and say what each file is."""
    files = {f"{name}.csv": "what the figure draws" for name in tables}
    if claim.kind == "measured":
        files["values.csv"] = "one effect a row, for each contrast and seed"
    files["evidence.json"] = "checks, conditions and sources"
    links = []
    for name, words in files.items():
        copy_file(folder / name, out / "data" / claim.id / name)
        links.append(Link(f"data/{claim.id}/{name}", name, words))
    return links


def _downloads(verdicts: pd.DataFrame, contrasts: pd.DataFrame, out: Path) -> tuple[Link, ...]:
    files = {
        "verdicts.csv": (verdicts, "one claim a row, with verdict, effect, interval and reason"),
        "contrasts.csv": (contrasts, "one comparison a row"),
    }
    for name, (table, _) in files.items():
        write_csv(out / "data" / name, table)
    return tuple(Link(f"data/{name}", name, words) for name, (_, words) in files.items())


def _tally(outcomes: Sequence[Outcome]) -> list[tuple[Any, int]]:
    """Count the verdicts, in the order in which they are explained."""
    counts = Counter(each.verdict.word for each in outcomes)
    return [(verdict, counts[word]) for word, verdict in VERDICTS.items() if counts[word]]


def _sections(registry: Registry, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    sections: dict[str, list[Outcome]] = {}
    for each in outcomes:
        sections.setdefault(registry[each.id].section, []).append(each)
    return [
        {"number": number, "title": SECTIONS[number].title, "claims": claims}
        for number, claims in sections.items()
    ]


def _of_claim(contrasts: pd.DataFrame, claim: Claim) -> list[Row]:
    return _records(contrasts[contrasts["id"] == claim.id])


def _records(table: pd.DataFrame) -> list[Row]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
