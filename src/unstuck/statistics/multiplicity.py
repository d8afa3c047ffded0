"""Correction of p-values for the number of claims that are tested."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values by Holm's step-down procedure, in the order given.

    Raises
    ------
    DataError
        If a value is not in ``[0, 1]``.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Stat. 6.
    """
    p = np.asarray(p_values, dtype=np.float64).ravel()
    if p.size == 0:
        return p
    if not np.all((p >= 0) & (p <= 1)):
        wrong = p[~((p >= 0) & (p <= 1))][0]
        raise DataError(f"Holm correction: a p-value is {wrong}; it must lie in [0, 1].")
    # statsmodels' own collects garbage at every call, which takes longer than all else of a verdict
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted
