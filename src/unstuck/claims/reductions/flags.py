"""Whether something is so of a run: what shares are taken of."""

import pandas as pd

from unstuck.claims.reductions.base import Column, register


@register
def equals(
    rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column, value: str | float | list[str]
) -> pd.Series:
    """Whether a column has a value, or one of several.

    Parameters
    ----------
    rows
        One row a run.
    column
        Labels or numbers.
    value
        One value, or a list.
    """
    return _is_one_of(rows.set_index("run")[column], value).astype("float64")


def _is_one_of(column: pd.Series, value: str | float | list[str]) -> "pd.Series[bool]":
    wanted = [str(each) for each in (value if isinstance(value, list) else [value])]
    return column.astype(str).isin(wanted)


@register
def exceeds(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    column: Column,
    times: float = 1.0,
    of: Column | None = None,
) -> pd.Series:
    """Whether a column lies above so many times another one, or above a number.

    Parameters
    ----------
    rows
        One row a run.
    column
        What is compared.
    times, of
        It must exceed ``times`` × the column `of`, or the number `times` where none is given.
    """
    table = rows.set_index("run")
    bound = times * table[of] if of is not None else times
    return (table[column] > bound).astype("float64")


@register
def share_of_rows(
    rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column, value: str | float | list[str]
) -> pd.Series:
    """Share of a run's rows in which a column has a value, or one of several.

    Parameters
    ----------
    rows
        Any number of rows a run.
    column, value
        As in `equals`.
    """
    return _is_one_of(rows[column], value).groupby(rows["run"]).mean()


@register
def not_arrived(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    loss: Column,
    reached: Column,
    within: float,
    kind: Column = "kind",
    certified: tuple[str, ...] = ("minimum", "saddle", "maximum"),
) -> pd.Series:
    """Whether no critical point lies near whose loss is within a share of the run's own.

    Parameters
    ----------
    rows
        One row a run.
    loss, reached
        The run's loss, and that of the point found from it.
    within
        The share of the run's loss by which they may differ.
    kind, certified
        The column of what was found, and what of it counts as a critical point.
    """
    table = rows.set_index("run")
    near = (table[loss] - table[reached]).abs() <= within * table[loss].abs()
    return (~(table[kind].isin(certified) & near)).astype("float64")


@register
def left_before_arrival(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    loss: Column,
    reached: Column,
    least: Column,
    within: float,
) -> pd.Series:
    """The share of its loss that a run could still lose; of a run that has arrived none is told.

    Parameters
    ----------
    rows
        One row a run.
    runs
        Handed on.
    loss, reached, within
        What `not_arrived` asks for.
    least
        The loss of the minimum below.
    """
    table = rows.set_index("run")
    early = not_arrived(rows, runs, loss=loss, reached=reached, within=within)
    return ((table[loss] - table[least]) / table[loss]).mask(early.to_numpy() == 0)
