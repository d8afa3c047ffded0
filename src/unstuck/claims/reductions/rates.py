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
def least_gain_at_best_rates(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    of: str,
    to: str,
    by: Column = "walker",
    arrived: Column = "settled",
    budget: Column = "updates",
    rate: Column = "rate",
) -> pd.Series:
    """Updates of one walker over those of another, each at its best rate: the least over starts.

    The best rate has the smallest mean logarithm over all starts. A walk that does not arrive
    counts its budget.

    Parameters
    ----------
    rows
        Of each run a row a walker, rate and `seed`.
    of, to
        Names of the two walkers.
    by, arrived, budget, rate
        The columns of the walker, of the updates at arrival (missing where it did not come there),
        of those it had, and of the rate.
    """
    logs = np.log(rows[arrived].fillna(rows[budget]).astype("float64"))
    parts = rows.assign(log=logs).groupby("run")
    return pd.Series({run: _gains(part, "seed", of, to, by, rate).min() for run, part in parts})


@register
def gain_at_best_rates(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    of: str,
    to: str,
    at: Column = "surface",
    by: Column = "walker",
    arrived: Column = "settled",
    budget: Column = "updates",
    rate: Column = "lr",
) -> pd.Series:
    """Updates of one walker over those of another, each at its best rate of a surface.

    As `least_gain_at_best_rates`, of every start.

    Parameters
    ----------
    rows
        Of each run, which is a start, a row a walker and rate.
    of, to
        Names of the two walkers.
    at
        The column of the surface, whose starts choose a rate together.
    by, arrived, budget, rate
        As there.
    """
    logs = np.log(rows[arrived].fillna(rows[budget]).astype("float64"))
    parts = rows.assign(log=logs).groupby(at)
    return pd.concat([_gains(part, "run", of, to, by, rate) for _, part in parts])


def _gains(
    rows: pd.DataFrame, start: str, of: str, to: str, by: str, rate: str
) -> "pd.Series[float]":
    """Give of every start the exponential of the difference of `log`, at the best rates."""
    best = {}
    for walker in (of, to):
        table = rows[rows[by] == walker].pivot(index=start, columns=rate, values="log")
        best[walker] = table[table.mean().idxmin()]
    return (best[of] - best[to]).map(math.exp)


@register
def best_over_rates(
    rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column, rates: Axis = "lr"
) -> pd.Series:
    """Largest value of a column over the rates of a grid; a row a run and rate.

    Of both arms alike, so that what the choice flatters them by falls out of their difference.
    """
    return rows.groupby("run")[column].max()
