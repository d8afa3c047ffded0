"""One number of a run's rows: means, ratios, slopes, correlations."""

import math

import numpy as np
import pandas as pd

from unstuck.claims.reductions.base import Axis, Column, register
from unstuck.claims.terms import Scalar
from unstuck.statistics.ranks import rank_correlation as spearman


@register
def mean(rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column) -> pd.Series:
    """Mean of a column over a run's rows."""
    return rows.groupby("run")[column].mean()


@register
def geometric_mean(rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column) -> pd.Series:
    """Geometric mean of a positive column over a run's rows."""
    logs = pd.Series(np.log(rows[column].to_numpy(dtype=np.float64)), index=rows.index)
    return logs.groupby(rows["run"]).mean().map(math.exp)


@register
def at_common_level(
    rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column, level: Column, along: Column
) -> pd.Series:
    """Value of a column where a path first falls to a level that both arms come to.

    The level of a unit is the least that the arm which ends higher comes to. Between two points of
    a path the logarithm of the column is a straight line in `level`.

    Parameters
    ----------
    rows
        Several rows a run.
    column
        What is given; positive.
    level
        What falls along the path.
    along
        What orders the points of a path.
    """
    least = rows.groupby(["unit", "run"])[level].min().groupby("unit").max()
    found = {}
    for run, path in rows.sort_values(along, kind="stable").groupby("run"):
        heights, logs = path[level].to_numpy(float), np.log(path[column].to_numpy(float))
        height = least[path["unit"].iloc[0]]
        first = int(np.flatnonzero(heights <= height)[0])
        ends = [first, max(first - 1, 0)]
        found[run] = math.exp(np.interp(height, heights[ends], logs[ends]))
    return pd.Series(found)


@register
def largest(
    rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column, rates: Axis | None = None
) -> pd.Series:
    """Largest value of a column over a run's rows, or over the rates of a grid, a row each.

    Of both arms alike, so that what the choice of a rate flatters them by falls out of their
    difference.
    """
    return rows.groupby("run")[column].max()


@register
def largest_over_least(rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column) -> pd.Series:
    """Largest value of a positive column over its least one, of a run's rows."""
    groups = rows.groupby("run")[column]
    return groups.max() / groups.min()


@register
def ratio_of_groups(
    rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column, by: Column, of: Scalar, to: Scalar
) -> pd.Series:
    """Geometric mean of a positive column where `by` is `of`, over that where it is `to`."""
    groups = rows[by].astype("str")
    logs = np.log(rows[column])
    one, other = (logs[groups == str(each)].groupby(rows["run"]).mean() for each in (of, to))
    return pd.Series(np.exp(one - other))


@register
def ratio(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    of: Column,
    to: Column | None = None,
    less: float = 0.0,
) -> pd.Series:
    """One column over another, or over 1 where none is given, less a number; one row a run."""
    table = rows.set_index("run")
    return (table[of] / table[to] if to is not None else table[of]) - less


@register
def product(
    rows: pd.DataFrame, runs: pd.DataFrame, *, of: Column, by: Column, times: float = 1.0
) -> pd.Series:
    """One column times another, times a number; one row a run."""
    table = rows.set_index("run")
    return times * table[of] * table[by]


@register
def knee(rows: pd.DataFrame, runs: pd.DataFrame, *, x: Column, y: Column) -> pd.Series:
    """The x at which the part of y that grows with it equals the part that does not, at least 1.

    That is a/b of y = a + b x, neither below 0, by least squares of relative errors.

    Parameters
    ----------
    rows
        Several rows a run, with positive x and y.
    x, y
        The columns.
    """
    from scipy.optimize import nnls

    found = {}
    for run, part in rows.groupby("run"):
        places, heights = part[x].to_numpy(float), part[y].to_numpy(float)
        fixed, each = nnls(np.stack([1 / heights, places / heights], 1), np.ones(len(part)))[0]
        found[run] = max(1.0, fixed / each) if each else math.inf
    return pd.Series(found)


@register
def exp_minus(rows: pd.DataFrame, runs: pd.DataFrame, *, column: Column) -> pd.Series:
    """exp(−loss): the geometric mean of the probability of the true class; one row a run."""
    return rows.set_index("run")[column].map(lambda loss: math.exp(-loss))


@register
def log_slope(
    rows: pd.DataFrame, runs: pd.DataFrame, *, x: Column, y: Column, largest: int = 0
) -> pd.Series:
    """Slope of log y against log x over a run's rows, by least squares: an exponent.

    Parameters
    ----------
    rows
        Two rows or more a run, with positive x and y.
    x, y
        The columns.
    largest
        Only the rows of so many largest x; 0 takes all.
    """
    slopes = {}
    for run, part in rows.sort_values(x, kind="stable").groupby("run"):
        kept = part.tail(largest) if largest else part
        slopes[run] = np.polyfit(np.log(kept[x]), np.log(kept[y]), 1)[0]
    return pd.Series(slopes)


@register
def leading_order(
    rows: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    x: Column,
    y: Column,
    rounding: Column,
    above: float = 100.0,
    points: int = 3,
) -> pd.Series:
    """Exponent n of y = c xⁿ(1 + d x + …) in the limit of small x.

    Solved for from log c + n log x + d x at the smallest x whose |y| stands above rounding; d
    matters where c happens to be small. NaN where too few do, as where y is zero.

    Parameters
    ----------
    rows
        Several rows a run.
    x, y, rounding
        The columns; rounding is the error of y.
    above
        How many times its rounding |y| must be to count.
    points
        How many values of x are used, three or more.
    """
    orders = {}
    for run, part in rows.sort_values(x, kind="stable").groupby("run"):
        size = part[y].abs()
        usable = part[size > above * part[rounding]].head(points)
        if len(usable) < points:
            orders[run] = np.nan
            continue
        places = usable[x].to_numpy(dtype=np.float64)
        system = np.stack([np.ones(points), np.log(places), places / places.max()], axis=1)
        sizes = np.log(usable[y].abs().to_numpy(dtype=np.float64))
        orders[run] = np.linalg.lstsq(system, sizes, rcond=None)[0][1]
    return pd.Series(orders)


@register
def rank_correlation(
    rows: pd.DataFrame, runs: pd.DataFrame, *, of: Column, to: Column, sign: int = 1
) -> pd.Series:
    """Spearman's correlation of two columns over a run's rows; `sign` −1 turns it round."""
    return pd.Series(
        {
            run: sign * float(spearman(part[of].to_numpy(float), part[to].to_numpy(float)))
            for run, part in rows.groupby("run")
        }
    )


@register
def share_saved(rows: pd.DataFrame, runs: pd.DataFrame, *, of: Column, to: Column) -> pd.Series:
    """By which share of `to` one column lies below it: ``(to - of) / to``; one row a run."""
    table = rows.set_index("run")
    return (table[to] - table[of]) / table[to]
