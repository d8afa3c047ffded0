"""Section 2.1: Adam as a row of the one update rule, and the regret of its defaults."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, compared, evaluation_runs, paired, require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError
from unstuck.optim.coefficients import OPTIMIZERS, Coefficients
from unstuck.optim.trajectory import descend
from unstuck.statistics.intervals import bootstrap_interval
from unstuck.study.analyses.rates.parity import (
    REFERENCES,
    difference,
    distance_from_torch,
    reductions,
    rmsprop_with_own_momentum,
)
from unstuck.surfaces.valleys import Ellipse

DEFAULT_RATE = 1e-3
DEFAULTS = "adam"
RIVALS = ("adam", "momentum", "sgd", "adagrad", "rmsprop")
SCORE = "test_accuracy"
BUDGETS = ("short", "ordinary")
SAME = "the rate chosen for Adam is its default: one arm against itself"
# relative, in float64 over 200 updates; a wrong β or ε shows at 1e-4 and more
PARITY = 1e-6
# the surface of the summary: long, and turned so that both coordinates matter
SURFACE = Ellipse(condition=30.0, degrees=20.0)
START = (-9.0, 1.5)
RATES = np.geomspace(1e-3, 3, 61)
UPDATES = 300
ARRIVED = 0.01


@claim("2.1.7")
def adam(runs: pd.DataFrame) -> Evidence:
    """Test accuracy of Adam at its defaults minus that of five tuned optimizers, in points.

    Exact: the rows of the update rule turn into each other and agree with torch.optim; RMSProp
    with momentum of its own, of normalised gradients, must not. The negative control holds each arm
    against itself under other seeds; the positive one looks for the regret of gradient descent at
    Adam's rate.
    """
    require_columns(runs, ["optimizer", "lr", "lr_policy", "updates"], "runs")
    table = evaluation_runs(runs, ["optimizer", "lr", "lr_policy", "updates"])
    table = table.assign(budget=_budgets(table))
    contrasts: list[Contrast] = []
    for (dataset, budget), cell in table.groupby(["dataset", "budget"]):
        contrasts += _contrasts(cell, str(dataset), str(budget))
    checks, errors = _exact()
    return Evidence(
        "2.1.7",
        contrasts=tuple(contrasts),
        checks=checks,
        tables={
            "optimizers": _summary(errors),
            "paths": _paths(),
            "regret": _regret(table, contrasts),
            "arms": _arms(table),
        },
        numbers={
            "seeds": int(table["seed"].nunique()),
            "diverged": int(table["diverged"].sum()),
            "walk": UPDATES,
            **_trials(runs),
        },
    )


def _budgets(table: pd.DataFrame) -> "pd.Series[str]":
    """Name the budgets of every dataset, of which there are two.

    Raises
    ------
    DataError
        If there are not.
    """
    counts = table.groupby("dataset")["updates"].nunique()
    if (counts != len(BUDGETS)).any():
        raise DataError(
            f"claim 2.1.7 compares two budgets, but {counts.ne(len(BUDGETS)).idxmax()} has "
            f"{int(counts[counts.ne(len(BUDGETS))].iloc[0])}; give the experiment two."
        )
    rank = table.groupby("dataset")["updates"].rank(method="dense").astype(int)
    return rank.map(dict(enumerate(BUDGETS, start=1)))


def _contrasts(cell: pd.DataFrame, dataset: str, budget: str) -> Iterator[Contrast]:
    defaults = _arm(cell, DEFAULTS, "fixed")
    for rival in RIVALS:
        tuned = _arm(cell, rival, "tuned")
        # on the edge or not, the arm itself cannot differ from itself
        same = rival == DEFAULTS and bool(np.isclose(tuned["lr"], DEFAULT_RATE).all())
        note = SAME if same else EDGE if tuned["edge"].any() else ""
        name = f"Adam's defaults against tuned {rival}"
        ours, theirs = by_seed(defaults, SCORE, name), by_seed(tuned, SCORE, name)
        condition = {"part": "defaults", "against": rival, "budget": budget}
        yield from compared(
            ours, theirs, name=name, dataset=dataset, condition=condition, note=note
        )
    name = "tuned gradient descent against itself at Adam's rate"
    slow, best = (by_seed(_arm(cell, "sgd", policy), SCORE, name) for policy in ("fixed", "tuned"))
    losses = paired(best, slow, name)
    yield Contrast(
        name=name,
        dataset=dataset,
        condition={"budget": budget},
        seeds=tuple(losses.index),
        values=tuple(losses),
        role="positive control",
    )


def _arm(cell: pd.DataFrame, optimizer: str, policy: str) -> pd.DataFrame:
    chosen = cell[(cell["optimizer"] == optimizer) & (cell["lr_policy"] == policy)]
    if policy == "fixed":
        chosen = chosen[np.isclose(chosen["lr"], DEFAULT_RATE)]
    if chosen.empty:
        rate = "a tuned rate" if policy == "tuned" else f"rate {DEFAULT_RATE:g}"
        raise DataError(f"claim 2.1.7: no run has optimizer {optimizer!r} with {rate}; add it.")
    return chosen


def _exact() -> tuple[tuple[Check, ...], dict[str, float]]:
    """Give the checks of the update rule, and its distance from torch.optim by optimizer."""
    condition = {"part": "rule"}
    checks = [
        Check(f"{each.name}: largest difference of a step", difference(each), 0, PARITY, condition)
        for each in reductions()
    ]
    errors = {}
    for name in REFERENCES:
        errors[name] = distance_from_torch(name, [OPTIMIZERS[name]], seed=0)
        label = f"{name}: distance from torch.optim over 200 updates"
        checks.append(Check(label, errors[name], 0, PARITY, condition))
    own = rmsprop_with_own_momentum()
    checks.append(
        Check(
            f"whether a difference shows where there is one ({own.name})",
            float(difference(own) > PARITY),
            1,
            0,
            role="negative control",
        )
    )
    return tuple(checks), errors


def _regret(table: pd.DataFrame, contrasts: list[Contrast]) -> pd.DataFrame:
    """Give the mean difference in points and its 95 % interval, by dataset, budget and rival."""
    updates = table.groupby(["dataset", "budget"])["updates"].max()
    rows = []
    for contrast in contrasts:
        if contrast.role == "effect":
            interval = bootstrap_interval(np.array(contrast.values))
            rows.append(
                {
                    "dataset": contrast.dataset,
                    "budget": contrast.condition["budget"],
                    "updates": int(updates[contrast.dataset, contrast.condition["budget"]]),
                    "against": contrast.condition["against"],
                    "points": float(np.mean(contrast.values)),
                    "ci_low": interval.low,
                    "ci_high": interval.high,
                    "usable": contrast.usable,
                }
            )
    return pd.DataFrame(rows)


def _arms(table: pd.DataFrame) -> pd.DataFrame:
    """Give the accuracies of every arm, a row a dataset, budget, optimizer, rate and seed."""
    columns = ["dataset", "updates", "budget", "optimizer", "lr_policy", "lr", "edge", "seed"]
    measured = ["train_accuracy", "validation_accuracy", SCORE]
    return table.sort_values(columns, kind="stable")[[*columns, *measured]]


def _trials(runs: pd.DataFrame) -> dict[str, int | float | str]:
    """Count the rates that each tuned arm was tried at: they must be much the same."""
    tuning = runs[runs["role"] == "tuning"]
    if tuning.empty:
        return {}
    tried = tuning.groupby(["dataset", "updates", "optimizer"])["lr"].nunique()
    return {"fewest_rates_tried": int(tried.min()), "most_rates_tried": int(tried.max())}


def _summary(errors: dict[str, float]) -> pd.DataFrame:
    """Give the coefficients of every optimizer in words, and how far it is from torch.optim."""
    rows = []
    for name, row in OPTIMIZERS.items():
        direction, size = formulas(row)
        rows.append(
            {
                "optimizer": name,
                "m": direction,
                "sigma": size,
                # torch.optim has no mean of all squares
                "parity": errors.get(name, -1.0),
            }
        )
    return pd.DataFrame(rows)


def formulas(row: Coefficients) -> tuple[str, str]:
    """Write what an optimizer uses for m and for σ, without ε and correction of the bias."""
    kept = f"{row.momentum:g}m"
    m = {"sum": f"{kept} + g", "mean": f"{kept} + {1 - row.momentum:.3g}g"}[row.averaging]
    if not row.uses_momentum:
        m = "g"
    elif row.nesterov:
        m = f"{kept} + g, looking ahead"
    sigma = {
        "none": "1",
        "sum": "√(sum of g²)",
        "mean": "√(mean of g²)",
        "exponential": f"√({row.beta2:g}s + {1 - row.beta2:.3g}g²)",
    }[row.accumulator]
    if row.rectify:
        sigma += ", once trusted"
    if row.decoupled_decay:
        m += ", θ decays apart"
    return m, sigma


def _paths() -> pd.DataFrame:
    """Walk every optimizer over one bowl at the rate that arrives soonest, if any does.

    A column says after how many updates it stays within a hundredth of the distance at the start.
    """
    rows = [row for row in OPTIMIZERS.values() for _ in RATES]
    rates = np.tile(RATES, len(OPTIMIZERS))
    walked = descend(SURFACE, [START] * len(rows), rows, rates, UPDATES)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.linalg.norm(walked.points, axis=2) / np.linalg.norm(START)
    # NaN compares as outside
    outside = ~(distance <= ARRIVED)
    settled = UPDATES + 1 - np.argmax(outside[::-1], axis=0)
    settled[~outside.any(axis=0)] = 0
    tables = []
    for index, name in enumerate(OPTIMIZERS):
        mine = slice(index * len(RATES), (index + 1) * len(RATES))
        # of walkers that do not settle, the one that ends nearest
        nearest = np.nan_to_num(distance[-1, mine], nan=np.inf)
        best = mine.start + int(np.lexsort((nearest, settled[mine]))[0])
        points = walked.points[:, best]
        tables.append(
            pd.DataFrame(
                {
                    "optimizer": name,
                    "rate": rates[best],
                    "settled": int(settled[best]),
                    "update": walked.updates,
                    "x": points[:, 0],
                    "y": points[:, 1],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
