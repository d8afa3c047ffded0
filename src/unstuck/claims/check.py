"""Exact checks: one number of a table, and what it must be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from unstuck.claims.compared import Array
from unstuck.claims.comparison import Tables, gathered
from unstuck.claims.lines import Check, Need, Number, Value
from unstuck.claims.reductions import reduction
from unstuck.claims.selection import selected
from unstuck.errors import DataError, NoRowsError


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    value
        The number, NaN where there was none.
    holds, small
        Whether it is what it must be, and if not whether it is still *small*.
    n
        Of how many values it is made.
    skipped
        How many values could not be had, such as slopes lost in rounding.
    """

    value: float
    holds: bool
    small: bool
    n: int
    skipped: int


def check(spec: Check, tables: Tables) -> Checked:
    """Make one number of a table and hold it against what it must be.

    Raises
    ------
    DataError
        If a table, column or row is missing.
    """
    value, n, skipped = _measured(spec.label, spec, tables, spec.holds.equals)
    holds = spec.holds.of(value)
    small = not holds and spec.small is not None and spec.small.of(value)
    return Checked(value, holds, small, n, skipped)


def need_met(need: Need, tables: Tables) -> bool:
    """Tell whether what a comparison needs holds; no row at all is a count of none."""
    try:
        value, *_ = _measured("needs", need, tables, need.holds.equals)
    except NoRowsError:
        if need.reduce != "count":
            raise
        value = 0.0
    return need.holds.of(value)


def number(name: str, spec: Number, tables: Tables) -> float:
    """Give a number that an answer names from a table; NaN where no row is such as it asks for."""
    try:
        return spec.scale * _measured(name, spec, tables)[0]
    except NoRowsError:
        return math.nan


def _measured(
    label: str, spec: Check | Need | Number, tables: Tables, target: float | None = None
) -> tuple[float, int, int]:
    """Give one number of some rows, of how many values it is made, and how many were skipped."""
    rows = selected(gathered(spec.tables, tables, label), spec.where, label)
    for column in spec.each:
        if column not in rows:
            raise DataError(f"{label}: `each` names {column!r}, which no table has.")
    if spec.value is None:
        if spec.reduce != "count":
            raise DataError(f"{label}: `value` is missing; only a count does without.")
        return float(len(rows)), len(rows), 0
    values = _values(label, rows, spec.value, spec.each)
    known = values[np.isfinite(values)]
    skipped = values.size - known.size
    if spec.reduce == "count":
        return float(np.count_nonzero(known)), values.size, skipped
    if not known.size:
        return math.nan, 0, skipped
    return _reduced(label, known, spec.reduce, target), known.size, skipped


def _values(label: str, rows: pd.DataFrame, value: Value, each: Sequence[str]) -> Array:
    keys = rows.groupby(list(each), dropna=False).ngroup() if each else pd.Series(range(len(rows)))
    rows = rows.assign(run=keys.to_numpy(), side="arm", unit=keys.to_numpy())
    if "rate" not in rows:
        rows = rows.assign(rate=np.nan)
    if isinstance(value, str):
        if value not in rows:
            raise DataError(f"{label}: no table has the column {value!r}.")
        if each and rows["run"].duplicated().any():
            raise DataError(f"{label}: `each` leaves several rows; name what tells them apart.")
        return rows[value].to_numpy(dtype=np.float64)
    ((name, arguments),) = value.items()
    result = reduction(name)(rows, rows, **arguments)
    values = result["value"] if isinstance(result, pd.DataFrame) else result
    return np.asarray(values, dtype=np.float64)


def _reduced(label: str, values: Array, reduce: str, target: float | None) -> float:
    if reduce == "only":
        if values.size > 1:
            raise DataError(
                f"{label}: there are {values.size} values; say with `reduce` which is meant."
            )
        return float(values[0])
    if reduce == "farthest":
        if target is None:
            raise DataError(f"{label}: the farthest is that from `equals`, which is not given.")
        return float(values[np.abs(values - target).argmax()])
    if reduce == "share":
        return float((values != 0).mean())
    return float(getattr(np, reduce)(values))
