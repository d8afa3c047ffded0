"""Diverged runs are data: they rank last and are never dropped."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError


def rank_last(
    values: Sequence[float] | NDArray[np.float64],
    diverged: Sequence[bool] | NDArray[np.bool_],
    *,
    worst: Literal["lowest", "highest"],
    bound: float | None = None,
) -> NDArray[np.float64]:
    """Replace the values of diverged runs by one that no finite run undercuts.

    A diverged run takes the worst finite value seen, or ``bound`` where that is worse. For an
    accuracy use ``worst="lowest"`` and chance as the bound; for a loss or a number of updates use
    ``worst="highest"`` and the loss of a constant guess, or the budget.

    Parameters
    ----------
    values : array_like of shape [K]
        One value per run; may be nan or infinite where the run diverged.
    diverged : array_like of bool, shape [K]
        Which runs diverged; a value that is not finite counts as diverged whatever this says.
    worst : {"lowest", "highest"}
        Which end of the scale is the worse one.
    bound : float, optional
        Value that a diverged run is at best given.

    Returns
    -------
    ndarray of shape [K]
        Finite.

    Raises
    ------
    DataError
        If no run is finite and no bound is given.
    """
    array = np.array(values, dtype=np.float64)
    lost = np.asarray(diverged, dtype=bool) | ~np.isfinite(array)
    if not lost.any():
        return array
    candidates = [*array[~lost], *([] if bound is None else [bound])]
    if not candidates:
        raise DataError(
            f"all {array.size} runs diverged and no bound is given; give the value that a run "
            "without any skill would have (chance for an accuracy, the budget for updates)."
        )
    array[lost] = min(candidates) if worst == "lowest" else max(candidates)
    return array
