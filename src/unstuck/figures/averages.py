"""What units' values are summed up by in a picture."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from unstuck.statistics import race

#: units of a mean that an interval says something of
FEWEST = 5


def average(values: npt.ArrayLike, by: str) -> float:
    """Give the mean, median or geometric mean of finite values; nan if there are none."""
    array = _finite(values)
    if not array.size:
        return float("nan")
    if by == "geometric":
        return float(np.exp(np.mean(np.log(array))))
    return float(np.median(array) if by == "median" else np.mean(array))


def by_unit(rows: pd.DataFrame, x: str, unit: str, y: str, by: str) -> pd.DataFrame:
    """Give a table of one value a place (its rows) and unit: the average of their rows.

    Of a median it is the mean, as of a mean: what is summed up by a median are units.
    """
    if by == "geometric":
        rows = rows.assign(**{y: np.log(rows[y].astype("float64"))})
    units: pd.DataFrame = rows.groupby([x, unit], sort=False)[y].mean().unstack()
    return units.apply(np.exp) if by == "geometric" else units


def interval(values: npt.ArrayLike, by: str) -> tuple[float, float]:
    """Give the 95 % interval of the average; of a median that of the middle half of the units.

    By ``deviation`` it is one standard deviation of the units to either side of their mean.

    Units that all have one value, but for rounding, have an interval of no width; so have
    fewer than `FEWEST`, whose interval says nothing.
    """
    array = _finite(values)
    if not array.size or np.allclose(array, array[0], rtol=1e-9, atol=0):
        only = float(array[0]) if array.size else float("nan")
        return only, only
    if by == "median":
        low, high = np.quantile(array, [0.25, 0.75])
        return float(low), float(high)
    if by == "deviation":
        middle, reach = float(array.mean()), float(array.std())
        return middle - reach, middle + reach
    if len(array) < FEWEST:
        return average(array, by), average(array, by)
    units = np.log(array) if by == "geometric" else array
    found = race.interval([race.Place(race.Arm(units[:, None]))])
    low, high = found.low, found.high
    return (float(np.exp(low)), float(np.exp(high))) if by == "geometric" else (low, high)


def _finite(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]
