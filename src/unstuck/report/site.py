"""The report: a landing page, a page a claim and an experiment, pages beside; in two languages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from unstuck.claims.answer import LANGUAGES
from unstuck.claims.model import Claim
from unstuck.claims.results import how_sound
from unstuck.data.spec import DatasetSpec
from unstuck.figures.words import Dictionary, load_dictionary
from unstuck.files import atomic_path, copy, read_csv, require_whole, write_text
from unstuck.population.foreign import source_digest
from unstuck.report.claim_page import SAID_OUTCOMES, TABLES, claim_page, line_group
from unstuck.report.dictionary import sections
from unstuck.report.experiments import told
from unstuck.report.overview import Mark, draw, error_share, placed
from unstuck.report.overview import line as line_picture
from unstuck.report.spoken import Spoken
from unstuck.statistics.rule import Kind, Word, said
from unstuck.study.config import Study
from unstuck.study.plan import Plan
from unstuck.wording import number
from unstuck.yaml_files import read_yaml

#: of a preview
COLOURS = 64
#: an interval that gets each word, in margins
EXAMPLES: Mapping[str, tuple[float, float]] = {
    "supported": (1.5, 4.5),
    "small": (0.15, 0.85),
    "direction": (0.3, 3.0),
    "no effect": (-0.7, 0.6),
    "contradicted": (-4.5, -1.5),
    "wrong direction": (-3.0, -0.3),
    "undecided": (-1.8, 2.6),
}


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
    benchmarks
        Folder of what jobs of training took, as Snakemake measured it.
    commit
        What the checkout was at, if it was one.
    """

    pages: Path
    claims: Path
    figures: Path
    tables: Path
    configfile: str = ""
    notes: Path | None = None
    benchmarks: Path | None = None
    commit: str = ""


@dataclass(frozen=True)
class Site:
    """All that pages are made from."""

    study: Study
    claims: Mapping[str, Claim]
    summaries: Sequence[Mapping[str, Any]]
    source: Source
    words: Mapping[str, Any] = field(repr=False)
    chinese: Mapping[str, str] = field(repr=False)
    dictionaries: Mapping[str, Dictionary] = field(repr=False)
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
        named = source.pages.parent / "words.yaml"
        dictionaries = {language: load_dictionary(named, language) for language in LANGUAGES}
        texts = read_yaml(source.pages / "chinese.yaml")["texts"]
        chinese = {text["en"]: text["zh"] for text in texts}
        return cls(study, claims, summaries, source, words, chinese, dictionaries, environment)

    def write(self, folder: Path) -> None:
        """Write every page into a folder that is not there yet."""
        for name in ("figures", "tables"):
            (folder / name).mkdir(parents=True)
        for name in ("style.css", "page.js"):
            copy(self.source.pages / name, folder / name)
        for summary in self.summaries:
            name = summary["claim"]
            self._take_pictures(name, folder)
            preview(self.source.figures / f"{name}.png", folder / "figures" / f"{name}.png")
            (folder / "tables" / name).mkdir()
            for table in TABLES:
                copy(self.source.claims / name / table, folder / "tables" / name / table)
        for experiment in self.study.experiments:
            self._take_pictures(f"experiment.{experiment}", folder)
            for table in self.tables_of(experiment):
                copy(self.source.tables / table, folder / "tables" / table)
        for language in LANGUAGES:
            _Pages(self, language).write(folder if language == "en" else folder / language)

    @property
    def of_notes(self) -> bool:
        """Whether a claim stands for lines of the notes; a study's own claims need not."""
        return any(self.claims[each["claim"]].notes for each in self.summaries)

    def tables_of(self, experiment: str) -> list[str]:
        """Give the tables of an experiment that the report takes along: curves are too large."""
        names = (f"{experiment}.{kind}" for kind in ("runs", "rates"))
        return [f"{name}.csv" for name in names if name in self.plan.tables]

    @cached_property
    def plan(self) -> Plan:
        """What the study makes."""
        return Plan(self.study)

    @cached_property
    def runs(self) -> Mapping[str, pd.DataFrame]:
        """The runs of every experiment."""
        return {
            name: read_csv(self.source.tables / f"{name}.runs.csv")
            for name in self.study.experiments
        }

    @cached_property
    def code(self) -> Mapping[str, str]:
        """The digest of the code that trained each run."""
        known = [table for table in self.runs.values() if {"run_id", "code"} <= set(table)]
        # behind the hyphen is that of the samples
        return {
            run: str(code).partition("-")[0]
            for table in known
            for run, code in zip(table["run_id"], table["code"], strict=True)
        }

    @cached_property
    def told(self) -> Mapping[str, dict[str, Any]]:
        """What the pages of every experiment tell of its tables, in either language."""
        rates = {name: self.source.tables / f"{name}.rates.csv" for name in self.runs}
        return {name: told(runs, read_csv(rates[name])) for name, runs in self.runs.items()}

    def _take_pictures(self, name: str, folder: Path) -> None:
        # by name, so that one that is lost is missed
        for suffix in ("svg", "zh.svg"):
            copy(self.source.figures / f"{name}.{suffix}", folder / "figures" / f"{name}.{suffix}")


@dataclass(frozen=True)
class _Pages(Spoken):
    """The pages of one language."""

    def write(self, folder: Path) -> None:
        for name in ("claims", "experiments", "sections"):
            (folder / name).mkdir(parents=True)
        self._page(folder, "index.html", self._index())
        if self.site.of_notes:
            self._page(folder, "notes.html", self._notes())
        self._page(folder, "method.html", self._method())
        self._page(folder, "glossary.html", self._glossary())
        self._page(folder, "study.html", self._study())
        self._page(folder, "dictionary.html", self._dictionary())
        for summary in self.site.summaries:
            self._page(folder, f"claims/{summary['claim']}.html", claim_page(self, summary))
        for section, title in self.sections().items():
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
            "w": self.words(self.site.words),
            "own": self.own,
            "root": deep,
            "judged": bool(self.site.summaries),
            "of_notes": self.site.of_notes,
            "assets": deep if self.language == "en" else f"../{deep}",
            "other": away,
            "version": " ".join(filter(None, (version("unstuck"), self.site.source.commit))),
            "picture": "",
            "description": "",
        }
        text = self.site.environment.get_template(f"{template}.html.j2").render(
            {**shared, **content}
        )
        write_text(folder / name, text)

    # the pages

    def _index(self) -> dict[str, Any]:
        base = "" if self.language == "en" else "../"
        if not self.site.summaries:
            study = self.site.study
            return {
                "heading": study.title,
                "description": study.description,
                "experiments": [
                    {
                        "name": name,
                        "description": each.description,
                        "picture": self.picture(base, f"experiment.{name}"),
                    }
                    for name, each in study.experiments.items()
                ],
            }
        cards = [self.card(each) for each in self.site.summaries]
        sections = self.sections()
        marks = [self._mark(each) for each in self.site.summaries]
        words = self.words(self.site.words["overview"])
        if not self.site.of_notes:
            words |= {"right": words["own_right"]}
        return {
            "heading": self.say("title") if self.site.of_notes else self.site.study.title,
            "description": self.say(
                "lead" if self.site.of_notes else "own_lead", claims=len(cards)
            ),
            # of a claim that nothing differs a bare no is true too
            "counts": [each for each in self._words("equivalence") if each["count"]],
            "sections": list(sections.items()),
            "claims": cards,
            "wide": draw(marks, sections, words),
            "narrow": draw(marks, sections, words, narrow=True),
            "picture": f"{base}figures/{cards[0]['id']}.png",
        }

    def _words(self, kind: Kind) -> list[dict[str, Any]]:
        """Every word of the rule, how it reads for a kind of claim, and how often it is given."""
        found = Counter(each["word"] for each in self.site.summaries)
        answers = {word: said(word, kind) for word in Word}
        return [
            {
                "key": str(word),
                "word": str(word) if self.language == "en" else answer.zh,
                "said": answer.answer if self.language == "en" else answer.answer_zh,
                "group": answer.group,
                "count": found[word],
            }
            for word, answer in answers.items()
        ]

    def _section_page(self, section: str, title: str) -> dict[str, Any]:
        base = "../" if self.language == "en" else "../../"
        mine = [each for each in self.site.summaries if each["section"] == section]
        return {
            "heading": title,
            "description": " ".join(each["question"][self.language] for each in mine),
            "number": section,
            "claims": [
                {**self.card(each), **self.figure(base, each["claim"], each)} for each in mine
            ],
        }

    def _glossary(self) -> dict[str, Any]:
        words = read_yaml(self.site.source.pages / "glossary.yaml")
        lead = self.say("glossary", "lead")
        heading = self.say("nav", "glossary")
        return {"heading": heading, "description": lead, "glossary": self.words(words)}

    def _mark(self, summary: Mapping[str, Any]) -> Mark:
        card = self.card(summary)
        rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
        places = sorted(place for place in map(placed, rows) if place is not None)
        # of several parts the one that says least; all, where they say different things
        if summary["word"] != Word.PARTLY:
            places = places[:1]
        exact = [error_share(row) for row in summary["checks"] if row["role"] == "primary"]
        return Mark(
            id=card["id"],
            name=card["question"],
            short=summary["slug"].replace("-", " ") if self.language == "en" else card["question"],
            label=f"{card['id']} {card['question']} {card['said']}{card['rest']}",
            group=card["group"],
            section=summary["section"],
            places=places,
            error=max((each for each in exact if each is not None), default=None),
            said=card["word"],
        )

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
                        **self.card(summary),
                        "first": first,
                        "number": f"{first}–{last}" if last > first else str(first),
                        "own": own[first - 1 : last],
                        "statement": claim.statement.words(self.language),
                    }
                )
        lines.sort(key=lambda each: each["first"])
        lead = self.say("notes", "lead")
        return {
            "heading": self.say("nav", "notes"),
            "description": lead,
            "lines": lines,
            "own": bool(own),
        }

    def _method(self) -> dict[str, Any]:
        sound = how_sound(self.site.summaries)
        mine = sound[LANGUAGES.index(self.language) :: 2]
        words = [
            {**each, "picture": self._example(each["key"], each["group"])}
            for each in self._words("effect")
        ]
        outcomes = [
            {
                "key": name,
                "said": SAID_OUTCOMES[name][self.language],
                "group": line_group({"outcome": name, "word": None}),
            }
            for name in self.site.words["method"]["outcomes"]
        ]
        return {
            "heading": self.say("nav", "method"),
            "description": self.say("method", "lead"),
            "words": words,
            "outcomes": outcomes,
            "sound": mine,
        }

    def _example(self, word: str, group: str) -> str:
        """Draw where the interval of a word lies; nothing of a word that no interval gives."""
        if word not in EXAMPLES:
            return ""
        low, high = EXAMPLES[word]
        ends = {"low": low, "high": high, "effect": (low + high) / 2}
        return line_picture({**ends, "margin": 1.0, "scale": "difference"}, group)

    def _study(self) -> dict[str, Any]:
        study = self.site.study
        return {
            "heading": study.title,
            "description": study.description,
            "datasets": [_dataset(name, spec) for name, spec in sorted(study.datasets.items())],
            "experiments": [
                {"name": name, "description": each.description, **_counted(self.site.runs[name])}
                for name, each in study.experiments.items()
            ],
            "networks": [
                {
                    "name": name,
                    "kind": self.value("architecture", each.kind),
                    "hidden": " – ".join(map(str, each.hidden)) if not each.origin else "",
                    "activation": self.value("activation", each.activation),
                    "parameters": _span(
                        *(_of_network(table, name) for table in self.site.runs.values())
                    ),
                }
                for name, each in study.networks.items()
            ],
            "jobs": jobs_of_training(self.site.source.benchmarks),
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
        found = sections(self.site.plan)
        tables = [{"names": names, **table._asdict()} for names, table in found]
        lead = self.say("dictionary", "lead")
        return {"heading": self.say("nav", "dictionary"), "description": lead, "tables": tables}

    def _experiment(self, name: str) -> dict[str, Any]:
        base = "../" if self.language == "en" else "../../"
        columns = {**self.dictionary.common.columns, **self.words(self.site.words["columns"])}
        tables = self.site.told[name]
        return {
            "heading": name.replace("_", " "),
            "name": name,
            "description": self.site.study.experiments[name].description,
            "picture": self.picture(base, f"experiment.{name}"),
            "called": {
                each: words if isinstance(words, str) else words.words(self.language)
                for each, words in columns.items()
            },
            **tables,
            **{each: self._spoken(tables[each]) for each in ("final", "rates")},
            "tables": [f"{base}tables/{each}" for each in self.site.tables_of(name)],
        }

    def _spoken(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Call values as figures do; data sets by their names, as several may be called alike."""
        rows = [
            [
                value if column == "dataset" else self.value(column, value)
                for column, value in zip(table["columns"], row, strict=True)
            ]
            for row in table["rows"]
        ]
        return {**table, "rows": rows}


def _counted(runs: pd.DataFrame) -> dict[str, Any]:
    """Count an experiment's runs and units, and give the updates of one run."""
    if runs.empty:
        return dict.fromkeys(("runs", "units", "updates", "engines"), "")
    return {
        "runs": f"{runs['run_id'].nunique():,}",
        "units": f"{runs['seed'].nunique():,}",
        "updates": _span(_column(runs, "updates")),
        "engines": ", ".join(sorted(map(str, _column(runs, "engine").dropna().unique()))),
    }


def _of_network(runs: pd.DataFrame, network: str) -> "pd.Series[float]":
    return _column(runs[_column(runs, "network") == network], "parameters")


def _column(runs: pd.DataFrame, name: str) -> "pd.Series[float]":
    """A column of a table of runs; an empty one where nothing has run."""
    return runs[name] if name in runs else pd.Series(index=runs.index, dtype=float)


def _span(*parts: "pd.Series[float]") -> str:
    """Write the least and the largest of some whole numbers."""
    values = pd.concat(parts).dropna()
    if values.empty:
        return ""
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} – {high:,}"


def jobs_of_training(benchmarks: Path | None) -> list[dict[str, str]]:
    """Give name, seconds and peak memory in MiB of every job of training that was measured."""
    files = sorted((benchmarks / "train").glob("*.tsv")) if benchmarks else []
    found = []
    for file in files:
        took = pd.read_csv(file, sep="\t").iloc[-1]
        seconds, memory = (number(float(took[key]), 3) for key in ("s", "max_rss"))
        found.append({"name": file.stem, "seconds": seconds, "memory": memory})
    return found


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


def preview(figure: Path, path: Path) -> None:
    """Write a figure's PNG at half its size and in few colours, as pages are shown elsewhere."""
    require_whole(figure)
    with Image.open(figure) as picture, atomic_path(path) as temporary:
        picture.convert("RGB").reduce(2).quantize(COLOURS).save(temporary)
