"""The negative control of a correlation over the places of a seed."""

from collections.abc import Callable
from typing import SupportsFloat

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: how far apart the two seeds of a difference are; it is calibrated for this
STEP = 2
#: a difference of two seeds, against differences of two others
SEEDS = 4


def correlation_across_seeds(
    first: pd.DataFrame, second: pd.DataFrame, correlate: Callable[[Array, Array], SupportsFloat]
) -> "pd.Series[float]":
    """Correlate two quantities over places where no seed is in both: nothing can be there.

    Of the first quantity stands the difference of two seeds, of the second that of two others, in
    the same places: what a place does to both goes out, and what happens in one seed is in one of
    them alone. To exchange the two seeds of a difference turns the sign, so that the expectation is
    zero as long as seeds are alike. Where they are not, later ones being trained otherwise or
    leaning on earlier ones, both differences, of which the earlier seed always stands first, lean
    the same way. To shuffle the places instead makes zero of whatever is there.

    Each seed gives one value, the mean correlation of its difference to the seed `STEP` further on
    (the last ones to the first) with those of the other seeds, each of which is used once. These
    values share seeds, but a t-test of them keeps its level (`tests/claims/test_other_seeds.py`).

    Parameters
    ----------
    first, second : DataFrame of shape [N, C]
        A row a seed, a column a place; a place that lacks a value is left out.
    correlate
        Gives the correlation of two arrays ``[C]``.

    Returns
    -------
    Series of shape [N]
        By seed; empty where there are fewer than four seeds.
    """
    seeds = first.index
    places = first.columns[first.notna().all() & second.notna().all()]
    one, two = (table.loc[seeds, places].to_numpy(dtype=np.float64) for table in (first, second))
    values = []
    for index in range(len(seeds) if len(seeds) >= SEEDS else 0):
        early, late = sorted((index, (index + STEP) % len(seeds)))
        others = np.delete(two, (early, late), axis=0)
        half = len(others) // 2
        values.append(
            np.mean(
                [
                    float(correlate(one[early] - one[late], others[i] - others[half + i]))
                    for i in range(half)
                ]
            )
        )
    return pd.Series(values, index=seeds[: len(values)], dtype="float64")
