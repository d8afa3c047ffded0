"""What closed forms foretell of walks down quadratic bowls."""

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unstuck.optim.coefficients import Coefficients
from unstuck.optim.quadratic import best_heavy_ball, heavy_ball_shares

if TYPE_CHECKING:
    from unstuck.surfaces.valleys import Ellipse, Regression

Array = NDArray[np.float64]


class Foretold(NamedTuple):
    """Of one walk: the share of its distance that it leaves, and the updates to the radius.

    NaN where no closed form tells, or the walk does not come there.
    """

    left: float = math.nan
    settled: float = math.nan


def foretold(
    bowl: "Ellipse | Regression",
    start: tuple[float, ...],
    row: Coefficients,
    rate: float,
    *,
    updates: int,
    radius: float,
) -> Foretold:
    """Foretell gradient descent at a constant rate, and the heavy ball at its best.

    An update of gradient descent leaves the share 1 − ηλ of the coordinate along the eigenvector of
    λ; for the heavy ball see `unstuck.optim.quadratic.heavy_ball_shares`.

    Parameters
    ----------
    bowl
        The quadratic, of curvatures ``0 < low <= high``.
    start, row, rate
        Of the walk; the schedule is constant.
    updates, radius
        How many are made, and the share of the distance at which it has arrived.
    """
    import torch

    if row.uses_accumulator:
        return Foretold()
    hessian = bowl.hessian(torch.tensor(bowl.minimiser, dtype=torch.float64)).numpy()
    offset = np.linalg.eigh(hessian)[1].T @ (np.array(start) - bowl.minimiser)
    weights = (offset / np.linalg.norm(offset)) ** 2
    if not row.uses_momentum:
        return _descent(1 - rate * np.array(bowl.curvatures), weights, updates, radius)
    best = best_heavy_ball(*bowl.curvatures)
    if row.nesterov or not np.isclose([rate, row.momentum], best[:2], rtol=1e-12, atol=0).all():
        return Foretold()
    left = np.sqrt(heavy_ball_shares(*bowl.curvatures, updates) ** 2 @ weights)
    outside = np.flatnonzero(left > radius)
    settled = float(outside[-1] + 1) if outside.size and outside[-1] < updates else math.nan
    return Foretold(float(left[-1]), settled)


def _descent(shares: Array, weights: Array, updates: int, radius: float) -> Foretold:
    """Look for the update by bisection: the distance falls at every one."""

    def left(update: int) -> float:
        with np.errstate(over="ignore", under="ignore"):
            return float(np.sqrt(np.abs(shares) ** (2.0 * update) @ weights))

    end = left(updates)
    if not (np.abs(shares) < 1).all() or end > radius:
        return Foretold(end)
    arrived = bisect_left(range(updates), True, lo=1, key=lambda update: left(update) <= radius)
    return Foretold(end, float(arrived))
