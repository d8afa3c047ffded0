"""Which learning rates serve: what a unit says over a grid of rates."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.reductions.base import Axis, Column, register

Array = NDArray[np.float64]


@register
def largest_stable_rate(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    above: float,
    column: Column = "train_accuracy",
    rates: Axis = "lr",
) -> pd.DataFrame:
    """The largest rate up to which training learns at every rate of the grid.

    From the smallest rate that learns upwards, the last before the first that does not. Where none
    learns it is the lowest of the grid.

    Parameters
    ----------
    rows
        A row a unit and rate; runs that diverged have `diverged_at`.
    above
        A run has learnt whose `column` lies above it.
    column
        What is learnt, at the end.
    rates
        The grid.

    Returns
    -------
    The rate; `arrived` is false where it lies on an end of the grid.
    """
    ordered = rows.sort_values(rates, kind="stable")
    learnt = ordered[column] > above
    if "diverged_at" in ordered:
        learnt &= ordered["diverged_at"].isna()
    found = {}
    for run, part in ordered.assign(_learnt=learnt).groupby("run"):
        grid, good = part[rates].to_numpy(), part["_learnt"].to_numpy(dtype=bool)
        if not good.any():
            found[run] = (float(grid[0]), False)
            continue
        first = int(np.argmax(good))
        failed = np.flatnonzero(~good[first:])
        last = first + int(failed[0]) - 1 if failed.size else grid.size - 1
        found[run] = (float(grid[last]), bool(failed.size))
    return pd.DataFrame.from_dict(found, orient="index", columns=["value", "arrived"])


@register
def usable_decades(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    share: float,
    start: float,
    column: Column = "train_accuracy",
    rates: Axis = "lr",
) -> pd.Series:
    """Decades of rates at which training comes so much of the way from a guess to the best arm.

    The broken line through accuracy against log₁₀ rate, its length at or above the threshold. The
    best is the largest mean over units of any rate of either arm.

    Parameters
    ----------
    rows
        A row a unit and rate; a run that diverged counts as a guess.
    share
        How much of the way makes a rate usable.
    start
        Where the way begins: the accuracy of a guess.
    column
        What is learnt, at the end.
    rates
        The grid.
    """
    reached = rows[column]
    if "diverged_at" in rows:
        reached = reached.where(rows["diverged_at"].isna(), start)
    table = rows.assign(_reached=reached)
    best = float(table.groupby(["side", rates])["_reached"].mean().max())
    threshold = start + share * (best - start)
    widths = {}
    for run, part in table.sort_values(rates, kind="stable").groupby("run"):
        places = np.log10(part[rates].to_numpy(dtype=np.float64))
        widths[run] = length_above(places, part["_reached"].to_numpy(np.float64), threshold)
    return pd.Series(widths)


def length_above(places: Array, values: Array, threshold: float) -> float:
    """Give the length on which the broken line through points ``[N]`` is above a threshold."""
    left, right = values[:-1] - threshold, values[1:] - threshold
    high, low = np.maximum(left, right), np.minimum(left, right)
    crosses = (high >= 0) & (low < 0)
    part = np.where(crosses, high / np.where(crosses, high - low, 1.0), low >= 0)
    return float((part * np.diff(places)).sum())


@register
def gain_at_best_rates(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    of: str,
    to: str,
    at: Column = "surface",
    starts: Column | None = None,
    by: Column = "walker",
    arrived: Column = "settled",
    budget: Column = "updates",
    rate: Column = "lr",
) -> pd.Series:
    """Updates of one walker over those of another, each at its best rate.

    The best rate has the smallest mean logarithm over all starts of a surface, or of a run that has
    several, of which the least gain is given. A walk that does not arrive counts its budget.

    Parameters
    ----------
    rows
        Of each start a row a walker and rate.
    of, to
        Names of the two walkers.
    at
        The column of the surface, where a run is one start.
    starts
        The column of a run's starts, where it has several.
    by, arrived, budget, rate
        The columns of the walker, of the updates at arrival (missing where it did not come there),
        of those it had, and of the rate.
    """
    logs = np.log(rows[arrived].fillna(rows[budget]).astype("float64"))
    index = ["run", starts] if starts else ["run"]
    gains = []
    for _, part in rows.assign(log=logs).groupby("run" if starts else at):
        walks = (part[part[by] == walker] for walker in (of, to))
        tables = [each.pivot(index=index, columns=rate, values="log") for each in walks]
        one, other = (table[table.mean().idxmin()] for table in tables)
        gains.append((one - other).map(math.exp))
    least: pd.Series[float] = pd.concat(gains).groupby(level="run").min()
    return least
