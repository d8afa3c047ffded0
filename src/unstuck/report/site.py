"""The report: a landing page, a page a claim and an experiment, pages beside; in two languages."""

import functools
import json
import math
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from unstuck.claims.lines import Comparison
from unstuck.claims.model import Claim
from unstuck.claims.results import how_sound
from unstuck.data.spec import DatasetSpec
from unstuck.population.foreign import source_digest
from unstuck.report.dictionary import sections
from unstuck.report.experiments import final_values, first_rows, rates_tried
from unstuck.report.margins import by_margin, multiple
from unstuck.report.overview import Mark, draw, error_share, in_margins
from unstuck.report.overview import line as line_picture
from unstuck.statistics.rule import SAID, Word, said
from unstuck.study.config import Study
from unstuck.study.plan import Plan
from unstuck.wording import number
from unstuck.yaml_files import read_yaml

LANGUAGES = ("en", "zh")
#: colour of a word, and of what a line of the scope came to
GROUPS: Mapping[str, str] = {
    **dict.fromkeys(("supported", "small", "direction"), "yes"),
    "partly": "part",
    "no effect": "none",
    **dict.fromkeys(("contradicted", "wrong direction"), "no"),
}
#: of a preview
COLOURS = 64
#: files of a claim that the report takes along
TABLES = ("values.csv", "comparisons.csv", "checks.csv", "verdict.json")


@dataclass(frozen=True)
class Source:
    """Where the parts of a report lie.

    Parameters
    ----------
    pages
        Templates, style, script and words.
    claims
        Folder of what was judged, a folder a claim.
    figures
        Folder of the figures; ``<id>.svg``, and ``<id>.zh.svg`` in Chinese where there is one.
    tables
        Folder of the tables of experiments.
    configfile
        The option that names the study's file in commands.
    notes
        A reader's own copy of the notes, laid beside ours.
    """

    pages: Path
    claims: Path
    figures: Path
    tables: Path
    configfile: str = ""
    notes: Path | None = None


@dataclass(frozen=True)
class Site:
    """All that pages are made from."""

    study: Study
    claims: Mapping[str, Claim]
    summaries: Sequence[Mapping[str, Any]]
    source: Source
    words: Mapping[str, Any] = field(repr=False)
    dictionary: Mapping[str, Any] = field(repr=False)
    environment: Environment = field(repr=False)

    @classmethod
    def read(
        cls,
        study: Study,
        claims: Mapping[str, Claim],
        summaries: Sequence[Mapping[str, Any]],
        source: Source,
    ) -> "Site":
        """Read templates and words."""
        environment = Environment(
            loader=FileSystemLoader(source.pages),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        words = read_yaml(source.pages / "site.yaml")
        dictionary = read_yaml(source.pages.parent / "words.yaml")
        return cls(study, claims, summaries, source, words, dictionary, environment)

    def write(self, folder: Path) -> None:
        """Write every page into a folder that is not there yet."""
        for name in ("figures", "tables"):
            (folder / name).mkdir(parents=True)
        for name in ("style.css", "page.js"):
            shutil.copyfile(self.source.pages / name, folder / name)
        for summary in self.summaries:
            name = summary["claim"]
            for file in sorted(self.source.figures.glob(f"{name}.*svg")):
                shutil.copyfile(file, folder / "figures" / file.name)
            preview(self.source.figures / f"{name}.png", folder / "figures" / f"{name}.png")
            (folder / "tables" / name).mkdir()
            for table in TABLES:
                shutil.copyfile(self.source.claims / name / table, folder / "tables" / name / table)
        for experiment in self.study.experiments:
            for file in sorted(self.source.figures.glob(f"experiment.{experiment}.*svg")):
                shutil.copyfile(file, folder / "figures" / file.name)
            for table in self.tables_of(experiment):
                shutil.copyfile(self.source.tables / table, folder / "tables" / table)
        for language in LANGUAGES:
            _Pages(self, language).write(folder if language == "en" else folder / language)

    def tables_of(self, experiment: str) -> list[str]:
        """Give the tables of an experiment that the report takes along: curves are too large."""
        names = [f"{experiment}.{kind}.csv" for kind in ("runs", "rates")]
        return [name for name in names if (self.source.tables / name).exists()]


@dataclass(frozen=True)
class _Pages:
    """The pages of one language."""

    site: Site
    language: str

    def write(self, folder: Path) -> None:
        for name in ("claims", "experiments", "sections"):
            (folder / name).mkdir(parents=True)
        self._page(folder, "index.html", self._index())
        self._page(folder, "notes.html", self._notes())
        self._page(folder, "method.html", self._method())
        self._page(folder, "glossary.html", self._glossary())
        self._page(folder, "study.html", self._study())
        self._page(folder, "dictionary.html", self._dictionary())
        for summary in self.site.summaries:
            self._page(folder, f"claims/{summary['claim']}.html", self._claim(summary))
        for section, title in self._sections().items():
            self._page(folder, f"sections/{section}.html", self._section_page(section, title))
        for name in self.site.study.experiments:
            self._page(folder, f"experiments/{name}.html", self._experiment(name))

    # what all pages share

    def _page(self, folder: Path, name: str, content: Mapping[str, Any]) -> None:
        deep = "../" if "/" in name else ""
        away = f"{deep}zh/{name}" if self.language == "en" else f"../{deep}{name}"
        template = name.partition("/")[0].removesuffix(".html")
        template = template.removesuffix("s") if deep else template
        shared = {
            "language": self.language,
            "w": self._words(self.site.words),
            "root": deep,
            "assets": deep if self.language == "en" else f"../{deep}",
            "other": away,
            "version": version("unstuck"),
            "picture": "",
            "description": "",
        }
        text = self.site.environment.get_template(f"{template}.html.j2").render(
            {**shared, **content}
        )
        (folder / name).write_text(text, encoding="utf-8")

    def _words(self, node: Any) -> Any:
        """Words of this language: every mapping that has one becomes a text."""
        if isinstance(node, Mapping):
            if set(node) == set(LANGUAGES):
                return node[self.language]
            return {key: self._words(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self._words(each) for each in node]
        return node

    def _say(self, *path: str, **numbers: Any) -> str:
        node: Any = self.site.words
        for key in path:
            node = node[key]
        text = str(node[self.language])
        for name, value in numbers.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def _section(self, section: str) -> str:
        known = self.site.words["sections"].get(section)
        return str((known or self.site.words["own"])[self.language])

    def _sections(self) -> dict[str, str]:
        return {each["section"]: self._section(each["section"]) for each in self.site.summaries}

    def _card(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """A claim as rows and heads of pages show it."""
        sentence = summary["answer"][self.language]
        colon = "：" if self.language == "zh" else ":"
        word, found, rest = sentence.partition(colon)
        if not found:
            word, rest = sentence, ""
        rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
        return {
            "id": summary["claim"],
            "section": summary["section"],
            "question": summary["question"][self.language],
            "group": GROUPS.get(summary["word"], "open"),
            "word": word,
            "said": f"{word}{found}",
            "rest": rest,
            "effect": "; ".join(filter(None, map(self._effect, rows))),
            "counted": self._say(
                "table", "counted", n=max((row["units"] or 0 for row in rows), default=0)
            ),
        }

    # the pages

    def _index(self) -> dict[str, Any]:
        base = "" if self.language == "en" else "../"
        cards = [self._card(each) for each in self.site.summaries]
        groups = Counter(card["group"] for card in cards)
        sections = self._sections()
        marks = [self._mark(each) for each in self.site.summaries]
        words = self._words(self.site.words["overview"])
        return {
            "heading": self._say("title"),
            "description": self._say("lead", claims=len(cards)),
            "counts": [(name, groups[name]) for name in self.site.words["groups"] if groups[name]],
            "sections": list(sections.items()),
            "claims": cards,
            "wide": draw(marks, sections, words),
            "narrow": draw(marks, sections, words, narrow=True),
            "picture": f"{base}figures/{cards[0]['id']}.png" if cards else "",
        }

    def _section_page(self, section: str, title: str) -> dict[str, Any]:
        base = "../" if self.language == "en" else "../../"
        mine = [each for each in self.site.summaries if each["section"] == section]
        return {
            "heading": title,
            "number": section,
            "claims": [
                {**self._card(each), **self._figure(base, each["claim"], each)} for each in mine
            ],
        }

    def _glossary(self) -> dict[str, Any]:
        words = read_yaml(self.site.source.pages / "glossary.yaml")
        lead = self._say("glossary", "lead")
        heading = self._say("nav", "glossary")
        return {"heading": heading, "description": lead, "glossary": self._words(words)}

    def _figure(self, base: str, name: str, summary: Mapping[str, Any]) -> dict[str, str]:
        answer = summary["answer"][self.language]
        return {
            "src": self._picture(base, name),
            "alt": self._say("claim", "figure", title=answer),
        }

    def _mark(self, summary: Mapping[str, Any]) -> Mark:
        card = self._card(summary)
        rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
        places = [place for place in map(in_margins, rows) if place is not None]
        # of several parts the one that says least
        least = min(places, key=lambda place: place[0]) if places else (None, None, None)
        exact = [error_share(row) for row in summary["checks"] if row["role"] == "primary"]
        return Mark(
            id=card["id"],
            name=summary["slug"].replace("-", " ") if self.language == "en" else card["question"],
            label=f"{card['id']} {card['question']} {card['said']}{card['rest']}",
            group=card["group"],
            section=summary["section"],
            effect=least[0],
            low=least[1],
            high=least[2],
            error=max((each for each in exact if each is not None), default=None),
            said=card["word"],
        )

    def _claim(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        claim, card = self.site.claims[summary["claim"]], self._card(summary)
        base = "../" if self.language == "en" else "../../"
        runs = _runs(self.site.source.claims / claim.id / "values.csv")
        target = self.site.source.figures / f"{claim.id}.svg"
        return {
            "heading": card["question"],
            "description": summary["answer"][self.language],
            "picture": f"{base}figures/{claim.id}.png",
            "claim": card,
            "section": self._section(claim.section),
            "figure": self._figure(base, claim.id, summary),
            "did": claim.did.words(self.language) if claim.did else "",
            "scope": [self._line(row, claim) for row in _lines(summary)],
            "margins": self._margins(summary),
            "exclusive": self._exclusive(claim.id),
            "statement": claim.statement.words(self.language),
            "registered": self._registered(claim, summary),
            "changes": [each.model_dump(mode="json") for each in claim.changes],
            "published": [
                each.model_dump() | {"link": _link(each.doi, each.arxiv, each.url)}
                for each in claim.published
            ],
            "command": f"snakemake {target.as_posix()}{self.site.source.configfile}",
            "tables": [
                {"href": f"{base}tables/{claim.id}/{name}", "name": name} for name in TABLES
            ],
            "runs": self._say("claim", "runs", runs=f"{runs:,}") if runs else "",
            "recompute": _recompute(summary),
        }

    def _value(self, column: str, value: str) -> str:
        """What a value of a column is called; itself, where the dictionary has no word for it."""
        word = self.site.dictionary["values"].get(column, {}).get(value)
        return str(word[self.language]) if word else value

    def _effect(self, row: Mapping[str, Any]) -> str:
        """An effect with its interval and unit, in few digits."""
        if row["effect"] is None:
            return ""
        effect, low, high = (number(float(row[key]), 3) for key in ("effect", "low", "high"))
        if row["scale"] == "ratio":
            return f"×{effect} ({low} – {high})"
        return f"{effect} {self._unit(row)} ({low} – {high})"

    def _margins(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """The words that other margins would have given, and what moves a margin on the page."""
        rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
        found = by_margin(rows)
        if not found:
            return {}

        def told(times: float) -> str:
            return "; ".join(self._margin(row, times) for row in rows)

        stretches = []
        for each in found:
            answer = said(each.word, rows[0]["claims"])
            ends = ("upto" if each is found[0] else "") + ("from" if each is found[-1] else "")
            low, high = told(each.low), told(each.high)
            stretches.append(
                {
                    "group": GROUPS.get(each.word, "open"),
                    "said": answer.answer if self.language == "en" else answer.answer_zh,
                    "text": self._say("margins", ends or "between", low=low, high=high),
                    "high": round(math.log10(each.high), 4),
                    "share": round(math.log10(each.high / each.low), 4),
                }
            )
        parts = [[row["margin"], row["scale"], self._unit(row)] for row in rows]
        lead = self._say("margins", "lead", margin=told(1))
        return {"stretches": stretches, "parts": json.dumps(parts), "lead": lead}

    def _margin(self, row: Mapping[str, Any], times: float) -> str:
        """A margin so many times as large, in words."""
        size = number(multiple(row["margin"], row["scale"], times), 2)
        return f"×{size}" if row["scale"] == "ratio" else f"{size} {self._unit(row)}"

    def _unit(self, row: Mapping[str, Any]) -> str:
        known = self.site.dictionary["units"].get(row["unit"])
        return str(known[self.language] if known else row["unit"])

    def _picture(self, base: str, name: str) -> str:
        """Address of a picture in this language, or in English; empty if there is none."""
        for suffix in (f"{self.language}.svg", "svg"):
            if (self.site.source.figures / f"{name}.{suffix}").exists():
                return f"{base}figures/{name}.{suffix}"
        return ""

    def _line(self, row: Mapping[str, Any], claim: Claim) -> dict[str, Any]:
        line, part = claim.scope.get(row["line"]), claim.parts.get(row["line"])
        words = line.words.words(self.language) if line and line.words else row["line"]
        if row["role"] == "dataset":
            words = self._value("dataset", row["places"])
        if row["role"] == "primary" and isinstance(part, Comparison):
            words = part.measured.words(self.language)
        outcome = row["outcome"] or row["word"]
        if outcome in SAID_OUTCOMES:
            outcome = SAID_OUTCOMES[outcome][self.language]
        return {
            "name": words,
            "picture": line_picture(row, _line_group(row)),
            "primary": row["role"] == "primary",
            "effect": self._effect(row) if "effect" in row else check_words(row),
            "units": int(row.get("units") or row.get("n") or 0) or "",
            "outcome": outcome,
            "group": _line_group(row),
        }

    def _exclusive(self, claim: str) -> dict[str, Any]:
        """Two statements that exclude each other in the same runs, on the pages of both."""
        told: dict[str, Any] = self._words(self.site.words["exclusive"])
        names = [column["claim"] for column in told["columns"]]
        judged = {
            (summary["claim"], row["line"]): row
            for summary in self.site.summaries
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
                    "shares": [share_words(share) for _, share in found],
                    "survives": ", ".join(most) or told["neither"],
                }
            )
        return told | {"rows": rows}

    def _registered(self, claim: Claim, summary: Mapping[str, Any]) -> list[str]:
        told = []
        if claim.notes:
            lines = ", ".join(map(str, claim.notes))
            told.append(self._say("claim", "lines", lines=lines))
        if claim.from_lecture and self.language == "en":
            told.append(self._say("claim", "lecture", what=claim.from_lecture))
        if claim.registered:
            told.append(self._say("claim", "registered_on", date=claim.registered.isoformat()))
        if (
            claim.measure
            and claim.measure.margin
            and claim.measure.because
            and self.language == "en"
        ):
            margin = f"{claim.measure.margin:g} {claim.measure.unit or ''}".strip()
            told.append(self._say("claim", "margin", margin=margin, because=claim.measure.because))
        return told if claim.changes else [*told, self._say("claim", "no_changes")]

    def _notes(self) -> dict[str, Any]:
        own = []
        if self.site.source.notes is not None:
            own = self.site.source.notes.read_text(encoding="utf-8").splitlines()
        lines = []
        for summary in self.site.summaries:
            claim = self.site.claims[summary["claim"]]
            for first, last in stretches(claim.notes):
                lines.append(
                    {
                        **self._card(summary),
                        "first": first,
                        "number": f"{first}–{last}" if last > first else str(first),
                        "own": own[first - 1 : last],
                        "statement": claim.statement.words(self.language),
                    }
                )
        lines.sort(key=lambda each: each["first"])
        return {"heading": self._say("nav", "notes"), "lines": lines, "own": bool(own)}

    def _method(self) -> dict[str, Any]:
        found = Counter(each["word"] for each in self.site.summaries)
        words = [
            {
                "word": str(word) if self.language == "en" else said.zh,
                "said": said.answer if self.language == "en" else said.answer_zh,
                "group": GROUPS.get(str(word), "open"),
                "count": found[str(word)] or "",
            }
            for word, said in ((word, SAID[word]) for word in Word)
        ]
        sound = how_sound(self.site.summaries)
        mine = sound[LANGUAGES.index(self.language) :: 2]
        return {"heading": self._say("nav", "method"), "words": words, "sound": mine}

    def _study(self) -> dict[str, Any]:
        study = self.site.study
        return {
            "heading": study.title,
            "description": study.description,
            "datasets": [_dataset(name, spec) for name, spec in sorted(study.datasets.items())],
            "experiments": [
                {"name": name, "description": each.description, **self._counted(name)}
                for name, each in study.experiments.items()
            ],
            "code": [
                {"network": name, "origin": each.origin, "digest": source_digest(each)}
                for name, each in study.networks.items()
                if each.origin
            ],
            "analyses": [
                {"name": name, "description": each.description}
                for name, each in study.analyses.items()
            ],
        }

    def _dictionary(self) -> dict[str, Any]:
        found = sections(Plan(self.site.study))
        tables = [{"names": names, **table._asdict()} for names, table in found]
        return {"heading": self._say("nav", "dictionary"), "tables": tables}

    def _counted(self, experiment: str) -> dict[str, Any]:
        runs = _read(self.site.source.tables / f"{experiment}.runs.csv")
        engines = sorted(runs["engine"].dropna().unique()) if "engine" in runs else []
        unique = runs["run_id"].nunique() if "run_id" in runs else 0
        return {"runs": f"{unique:,}", "engines": ", ".join(map(str, engines))}

    def _experiment(self, name: str) -> dict[str, Any]:
        base = "../" if self.language == "en" else "../../"
        columns = {**self.site.dictionary["columns"], **self.site.words["columns"]}
        return {
            "heading": name.replace("_", " "),
            "description": self.site.study.experiments[name].description,
            "picture": self._picture(base, f"experiment.{name}"),
            "called": {each: words[self.language] for each, words in columns.items()},
            **_told(self.site.source.tables, name),
            "tables": [f"{base}tables/{each}" for each in self.site.tables_of(name)],
        }


SAID_OUTCOMES: Mapping[str, Mapping[str, str]] = {
    "reversal": {"en": "reverses", "zh": "相反"},
    "vanishing": {"en": "gone", "zh": "不再如此"},
    "appearing": {"en": "there is one", "zh": "有差别"},
    "holds": {"en": "holds", "zh": "成立"},
    "fails": {"en": "does not hold", "zh": "不成立"},
    "not tested here": {"en": "not tested here", "zh": "此处未测"},
    **{str(word): {"en": str(word), "zh": said.zh} for word, said in SAID.items()},
}


def share_words(row: Mapping[str, Any]) -> str:
    """The share of a comparison with one half, in percent, and its interval."""
    share, low, high = (number(50 + float(row[key]), 3) for key in ("effect", "low", "high"))
    return f"{share} % ({low} – {high})"


def check_words(row: Mapping[str, Any]) -> str:
    """The number of a check."""
    return "" if row["value"] is None else number(float(row["value"]), 3)


def stretches(lines: Sequence[int]) -> list[tuple[int, int]]:
    """Give first and last of every stretch of successive lines."""
    found: list[tuple[int, int]] = []
    for line in sorted(lines):
        if found and line == found[-1][1] + 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return found


def _dataset(name: str, spec: DatasetSpec) -> dict[str, Any]:
    return {
        "name": name,
        "title": spec.origin.title,
        "classes": spec.classes,
        "train": f"{spec.train:,}",
        "validation": f"{spec.validation:,}",
        "test": f"{spec.test:,}",
    }


def _lines(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    compared = summary["comparisons"]
    others = [row for row in (*compared, *summary["checks"]) if row["role"] in ("dataset", "scope")]
    return [*(row for row in compared if row["role"] == "primary"), *others]


def _line_group(row: Mapping[str, Any]) -> str:
    if row["outcome"] in ("reversal", "fails"):
        return "no"
    if row["outcome"] in ("vanishing",):
        return "none"
    if row["outcome"] in ("holds", "appearing"):
        return "yes"
    return GROUPS.get(row["word"] or row["outcome"], "open")


def preview(figure: Path, path: Path) -> None:
    """Write a figure's PNG at half its size and in few colours, as pages are shown elsewhere."""
    with Image.open(figure) as picture:
        picture.convert("RGB").reduce(2).quantize(COLOURS).save(path)


def _link(doi: str | None, arxiv: str | None, url: str | None) -> str:
    if doi:
        return f"https://doi.org/{doi}"
    return f"https://arxiv.org/abs/{arxiv}" if arxiv else url or ""


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, low_memory=False) if path.exists() else pd.DataFrame()


@functools.cache
def _told(folder: Path, experiment: str) -> dict[str, Any]:
    """What the pages of an experiment tell of its tables, in either language."""
    runs, rates = (_read(folder / f"{experiment}.{kind}.csv") for kind in ("runs", "rates"))
    return {
        "final": final_values(runs),
        "rates": rates_tried(rates),
        "preview": first_rows(runs),
        "count": f"{len(runs):,}",
    }


def _runs(path: Path) -> int:
    table = _read(path)
    return int(table["run_id"].nunique()) if "run_id" in table else 0


def _recompute(summary: Mapping[str, Any]) -> str:
    """Plain pandas that gives the number of the first part of a measured primary again."""
    rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
    if not rows or rows[0]["statistic"] != "mean" or rows[0]["effect"] is None:
        return ""
    ratio = rows[0]["scale"] == "ratio"
    lines = [
        *(("import numpy as np",) if ratio else ()),
        "import pandas as pd",
        "v = pd.read_csv('values.csv', keep_default_na=False, na_values={'value': ['']})",
        f"v = v[(v.role_of_line == 'primary') & (v.line == {rows[0]['line']!r}) & v.chosen]",
        *(("v = v.assign(value=np.log(v.value))",) if ratio else ()),
        "means = v.groupby(['pair', 'weight', 'side']).value.mean().unstack()",
        "difference = means['arm'] - means.get('reference', 0)",
        "effect = (difference * difference.index.get_level_values('weight')).sum()",
        "print(np.exp(effect))" if ratio else "print(effect)",
    ]
    return "\n".join(lines)
