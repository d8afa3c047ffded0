"""Section 2.1: the factorial of batch size, optimizer, schedule and batch normalisation."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import evaluation_runs
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.claims.factorial import (
    Factorial,
    cross_fitted_range,
    factorial,
    interactions,
    level_means,
    main_effects,
    shuffled_range,
    sound_blocks,
)
from unstuck.statistics.intervals import bootstrap_interval

# columns of the table of runs, which are also the values of the registry's condition `factor`
FACTORS = ("batch", "optimizer", "schedule", "batchnorm")
CELL = ["dataset", *FACTORS]
OUTCOME = "test_accuracy"
SHUFFLE_STREAM = 7301
SHUFFLES = 100


@claim("2.1.12")
def factorial_grid(runs: pd.DataFrame) -> Evidence:
    """Test accuracy of the best minus the worst level of each factor, in points.

    A level's value is its mean over all combinations of the other factors. Best and worst are
    chosen on the other seeds (cross-fitting), for the range of noise alone is positive. A
    combination with a rate on the edge of its grid is left out at all levels of the factor.
    The negative control shuffles the levels' labels within every combination and seed, many times.
    """
    table = evaluation_runs(runs, [*FACTORS, "batch_size"])
    sizes = table.groupby("batch")["batch_size"].max().sort_values(kind="stable")
    contrasts: list[Contrast] = []
    effects, pairs = [], []
    for dataset, part in table.groupby("dataset"):
        levels = {
            factor: tuple(sizes.index) if factor == "batch" else tuple(sorted(set(part[factor])))
            for factor in FACTORS
        }
        design = factorial(part, levels, OUTCOME, f"grid on {dataset}")
        for factor in FACTORS:
            contrasts += _contrasts(design, factor, str(dataset))
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


def _contrasts(design: Factorial, factor: str, dataset: str) -> Iterator[Contrast]:
    blocks = sound_blocks(design, factor)
    left_out = int((~blocks).sum())
    comparable = min(len(design.levels[factor]), len(design.seeds)) > 1
    usable = comparable and 2 * left_out <= blocks.size
    note = f"{left_out} of {blocks.size} combinations left out: a rate on the edge of its grid"
    alone = "" if comparable else "a single level or seed"
    means = level_means(design, factor, blocks) if usable else None
    yield Contrast(
        name="best level against worst",
        dataset=dataset,
        condition={"factor": factor},
        seeds=() if means is None else design.seeds,
        values=() if means is None else tuple(cross_fitted_range(means)),
        usable=usable,
        note=alone or (note if left_out else ""),
        ceiling=np.inf if means is None else 100 - float(means.mean(axis=0).min()),
    )
    shuffled = shuffled_range(design, factor, SHUFFLE_STREAM, SHUFFLES) if comparable else None
    yield Contrast(
        name=f"best level against worst, labels shuffled, mean of {SHUFFLES}",
        dataset=dataset,
        condition={"factor": factor},
        seeds=() if shuffled is None else design.seeds,
        values=() if shuffled is None else tuple(shuffled),
        role="negative control",
        usable=comparable,
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
    largest = beyond.iloc[int(beyond["effect"].abs().argmax())]
    cells = table.groupby(CELL)["edge"].max()
    return {
        "runs": len(table),
        "seeds": int(table["seed"].nunique()),
        "cells": len(cells),
        "cells_on_the_edge": int(cells.sum()),
        "diverged": int(table["diverged"].sum()),
        "largest_interaction": float(largest["effect"]),
        "largest_interaction_is": f"{largest['level']} with {largest['other_level']} "
        f"on {largest['dataset']}",
    }
