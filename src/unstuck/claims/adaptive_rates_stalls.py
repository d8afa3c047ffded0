"""Section 2.1: whether the gradient is small where training has stalled, and what is near by."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import require_columns, under_other_seeds
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.claims.stalled import ANNEALED, GRID, contrasts, stalled_of_grid, stalled_runs
from unstuck.statistics.intervals import wilson_interval

LARGE = 0.1  # of the initial gradient norm: a gradient that is not small
HALF = 50.0
KINDS = ("oscillating", "noise floor", "saddle", "flat", "none of these")
BEFORE = (
    *("start_gradient_norm", "initial_norm", "start_loss", "loss_change", "lr", "run_id"),
    *("loss_same", "loss_cut", "loss_other_order", "gradient_norm_same", "cosine"),
    *("curvature_along_gradient", "lambda_max", "batch_noise"),
    *("looks", "losses_same", "losses_cut"),
)


@claim("2.1.1")
def stuck_not_flat(
    stalls: pd.DataFrame, curves: pd.DataFrame, grid: pd.DataFrame, grid_curves: pd.DataFrame
) -> Evidence:
    """Gradients of more than a tenth of the initial norm among stalled runs, less one half.

    And what cutting a constant rate tenfold saves of the loss within a tenth of the budget, against
    the same runs at their own rate.

    Controls: the same runs a tenth of the budget later, against themselves; the stalled runs of the
    grid under other seeds; and the same rate with the batches in another order.
    """
    table = stalled_runs(stalls, BEFORE)
    table = table[table["origin"] == "endpoint"]
    runs = _described(table[table["stalled"]])
    of_grid = stalled_of_grid(grid, grid_curves)
    of_grid = of_grid.assign(ratio=of_grid["gradient_norm"] / of_grid["initial_gradient_norm"])
    annealed = of_grid[of_grid["stalled"] & (of_grid["schedule"] != "constant")]
    annealed = annealed.assign(run=GRID, excess=_excess(annealed["ratio"]))
    constant = runs[runs["run"] != ANNEALED]
    name = "stalled runs with more than a tenth of the initial gradient norm"
    return Evidence(
        "2.1.1",
        contrasts=(
            *contrasts(runs, "excess", name, measure="gradient"),
            *contrasts(annealed, "excess", name, measure="gradient"),
            *contrasts(constant, "saved", "the rate cut tenfold, against the same", measure="cut"),
            *_controls(constant, annealed),
        ),
        tables={
            "shares": _shares(table, runs, annealed, of_grid),
            "kinds": _kinds(constant),
            "endpoints": _shown(runs),
            "training": _training(runs, curves),
            "after": _after(constant),
        },
        numbers={
            "grid_runs": len(of_grid),
            **_of_schedule(of_grid, constant=True),
            **_of_schedule(of_grid, constant=False),
            "median_ratio": float(constant["ratio"].median()),
            "mean_saved_by_the_cut": float(constant["saved"].mean()),
            "mean_gain_at_the_same_rate": float(constant["gained"].mean()),
        },
    )


def _excess(ratio: "pd.Series[float]") -> "pd.Series[float]":
    """Give the percentage of large gradients that a row adds to a mean, less one half."""
    excess: pd.Series[float] = 100.0 * (ratio > LARGE) - HALF
    return excess


def _described(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the ratio of the gradient norms, the kind of plateau, and what each arm did."""
    ratio = runs["start_gradient_norm"] / runs["initial_norm"]
    same = runs["loss_same"]
    mechanisms = [
        runs["cosine"] < 0,
        runs["batch_noise"] > 1,
        runs["curvature_along_gradient"] < 0,
        ratio <= LARGE,
    ]
    later = runs["gradient_norm_same"] / runs["initial_norm"]
    return runs.assign(
        ratio=ratio,
        excess=_excess(ratio),
        later=_excess(later) - _excess(ratio),
        mechanism=np.select(mechanisms, KINDS[:-1], KINDS[-1]),
        saved=100 * (same - runs["loss_cut"]) / same,
        reordered=100 * (same - runs["loss_other_order"]) / same,
        gained=100 * (runs["start_loss"] - same) / runs["start_loss"],
        rate_times_curvature=runs["lr"] * runs["lambda_max"],
    )


def _controls(constant: pd.DataFrame, annealed: pd.DataFrame) -> Iterator[Contrast]:
    yield from contrasts(
        constant,
        "later",
        "the same runs a tenth of the budget later",
        measure="gradient",
        role="negative control",
    )
    for (run, dataset), part in annealed.groupby(["run", "dataset"], sort=False):
        share = part.groupby("seed")["excess"].mean()
        yield under_other_seeds(
            *(share, share),
            name="large gradients among stalled runs",
            dataset=str(dataset),
            condition={"run": str(run)},
            measure="gradient",
        )
    noisy = constant[constant["batch_noise"] > 0]
    yield from contrasts(
        noisy,
        "reordered",
        "the same rate with the batches in another order",
        measure="cut",
        role="negative control",
    )


def _of_schedule(grid: pd.DataFrame, *, constant: bool) -> dict[str, int]:
    part = grid[(grid["schedule"] == "constant") == constant]
    word = "constant" if constant else "annealed"
    return {
        f"grid_{word}": len(part),
        f"grid_{word}_stalled": int(part["stalled"].sum()),
        f"grid_{word}_stalled_and_large": int((part["stalled"] & (part["ratio"] > LARGE)).sum()),
    }


def _shares(
    table: pd.DataFrame, runs: pd.DataFrame, annealed: pd.DataFrame, grid: pd.DataFrame
) -> pd.DataFrame:
    """Give the share of large gradients among stalled runs, with its Wilson interval."""
    trained = table.groupby(["run", "dataset"]).size().to_dict()
    of_grid = grid[grid["schedule"] != "constant"].groupby("dataset").size()
    trained |= {(GRID, dataset): count for dataset, count in of_grid.items()}
    rows = []
    both = pd.concat([runs, annealed], ignore_index=True)
    for (run, dataset), part in both.groupby(["run", "dataset"], sort=False):
        large = int((part["ratio"] > LARGE).sum())
        interval = wilson_interval(large, len(part))
        rows.append(
            {
                "run": run,
                "dataset": dataset,
                "trained": int(trained[run, dataset]),
                "stalled": len(part),
                "large": large,
                "share": large / len(part),
                "low": interval.low,
                "high": interval.high,
                "median_ratio": float(part["ratio"].median()),
            }
        )
    return pd.DataFrame(rows)


def _kinds(constant: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "run": run,
            "dataset": dataset,
            "kind": kind,
            "count": int((part["mechanism"] == kind).sum()),
            "stalled": len(part),
        }
        for (run, dataset), part in constant.groupby(["run", "dataset"], sort=False)
        for kind in KINDS
    ]
    return pd.DataFrame(rows)


def _shown(runs: pd.DataFrame) -> pd.DataFrame:
    columns = ["run", "dataset", "seed", "mechanism", "ratio", "cosine", "batch_noise"]
    columns += ["curvature_along_gradient", "rate_times_curvature", "saved", "gained"]
    order = ["run", "dataset", "seed"]
    return runs[columns].sort_values(order, kind="stable", ignore_index=True)


def _training(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Give medians over stalled runs of loss and gradient norm, as shares of the initial ones."""
    columns = ["run_id", "update", "train_loss", "gradient_norm"]
    require_columns(curves, columns, "curves")
    names = runs[["run_id", "run", "dataset"]]
    curves = (
        curves[columns].merge(names, on="run_id").sort_values(["run_id", "update"], kind="stable")
    )
    first = curves.groupby("run_id")[["train_loss", "gradient_norm"]].transform("first")
    shares = curves.assign(
        loss=curves["train_loss"] / first["train_loss"],
        gradient=curves["gradient_norm"] / first["gradient_norm"],
    )
    groups = shares.groupby(["run", "dataset", "update"], sort=True)
    return groups[["loss", "gradient"]].median().reset_index()


def _after(constant: pd.DataFrame) -> pd.DataFrame:
    """Give the mean change of the loss since the stall, in percent, as the runs go on."""
    tables = []
    for (run, dataset), part in constant.groupby(["run", "dataset"], sort=False):
        looks = np.asarray(part["looks"].iloc[0], dtype=float)
        for arm in ("same", "cut"):
            losses = np.stack([np.asarray(each, dtype=float) for each in part[f"losses_{arm}"]])
            change = 100 * (losses / losses[:, :1] - 1).mean(axis=0)
            given = {"run": run, "dataset": dataset, "arm": arm}
            tables.append(pd.DataFrame(given | {"update": looks, "change": change}))
    return pd.concat(tables, ignore_index=True)


@claim("2.1.2")
def stops_early(stalls: pd.DataFrame) -> Evidence:
    """Gradient norm where runs stalled over that at the minimum below, by seed.

    The minimum is taken in the number format of the training, whose rounding leaves a gradient
    there: what a run that has arrived could show at the least.

    Control: runs that are set down at the minimum and trained on in that format.
    """
    needed = ("start_gradient_norm", "minimum_gradient_norm", "arrived_gradient_norm", "path")
    table = stalled_runs(
        stalls, (*needed, "start_loss", "minimum_loss", "minimum_distance", "minimum_kind")
    )
    runs = table[(table["origin"] == "endpoint") & table["stalled"]]
    left_out = int((runs["minimum_kind"] != "minimum").sum())
    runs = runs[runs["minimum_kind"] == "minimum"]
    floor = runs["minimum_gradient_norm"]
    runs = runs.assign(
        above=np.log(runs["start_gradient_norm"] / floor),
        arrived=np.log(runs["arrived_gradient_norm"] / floor),
        gap=100 * (runs["start_loss"] - runs["minimum_loss"]) / runs["minimum_loss"],
        distance=runs["minimum_distance"] / runs["path"],
    )
    columns = ["run", "dataset", "seed", "start_gradient_norm", "minimum_gradient_norm"]
    columns += ["arrived_gradient_norm", "gap", "distance"]
    order = ["run", "dataset", "seed"]
    return Evidence(
        "2.1.2",
        contrasts=(
            *contrasts(runs, "above", "gradient norm at the stall over that at the minimum"),
            *contrasts(
                runs,
                "arrived",
                "the same after training on from the minimum",
                role="negative control",
            ),
        ),
        tables={"pairs": runs[columns].sort_values(order, kind="stable", ignore_index=True)},
        numbers={
            "stalled": len(runs) + left_out,
            "without_a_minimum": left_out,
            "median_gap_percent": float(runs["gap"].median()),
            "median_distance": float(runs["distance"].median()),
        },
    )
