"""The study's settings and its data, as the first page shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unstuck.claims.registry import Claim
from unstuck.errors import DataError
from unstuck.study.config import Study
from unstuck.study.experiment import Experiment
from unstuck.study.paths import Paths
from unstuck.wording import number

_PHRASES = {
    "lr": "learning rate",
    "batchnorm": "batch normalisation",
    "dtype": "number format",
    "pca": "leading principal components",
}


@dataclass(frozen=True)
class Fact:
    """A name and what it is, as words; ``href`` where there is more to read."""

    name: str
    words: str
    href: str = ""


@dataclass(frozen=True)
class Grid:
    """One experiment: what it varies and what it holds fixed."""

    name: str
    description: str
    varied: tuple[Fact, ...]
    fixed: tuple[Fact, ...]
    seeds: str


@dataclass(frozen=True)
class DatasetCard:
    """One dataset, as its card describes it."""

    name: str
    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Settings:
    """What the study is made of."""

    title: str
    description: str
    experiments: tuple[Grid, ...]
    analyses: tuple[Fact, ...]
    networks: tuple[Fact, ...]
    datasets: tuple[DatasetCard, ...]


def settings(study: Study, cards: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Describe a study in words.

    Parameters
    ----------
    cards
        The card of each prepared dataset, by name.
    """
    return Settings(
        title=study.title,
        description=study.description,
        experiments=tuple(_grid(name, each) for name, each in study.experiments.items()),
        analyses=tuple(
            Fact(name, each.description or "No description.")
            for name, each in study.analyses.items()
        ),
        networks=tuple(
            Fact(name, words(spec.model_dump(mode="json", exclude_defaults=True)))
            for name, spec in study.networks.items()
        ),
        datasets=tuple(dataset_card(name, card) for name, card in cards.items()),
    )


def is_timing(claim: Claim, study: Study) -> bool:
    """Tell whether a claim rests on a timing, which no other machine gives again."""
    owners = {table.split(".")[0] for table in claim.reads.values()}
    return any(study.analyses[name].timing for name in owners if name in study.analyses)


def table_file(study: Study, name: str) -> str:
    """Give the file of a table that claims read, such as ``grid.runs`` or ``ladder.points``."""
    paths = Paths(study.results)
    owner, _, kind = name.partition(".")
    if owner in study.analyses:
        return f"{paths.analysis.format(analysis=owner)}/{kind}.csv"
    return paths.table("csv").format(experiment=owner, kind=kind)


def words(value: Any) -> str:
    """Put a value of the configuration into words: lists by commas, mappings by semicolons."""
    if isinstance(value, Mapping):
        return "; ".join(f"{_phrase(str(key))} {words(each)}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(words(each) for each in value)
    return number(value)


def _grid(name: str, experiment: Experiment) -> Grid:
    axes = experiment.axes()
    facts = {key: Fact(_phrase(key), words(values)) for key, values in axes.items()}
    return Grid(
        name=name,
        description=experiment.description,
        varied=tuple(facts[key] for key in axes if len(axes[key]) > 1),
        fixed=tuple(facts[key] for key in axes if len(axes[key]) == 1),
        seeds=number(experiment.seeds),
    )


def dataset_card(name: str, card: Mapping[str, Any]) -> DatasetCard:
    """Put the card of a prepared dataset into words.

    Raises
    ------
    DataError
        If the card is damaged.
    """
    try:
        return DatasetCard(name, str(card["title"]), _facts(card))
    except (TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"the card of the dataset {name} is damaged ({error}); "
            "delete it and run snakemake again to make it anew."
        ) from error


def _facts(card: Mapping[str, Any]) -> tuple[Fact, ...]:
    scaling, units = card["standardise"], len(card["units"])
    facts = [
        Fact("Samples", words(card["samples"])),
        Fact("Shape", " × ".join(number(size) for size in card["shape"])),
        Fact("Classes", number(card["classes"])),
        Fact("Splits", "one for all units" if card["splits"] == "one" else f"{units}, one a unit"),
        Fact("Scaled", "no" if scaling == "none" else f"per {scaling}, by the training part"),
    ]
    facts += [
        Fact(_phrase(key).capitalize(), words(card[key]))
        for key in ("pca", "transforms")
        if card.get(key)
    ]
    facts += [
        Fact("Source", card["citation"], href=card["url"] or ""),
        Fact("Licence", card["licence"]),
        Fact("Digest", card["digest"]),
    ]
    return tuple(facts)


def _phrase(key: str) -> str:
    return _PHRASES.get(key, key.replace("_", " "))
