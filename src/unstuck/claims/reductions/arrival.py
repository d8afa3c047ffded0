"""How long it takes: updates until a target is met."""

import math

import numpy as np
import pandas as pd

from unstuck.claims.reductions.base import Column, register
from unstuck.errors import DataError


@register
def updates_until(
    rows: pd.DataFrame, runs: pd.DataFrame, *, arrived: Column, budget: Column = "updates"
) -> pd.DataFrame:
    """Updates until arrival that stand in a column; a run that did not arrive counts its budget.

    Parameters
    ----------
    rows
        One row a run.
    arrived
        Updates at arrival; missing where a run never came there.
    budget
        Updates that a run had.

    Returns
    -------
    Updates, at least 1, whether the run arrived, and their logarithm, by which rates are chosen.
    """
    table = rows.set_index("run")
    there = table[arrived].notna()
    return _timed(table[arrived].where(there, table[budget]).astype("float64"), there)


@register
def updates_to_target(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    share: float | None = None,
    column: Column = "train_accuracy",
    target: Column | None = None,
) -> pd.DataFrame:
    """Updates until a curve first comes to a target that both arms of a place have in common.

    The target stands in a column, or is the start and so much of the way from there to what the
    better arm comes to: its mean final value over the units of the first heat (all, where there was
    none) at its chosen rate. Between two measurements the curve is a straight line. A run that does
    not come there counts its budget, as does one that diverged.

    Parameters
    ----------
    rows
        Curves: a row a run and `update`.
    runs
        Runs of both arms with `role`, `seed` and, of tuned ones, `chosen`.
    share
        How much of the way, between 0 and 1.
    column
        What rises along the curve; also a column of the runs.
    target
        The column of the target, instead of `share`.

    Returns
    -------
    Updates, at least 1, whether the run arrived, and their logarithm, by which rates are chosen.
    """
    common = math.nan if target else _common_target(rows, runs, share, column)
    values, arrived = {}, {}
    for run, curve in rows.sort_values("update", kind="stable").groupby("run"):
        updates = curve["update"].to_numpy(dtype=np.float64)
        level = float(curve[target].iloc[0]) if target else common
        crossed = crossing(updates, curve[column].to_numpy(dtype=np.float64), level)
        there = np.isfinite(crossed)
        if "diverged_at" in curve and curve["diverged_at"].notna().any():
            there = False
        arrived[run] = bool(there)
        values[run] = crossed if there else updates[-1]
    return _timed(pd.Series(values), pd.Series(arrived))


def _timed(updates: "pd.Series[float]", arrived: "pd.Series[bool]") -> pd.DataFrame:
    updates = updates.clip(lower=1.0)
    return pd.DataFrame({"value": updates, "arrived": arrived, "score": np.log(updates)})


def _common_target(
    rows: pd.DataFrame, runs: pd.DataFrame, share: float | None, column: str
) -> float:
    if share is None or not 0 < share < 1:
        raise DataError(f"updates_to_target: share is {share}; it lies between 0 and 1.")
    heat = set(runs[runs["role"] == "heat"]["seed"])
    start_rows = rows[rows["update"] == 0]
    if heat & set(start_rows["unit"]):
        start_rows = start_rows[start_rows["unit"].isin(heat)]
    start = float(start_rows.groupby("side")[column].mean().mean())
    ends = []
    for _, arm in runs.groupby("side"):
        final = arm[arm["chosen"]] if "chosen" in arm and arm["chosen"].any() else arm
        early = final[final["seed"].isin(heat)]
        ends.append(float((final if early.empty else early)[column].mean()))
    return start + share * (max(ends) - start)


def crossing(updates: np.ndarray, values: np.ndarray, target: float) -> float:
    """Give where the broken line through a curve ``[N]`` first comes to a target, or NaN."""
    there = np.flatnonzero(values >= target)
    if not there.size:
        return float("nan")
    first = int(there[0])
    if first == 0:
        return float(updates[0])
    low, high = values[first - 1], values[first]
    return float(np.interp(target, [low, high], updates[first - 1 : first + 1]))
