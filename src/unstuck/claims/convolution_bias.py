"""Section 3.2: what the bias of a convolutional network costs, and what it gives."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from unstuck.claims.arms import (
    EDGE,
    by_seed,
    evaluation_runs,
    paired,
    require_columns,
    under_other_seeds,
)
from unstuck.claims.convolution_arms import with_family
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

NEEDED = ("architecture", "subset", "parameters", "multiply_adds", "updates", "epochs", "lr")
#: what is equal under each budget, to a share of `EQUAL`
BUDGETS = {"parameters": "parameters", "compute": "multiply_adds"}
EQUAL = 0.05
DRAWN = ("source", "family", "budget", "samples", "seed", "lr", "edge", "diverged")
COUNTS = ("parameters", "multiply_adds", "updates", "epochs")
ACCURACY = ("train_accuracy", "test_accuracy")


@dataclass(frozen=True)
class _Arms:
    """Two arms on one source of data, by budget and rival."""

    source: str
    condition: Mapping[str, str]
    shared: pd.DataFrame
    rival: pd.DataFrame

    @property
    def edge(self) -> bool:
        return bool(self.shared["edge"].any() or self.rival["edge"].any())

    def of(self, column: str) -> tuple[pd.Series, pd.Series]:
        """Give a column of both arms by seed."""
        return by_seed(self.shared, column, "shared"), by_seed(self.rival, column, "rival")


@claim("3.2.6")
def bias(
    natural: pd.DataFrame, permuted: pd.DataFrame, random: pd.DataFrame, filters: pd.DataFrame
) -> Evidence:
    """Hold shared weights against rivals of equal parameters, and of equal compute.

    Three effects: accuracy on the data as they are, from the fewest and from the most samples; the
    accuracy that permuting all pixels alike costs, less what it costs full weights; and how much
    better full weights fit random labels. The filters of one run are shown.

    Negative controls: full weights do not know where a pixel is, so permuting can cost them
    nothing; and the arms of each comparison under other seeds. Positive control: full weights fit
    random labels beyond what they know of other samples.
    """
    require_columns(
        filters, ("run_id", "seed", "filter", "input", "row", "column", "weight"), "filters"
    )
    plain, mixed, noise = (_prepared(each) for each in (natural, permuted, random))
    contrasts: list[Contrast] = []
    for source in sorted(plain["source"].unique()):
        own, of_mixed, of_noise = (each[each["source"] == source] for each in (plain, mixed, noise))
        sizes = sorted(own["samples"].unique())
        if len(sizes) < 2:
            raise DataError(
                f"claim 3.2.6 on {source}: all runs have {sizes[0]} samples; give two sizes."
            )
        few, many = (own[own["samples"] == size] for size in (sizes[0], sizes[-1]))
        for size, part in (("few", few), ("many", many)):
            for arms in _pairs(part, source, ("full", "local")):
                contrasts += _better(arms, size)
        if set(of_mixed["samples"]) != {sizes[-1]}:
            raise DataError(
                f"claim 3.2.6 on {source}: runs on permuted pixels must have {sizes[-1]} samples, "
                "the most of those on pixels as they are."
            )
        contrasts += _permuted(many, of_mixed, source)
        contrasts += [_fit(arms) for arms in _pairs(of_noise, source, ("full",))]
        contrasts += _memorised(of_noise, source)
    runs = pd.concat(
        [
            each.assign(data=name)
            for name, each in (("natural", plain), ("permuted", mixed), ("random", noise))
        ],
        ignore_index=True,
    ).sort_values(["data", *DRAWN[:5]], kind="stable")
    return Evidence(
        "3.2.6",
        contrasts=tuple(contrasts),
        tables={
            "runs": runs[["data", *DRAWN, *COUNTS, *ACCURACY]],
            "filters": _first(filters)[["filter", "row", "column", "weight"]],
        },
        numbers={
            "seeds": int(runs["seed"].nunique()),
            "diverged": int(runs["diverged"].sum()),
            **_counts(plain),
        },
    )


def _prepared(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the family, the source of the data, the number of training samples and the budget.

    Datasets made of one source begin with the same word: ``mnist1d`` and ``mnist1d_permuted``.
    """
    table = with_family(evaluation_runs(runs, NEEDED))
    table["source"] = table["dataset"].str.partition("_")[0]
    table["samples"] = table["subset"]
    table["budget"] = _budgets(table)
    return table


def _budgets(runs: pd.DataFrame) -> "pd.Series[str]":
    """Say which budget each run has in common with the shared weights on its source.

    That is counted from the layers. Shared weights themselves serve both.

    Raises
    ------
    DataError
        If a rival has neither their parameters nor their compute, to 5 %.
    """
    budget = pd.Series("both", index=runs.index)
    for source, part in runs.groupby("source"):
        own = part[part["family"] == "shared"]
        if own.empty:
            raise DataError(
                f"claim 3.2.6 on {source}: there are no shared weights to hold others against."
            )
        wanted = {name: float(own[column].iloc[0]) for name, column in BUDGETS.items()}
        rivals = part[part["family"] != "shared"]
        for (family, parameters, compute), arm in rivals.groupby(["family", *BUDGETS.values()]):
            given = {name: float(arm[column].iloc[0]) for name, column in BUDGETS.items()}
            equal = [name for name in BUDGETS if abs(np.log(given[name] / wanted[name])) <= EQUAL]
            if len(equal) != 1:
                raise DataError(
                    f"claim 3.2.6 on {source}: a network of {family} weights has {parameters:,} "
                    f"parameters and {compute:,} multiply-adds; one of the two, and not both, must "
                    f"be that of the shared weights, to {100 * EQUAL:.0f} %."
                )
            budget[arm.index] = equal[0]
    return budget


def _pairs(runs: pd.DataFrame, source: str, families: tuple[str, ...]) -> Iterator[_Arms]:
    """Pair the shared weights with each rival under each budget."""
    for budget in BUDGETS:
        for family in families:
            rival = runs[(runs["family"] == family) & (runs["budget"] == budget)]
            if rival.empty:
                raise DataError(
                    f"claim 3.2.6 on {source}: no run of {family} weights has the {budget} of the "
                    "shared ones; add such a network."
                )
            condition = {"budget": budget, "rival": family}
            yield _Arms(source, condition, runs[runs["family"] == "shared"], rival)


def _better(arms: _Arms, size: str) -> Iterator[Contrast]:
    ours, theirs = arms.of("test_accuracy")
    name, condition = "accuracy on other samples", {**arms.condition, "size": size}
    difference = paired(ours, theirs, "3.2.6")
    yield _contrast(arms, difference, measure="images", name=name, condition=condition)
    yield under_other_seeds(
        ours, theirs, name=name, dataset=arms.source, condition=condition, measure="images"
    )


def _fit(arms: _Arms) -> Contrast:
    ours, theirs = arms.of("train_accuracy")
    return _contrast(
        arms,
        paired(theirs, ours, "3.2.6"),
        measure="flexibility",
        name="fit of random labels",
        condition={"budget": arms.condition["budget"]},
        ceiling=100 - float(ours.mean()),
    )


def _contrast(
    arms: _Arms,
    values: pd.Series,
    *,
    measure: str,
    name: str,
    condition: Mapping[str, str],
    ceiling: float = float("inf"),
) -> Contrast:
    return Contrast(
        name=name,
        dataset=arms.source,
        condition=condition,
        seeds=tuple(values.index),
        values=tuple(values),
        usable=not arms.edge,
        note=EDGE if arms.edge else "",
        measure=measure,
        ceiling=ceiling,
    )


def _permuted(plain: pd.DataFrame, mixed: pd.DataFrame, source: str) -> Iterator[Contrast]:
    """Compare what permuting costs shared weights with what it costs full ones: nothing."""
    pairs = zip(_pairs(plain, source, ("full",)), _pairs(mixed, source, ("full",)), strict=True)
    for before, after in pairs:
        shared, full = (
            paired(natural, permuted, "3.2.6")
            for natural, permuted in zip(
                before.of("test_accuracy"), after.of("test_accuracy"), strict=True
            )
        )
        edge = before.edge or after.edge
        budget = {"budget": before.condition["budget"]}
        yield Contrast(
            name="cost of permuting, to shared weights less to full ones",
            dataset=source,
            condition=budget,
            seeds=tuple(shared.index),
            values=tuple(paired(shared, full, "3.2.6")),
            usable=not edge,
            note=EDGE if edge else "",
            measure="permuted",
        )
        yield Contrast(
            name="cost of permuting to full weights",
            dataset=source,
            condition=budget,
            seeds=tuple(full.index),
            values=tuple(full),
            role="negative control",
            measure="permuted",
        )


def _memorised(runs: pd.DataFrame, source: str) -> Iterator[Contrast]:
    for budget in BUDGETS:
        full = runs[(runs["family"] == "full") & (runs["budget"] == budget)]
        gain = paired(
            by_seed(full, "train_accuracy", "full"), by_seed(full, "test_accuracy", "full"), "3.2.6"
        )
        yield Contrast(
            name="fit of random labels by full weights, above accuracy on other samples",
            dataset=source,
            condition={"budget": budget},
            seeds=tuple(gain.index),
            values=tuple(gain),
            role="positive control",
            measure="flexibility",
        )


def _first(filters: pd.DataFrame) -> pd.DataFrame:
    """Give the filters of the first run of the table on the first channel of the input."""
    first = filters["run_id"] == filters.sort_values(["seed", "run_id"])["run_id"].iloc[0]
    shown: pd.DataFrame = filters[first & (filters["input"] == 0)]
    return shown.sort_values(["filter", "row", "column"])


def _counts(runs: pd.DataFrame) -> dict[str, int]:
    """Give parameters and multiply-adds of every arm."""
    found = {}
    for (source, family, budget), part in runs.groupby(["source", "family", "budget"]):
        for column in BUDGETS.values():
            found[f"{column}_{source}_{family}_{budget}"] = int(part[column].iloc[0])
    return found
