"""Endpoints of runs whose loss has stalled, by the way the runs were trained."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, require_columns
from unstuck.claims.evidence import Contrast, Role
from unstuck.errors import DataError
from unstuck.statistics.stalling import CHANGE, WINDOW

# the registry's words for how a run was trained
FULL, SMALL, ANNEALED, GRID = "full", "small", "annealed", "grid"
NEEDED = ("dataset", "seed", "schedule", "batch", "edge", "origin", "stalled")


def stalled_runs(stalls: pd.DataFrame, needed: Sequence[str], name: str = "stalls") -> pd.DataFrame:
    """Give the endpoints of a table of stalls, with how each was trained as `run`.

    Raises
    ------
    DataError
        If a column is missing, or no run has stalled.
    """
    require_columns(stalls, [*NEEDED, *needed], name)
    annealed = stalls["schedule"] != "constant"
    full = stalls["batch"].astype(str) == "full"
    table = stalls.assign(
        run=np.select([annealed, full], [ANNEALED, FULL], SMALL),
        stalled=stalls["stalled"].astype(bool),
    ).reset_index(drop=True)
    if not (table["stalled"] & (table["origin"] == "endpoint")).any():
        raise DataError(f"no run of the table {name} has stalled; train longer or anneal the rate.")
    return table


def contrasts(
    runs: pd.DataFrame,
    column: str,
    name: str,
    *,
    measure: str = "",
    role: Role = "effect",
) -> Iterator[Contrast]:
    """Give one contrast for each way of training and dataset: means of a column by seed.

    A contrast in which a rate lies on the edge of its grid carries no verdict.
    """
    for (run, dataset), part in runs.groupby(["run", "dataset"], sort=False):
        values = part.groupby("seed")[column].mean().sort_index()
        edge = bool(part["edge"].any())
        yield Contrast(
            name=name,
            dataset=str(dataset),
            condition={"run": str(run)},
            seeds=tuple(values.index),
            values=tuple(values),
            measure=measure,
            role=role,
            usable=not edge,
            note=EDGE if edge else "",
        )


def stalled_of_grid(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Give the evaluation runs of a grid with whether their loss has stalled, as `stalled`.

    Diverged runs have not; runs with a rate on the edge of its grid are left out.
    """
    needed = ["run_id", "role", "dataset", "seed", "schedule", "edge"]
    require_columns(runs, [*needed, "gradient_norm", "initial_gradient_norm"], "grid")
    require_columns(curves, ["run_id", "update", "train_loss"], "grid_curves")
    chosen = runs[(runs["role"] == "evaluation") & ~runs["edge"].astype(bool)]
    curves = curves[curves["run_id"].isin(chosen["run_id"])].sort_values(["run_id", "update"])
    end = curves.groupby("run_id")["update"].transform("max")
    last = curves.groupby("run_id")["train_loss"].last()
    before = curves[curves["update"] <= (1 - WINDOW) * end].groupby("run_id")["train_loss"].last()
    with np.errstate(invalid="ignore"):
        change = (last - before).abs() / before.abs()
    stalled = chosen["run_id"].map(change < CHANGE).fillna(value=False).astype(bool)
    return chosen.assign(stalled=stalled).reset_index(drop=True)
