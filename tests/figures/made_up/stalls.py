"""Sections 1.1 and 2.1: endpoints of stalled runs, made up."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd

from made_up.runs import DATASETS

RECIPES = {"full": ("constant", "full", 256), "small": ("constant", "32", 32)}
RECIPES |= {"annealed": ("cosine", "32", 32)}
CRITICAL = ("minimum", "saddle", "degenerate")
KINDS = ("minimum", "minimum", "saddle", "gradient-flat", "none", "none", "none", "degenerate")
SEEDS = 16
LOOKS = np.arange(0.0, 201.0, 20.0)

Values = Callable[[str, int], float]


def kinds_of(run: str, seed: int) -> str:
    """Several kinds at a constant rate, fewer at an annealed one."""
    return KINDS[2 + seed % 3] if run == "annealed" else KINDS[seed % 8]


def stalls(
    kind: Callable[[str, int], str] = kinds_of,
    *,
    ratio: Values = lambda run, seed: 0.02 if run == "annealed" else 0.05 + 0.02 * seed,
    saved: Values = lambda run, seed: 2 + 0.1 * (seed % 5),
    above: Values = lambda run, seed: 1e5 * (1 + 0.1 * (seed % 5)),
    arrived: Values = lambda run, seed: 1 + 0.02 * (seed % 5),
    moving: Callable[[str, int], bool] = lambda run, seed: seed >= 14,
    known: str = "saddle",
    beside_minimum: str = "minimum",
) -> pd.DataFrame:
    """Endpoints by way of training and seed, and searches beside known points."""
    rows = []
    for dataset, run, seed in itertools.product(DATASETS, RECIPES, range(SEEDS)):
        schedule, batch, size = RECIPES[run]
        row = {"dataset": dataset, "schedule": schedule, "batch": batch, "batch_size": size}
        row |= {"seed": seed, "edge": False, "lr": 0.5, "run_id": f"{dataset}-{run}-{seed}"}
        row |= {"stalled": not moving(run, seed), "loss_change": 0.004, "path": 10.0}
        row |= {"distance": 0.3, "start_loss": 1.0, "end_loss": 0.9, "initial_norm": 1.0}
        found = kind(run, seed)
        norm = ratio(run, seed)
        ends = {"start_gradient_norm": norm}
        ends["end_gradient_norm"] = 1e-16 if found in CRITICAL else norm / 2
        below = norm / above(run, seed)
        ends |= {"minimum_kind": "minimum", "minimum_loss": 0.8, "minimum_distance": 2.0}
        ends |= {"minimum_gradient_norm": below}
        ends["arrived_gradient_norm"] = below * arrived(run, seed)
        if schedule == "constant":
            ends |= _went_on(norm, saved(run, seed), full=run == "full")
        rows.append(row | ends | {"origin": "endpoint", "kind": found})
        if run == "full":
            rows.append(row | ends | {"origin": "known saddle", "kind": known})
            rows.append(row | ends | {"origin": "known minimum", "kind": beside_minimum})
    return pd.DataFrame(rows)


def _went_on(norm: float, saved: float, *, full: bool) -> dict[str, object]:
    losses = {"same": 1.0, "cut": 1 - saved / 100, "other_order": 1.001 - 0.002 * (norm > 0.2)}
    return {
        **{f"loss_{name}": value for name, value in losses.items()},
        "gradient_norm_same": norm,
        "cosine": -0.9 if full else 0.4,
        "curvature_along_gradient": 1.5,
        "lambda_max": 4.1,
        "batch_noise": 0.0 if full else 3.0,
        "looks": LOOKS,
        "losses_same": np.ones(len(LOOKS)),
        "losses_cut": 1 - saved / 100 * (1 - np.exp(-LOOKS / 30)),
    }


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """Loss and gradient norm of the endpoints' runs, at twenty updates."""
    rows = []
    for run in table[table["origin"] == "endpoint"].to_dict("records"):
        for update in range(0, 2001, 100):
            share = np.exp(-update / 300)
            norm = run["start_gradient_norm"] + (1 - run["start_gradient_norm"]) * share
            rows.append(
                {
                    "run_id": run["run_id"],
                    "dataset": run["dataset"],
                    "update": update,
                    "train_loss": 1.0 + 1.3 * share,
                    "gradient_norm": norm,
                }
            )
    return pd.DataFrame(rows)


def grid(
    ratio: Values = lambda run, seed: 0.15 + 0.01 * (seed % 3), change: float = 0.003
) -> dict[str, pd.DataFrame]:
    """Runs and curves of a grid whose annealed runs have stalled."""
    rows, looks = [], []
    axes = (DATASETS, ("sgd", "adam"), ("constant", "cosine"), range(4), range(12))
    for dataset, optimizer, schedule, cell, seed in itertools.product(*axes):
        name = f"{dataset}-{optimizer}-{schedule}-{cell}-{seed}"
        row = {"run_id": name, "role": "evaluation", "dataset": dataset, "optimizer": optimizer}
        row |= {"schedule": schedule, "seed": seed, "edge": cell == 3, "cell": str(cell)}
        rows.append(row | {"gradient_norm": ratio(schedule, seed), "initial_gradient_norm": 1.0})
        last = change if schedule == "cosine" else 0.05
        looks += [
            {"run_id": name, "update": update, "train_loss": loss}
            for update, loss in ((0, 2.3), (80, 1.0), (100, 1.0 - last))
        ]
    return {"grid": pd.DataFrame(rows), "grid_curves": pd.DataFrame(looks)}


def grid_endpoints(kind: Callable[[str, int], str] = lambda run, seed: "none") -> pd.DataFrame:
    """Searches at annealed endpoints of the grid."""
    table = stalls(lambda run, seed: kind("grid", seed), moving=lambda run, seed: False)
    return table[(table["schedule"] != "constant") & (table["origin"] == "endpoint")]


def stalls_and_grid() -> dict[str, pd.DataFrame]:
    """What claim 2.1.1 reads."""
    table = stalls()
    return {"stalls": table, "curves": curves(table), **grid()}


TABLES = {
    "1.1.7": lambda: {"stalls": stalls(), "grid": grid_endpoints()},
    "2.1.1": stalls_and_grid,
    "2.1.2": lambda: {"stalls": stalls()},
}
