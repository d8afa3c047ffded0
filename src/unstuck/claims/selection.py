"""Rows of a table, chosen by what a claim's file says of their columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.terms import BEST, LARGEST, SMALLEST, Range, Scalar
from unstuck.complaints import hint, shown, stopped
from unstuck.errors import DataError, NoRowsError

Mask = NDArray[np.bool_]


def selected(table: pd.DataFrame, selection: Mapping[str, Any], label: str) -> pd.DataFrame:
    """Give the rows that a selection names.

    Parameters
    ----------
    table
        Any table.
    selection
        Column → a value, a list of values, a `Range`, or ``smallest``, ``largest`` (of the rows
        that the plain conditions leave), ``best`` (all values, among which is chosen later).
    label
        What asks for it, for messages.

    Raises
    ------
    DataError
        If a column does not exist.
    NoRowsError
        If no row is left.
    """
    rows = table
    for column, wanted in sorted(selection.items(), key=lambda item: is_extreme(item[1])):
        if column not in rows:
            raise DataError(
                stopped(
                    f"{label}: there is no column {shown(column)}; "
                    f"{hint(column, map(str, table.columns), 'the table has')}"
                )
            )
        kept = rows[_mask(rows[column], wanted)]
        if kept.empty:
            raise NoRowsError(
                f"{label}: no row has {column} {shown(wanted)}; there are {_values(rows[column])}."
            )
        rows = kept
    return rows


def is_extreme(wanted: Any) -> bool:
    """Tell whether what is wanted is the smallest or largest value of the rows."""
    return wanted in (SMALLEST, LARGEST) if isinstance(wanted, str) else False


def _mask(column: "pd.Series[Any]", wanted: Any) -> Mask:
    if isinstance(wanted, Range):
        numbers = column.to_numpy(dtype=np.float64)
        low = -np.inf if wanted.at_least is None else wanted.at_least
        high = np.inf if wanted.at_most is None else wanted.at_most
        return np.asarray((low <= numbers) & (numbers <= high))
    if isinstance(wanted, list):
        return np.asarray(np.logical_or.reduce([_equals(column, each) for each in wanted]))
    if wanted == BEST:
        return np.ones(len(column), dtype=bool)
    if wanted in (SMALLEST, LARGEST) and pd.api.types.is_numeric_dtype(column):
        extreme = column.min() if wanted == SMALLEST else column.max()
        return np.asarray(column == extreme)
    return _equals(column, wanted)


def _equals(column: "pd.Series[Any]", wanted: Scalar) -> Mask:
    if pd.api.types.is_bool_dtype(column):
        return np.asarray(column == bool(wanted)) if isinstance(wanted, bool) else _none(column)
    if pd.api.types.is_numeric_dtype(column):
        if isinstance(wanted, str | bool):
            return _none(column)
        # rates are rounded in the table and in the file
        numbers = column.to_numpy(dtype=np.float64)
        return np.asarray(np.isclose(numbers, float(wanted), rtol=1e-9, atol=0))
    return np.asarray(column.astype(str) == same_word(wanted))


def same_word(value: Scalar) -> str:
    """A value as tables of labels hold it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _none(column: "pd.Series[Any]") -> Mask:
    return np.zeros(len(column), dtype=bool)


def _values(column: "pd.Series[Any]", most: int = 12) -> str:
    distinct = sorted(column.dropna().unique().tolist(), key=str)
    shown = ", ".join(
        f"{value:g}" if isinstance(value, float) else str(value) for value in distinct[:most]
    )
    return f"{shown}, …" if len(distinct) > most else shown or "none but missing ones"
