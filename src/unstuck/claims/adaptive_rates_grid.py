"""Section 2.1: the factorial of batch size, optimizer, schedule and batch normalisation."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import evaluation_runs
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.claims.factorial import (
    Factorial,
    chosen_range,
    enough,
    factorial,
    interactions,
    level_means,
    main_effects,
    shuffled_means,
    sound_blocks,
)
from unstuck.statistics.intervals import bootstrap_interval

# columns of the table of runs, which are also the values of the registry's condition `factor`
FACTORS = ("batch", "optimizer", "schedule", "batchnorm")
CELL = ["dataset", *FACTORS]
OUTCOME = "test_accuracy"
SHUFFLE_STREAM = 7301


@claim("2.1.12")
def factorial_grid(runs: pd.DataFrame) -> Evidence:
    """Test accuracy of the best minus the worst level of each factor, in points.

    A level's value is its mean over all combinations of the other factors. Best and worst are
    chosen on the seeds that tuned the rates, at the rate that was chosen, for the range of noise
    alone is positive. A combination with a rate on the edge of its grid is left out at all levels
    of the factor. The negative control shuffles the levels' labels once within every combination
    and seed, those of the choosing seeds included.
    """
    table = evaluation_runs(runs, [*FACTORS, "batch_size"])
    choosing = _tuning_runs(runs, table)
    sizes = table.groupby("batch")["batch_size"].max().sort_values(kind="stable")
    contrasts: list[Contrast] = []
    effects, pairs = [], []
    for dataset, part in table.groupby("dataset"):
        levels = {
            factor: tuple(sizes.index) if factor == "batch" else tuple(sorted(set(part[factor])))
            for factor in FACTORS
        }
        design = factorial(part, levels, OUTCOME, f"grid on {dataset}")
        tuned = choosing[choosing["dataset"] == dataset]
        chooser = None if tuned.empty else factorial(tuned, levels, OUTCOME, f"tuning on {dataset}")
        for factor in FACTORS:
            contrasts += _contrasts(design, chooser, factor, str(dataset))
        effects.append(main_effects(design).assign(dataset=dataset))
        pairs.append(interactions(design).assign(dataset=dataset))
    beyond = pd.concat(pairs, ignore_index=True)
    return Evidence(
        "2.1.12",
        contrasts=tuple(contrasts),
        tables={
            "cells": _cells(table),
            "effects": pd.concat(effects, ignore_index=True),
            "interactions": beyond,
            "best": _best(table),
        },
        numbers=_numbers(table, beyond),
    )


def _tuning_runs(runs: pd.DataFrame, evaluated: pd.DataFrame) -> pd.DataFrame:
    """Give the runs that tuned the rates, at the rate that was chosen in their cell."""
    tuning = runs[runs["role"] == "tuning"].assign(role="evaluation")
    if tuning.empty:
        return evaluated.iloc[:0]
    rates = evaluated[[*CELL, "lr"]].drop_duplicates()
    return evaluation_runs(tuning.merge(rates, on=[*CELL, "lr"]), FACTORS)


def _contrasts(
    design: Factorial, chooser: Factorial | None, factor: str, dataset: str
) -> Iterator[Contrast]:
    blocks = sound_blocks(design, factor)
    left_out = int((~blocks).sum())
    note = f"{left_out} of {blocks.size} combinations left out: a rate on the edge of its grid"
    alone = "" if len(design.levels[factor]) > 1 else "a single level"
    if chooser is None:
        alone = "no runs tuned the rates, so none are left to choose the levels by"
    given = chooser is not None and not alone
    means = level_means(design, factor, blocks) if given and enough(blocks) else None
    yield Contrast(
        name="best level against worst",
        dataset=dataset,
        condition={"factor": factor},
        seeds=() if means is None else design.seeds,
        values=()
        if means is None or chooser is None
        else tuple(chosen_range(means, level_means(chooser, factor, blocks))),
        usable=means is not None,
        note=alone or (note if left_out else ""),
        ceiling=np.inf if means is None else 100 - float(means.mean(axis=0).min()),
    )
    yield Contrast(
        name="best level against worst, labels shuffled",
        dataset=dataset,
        condition={"factor": factor},
        seeds=design.seeds if given else (),
        values=tuple(
            chosen_range(
                shuffled_means(design, factor, SHUFFLE_STREAM),
                shuffled_means(chooser, factor, SHUFFLE_STREAM),
            )
        )
        if chooser is not None and given
        else (),
        role="negative control",
        usable=given,
        note=alone,
    )


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    """Give means over seeds of every cell."""
    cells = table.groupby(CELL, sort=False).agg(
        batch_size=("batch_size", "max"),
        lr=("lr", "median"),
        seeds=("seed", "nunique"),
        train_accuracy=("train_accuracy", "mean"),
        validation_accuracy=("validation_accuracy", "mean"),
        test_accuracy=("test_accuracy", "mean"),
        edge=("edge", "max"),
        diverged=("diverged", "sum"),
    )
    order = ["dataset", "optimizer", "schedule", "batchnorm", "batch_size"]
    table = cells.reset_index().sort_values(order, kind="stable", ignore_index=True)
    return table.assign(edge=table["edge"].astype(bool))


def _best(table: pd.DataFrame) -> pd.DataFrame:
    """Give the best cell of each optimizer: chosen by validation, quoted by test accuracy."""
    rows = []
    for (dataset, optimizer), part in table.groupby(["dataset", "optimizer"]):
        validation = part.groupby(list(FACTORS))["validation_accuracy"].mean().reset_index()
        chosen = validation.iloc[int(validation["validation_accuracy"].argmax())]
        cell = part[(part[list(FACTORS)] == chosen[list(FACTORS)]).all(axis=1)]
        interval = bootstrap_interval(cell[OUTCOME].to_numpy())
        rows.append(
            {
                "dataset": dataset,
                "optimizer": optimizer,
                **{factor: chosen[factor] for factor in FACTORS if factor != "optimizer"},
                "lr": float(cell["lr"].iloc[0]),
                "edge": bool(cell["edge"].any()),
                "validation_accuracy": float(chosen["validation_accuracy"]),
                OUTCOME: float(cell[OUTCOME].mean()),
                "ci_low": interval.low,
                "ci_high": interval.high,
            }
        )
    return pd.DataFrame(rows)


def _numbers(table: pd.DataFrame, beyond: pd.DataFrame) -> dict[str, float | int | str]:
    cells = table.groupby(CELL)["edge"].max()
    numbers: dict[str, float | int | str] = {
        "runs": len(table),
        "seeds": int(table["seed"].nunique()),
        "cells": len(cells),
        "cells_on_the_edge": int(cells.sum()),
        "diverged": int(table["diverged"].sum()),
    }
    if not beyond.empty:
        largest = beyond.iloc[int(beyond["effect"].abs().argmax())]
        numbers["largest_interaction"] = float(largest["effect"])
        numbers["largest_interaction_is"] = (
            f"{largest['level']} with {largest['other_level']} on {largest['dataset']}"
        )
    return numbers
