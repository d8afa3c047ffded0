"""A saddle is no dead end: how the loss falls, and how long gradient descent takes to leave."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.objective import Objective
from unstuck.curvature.taylor import remainders
from unstuck.errors import CurvatureError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drop:
    """Change of the loss along an eigenvector of a negative eigenvalue."""

    eigenvalue: float
    residual: float  # |H v - eigenvalue v|
    radii: Array  # [R]
    change: Array  # [R], loss there minus loss here
    ratio: Array  # [R], change / (eigenvalue * radius^2 / 2); 1 in the limit of small radii
    converged: bool  # whether the residual is below 1e-6 of the eigenvalue's size


@dataclass(frozen=True)
class Descent:
    """Gradient descent that starts at or near a saddle."""

    losses: Array  # [updates + 1]
    distances: Array  # [updates + 1], from the saddle
    escaped_at: int | None  # first update with the loss below the threshold
    converged: bool  # whether it escaped


@dataclass(frozen=True)
class Escape:
    """Updates to escape against the distance of the start, 10 ** -k along an eigenvector."""

    exponents: Array  # [E], k
    updates: Array  # [E], NaN where it did not escape
    slope: float  # updates per unit of k, by least squares
    predicted_slope: float  # ln 10 / ln(1 - rate * eigenvalue)
    largest_deviation: float  # of the updates from the straight line
    stays: Descent  # started on the saddle exactly
    converged: bool  # whether every start but the exact one escaped


def drop(objective: Objective, *, direction: Tensor, eigenvalue: float, radii: Array) -> Drop:
    """Compare the loss along ``direction`` ``[P]`` with eigenvalue * radius^2 / 2.

    Raises
    ------
    CurvatureError
        If the eigenvalue is not negative.
    """
    _require_negative(eigenvalue)
    unit = direction / direction.norm()
    along = remainders(objective, unit, radii=radii)
    residual = float((objective.hessian_product(unit) - eigenvalue * unit).norm())
    change = along.remainders[0]
    ratio = change / (0.5 * eigenvalue * along.radii**2)
    return Drop(
        eigenvalue, residual, along.radii, change, ratio, residual <= 1e-6 * abs(eigenvalue)
    )


def descend(
    objective: Objective,
    *,
    start: Tensor,
    rate: float,
    threshold: float,
    max_updates: int,
) -> Descent:
    """Descend from ``start`` ``[P]`` until the loss is below ``threshold``.

    ``objective`` stands at the saddle; ``threshold`` is a loss.
    """
    if not rate > 0 or max_updates < 1:
        raise CurvatureError(
            f"rate is {rate} and max_updates {max_updates}; expected a positive rate and at "
            "least one update."
        )
    theta = start.clone()
    losses, distances = [], []
    escaped_at = None
    for update in range(max_updates + 1):
        loss, gradient = objective.at(theta).loss_and_gradient()
        losses.append(loss)
        distances.append(float((theta - objective.theta).norm()))
        if loss < threshold:
            escaped_at = update
            break
        theta = theta - rate * gradient
    return Descent(np.array(losses), np.array(distances), escaped_at, escaped_at is not None)


def escape_times(
    objective: Objective,
    *,
    direction: Tensor,
    eigenvalue: float,
    exponents: tuple[float, ...],
    rate: float,
    fall: float,
    max_updates: int,
) -> Escape:
    """Count updates to a loss ``fall`` below the saddle's, from 10 ** -k along ``direction``.

    Near the saddle each update multiplies the distance along the eigenvector by
    1 - rate * eigenvalue, so that the count grows by ln 10 / ln(1 - rate * eigenvalue) for each
    unit of k. Started on the saddle itself it stays, for as long as the farthest start took twice.

    Raises
    ------
    CurvatureError
        If the eigenvalue is not negative, ``fall`` not positive, or fewer than three exponents.
    """
    _require_negative(eigenvalue)
    if not fall > 0 or len(exponents) < 3:
        raise CurvatureError(
            f"fall is {fall} with {len(exponents)} exponents; expected a positive fall and three "
            "exponents or more."
        )
    unit = direction / direction.norm()
    threshold = objective.value() - fall
    updates = []
    for exponent in exponents:
        run = descend(
            objective,
            start=objective.theta + 10.0**-exponent * unit,
            rate=rate,
            threshold=threshold,
            max_updates=max_updates,
        )
        updates.append(np.nan if run.escaped_at is None else float(run.escaped_at))
    counts, places = np.array(updates), np.array(exponents, dtype=np.float64)
    escaped = np.isfinite(counts)
    stays = descend(
        objective,
        start=objective.theta,
        rate=rate,
        threshold=threshold,
        max_updates=int(2 * np.nanmax(counts)) if escaped.any() else max_updates,
    )
    slope, deviation = np.nan, np.nan
    if escaped.sum() >= 3:
        line = np.polyfit(places[escaped], counts[escaped], 1)
        slope = float(line[0])
        deviation = float(np.abs(counts[escaped] - np.polyval(line, places[escaped])).max())
    predicted = float(np.log(10) / np.log1p(-rate * eigenvalue))
    return Escape(places, counts, slope, predicted, deviation, stays, bool(escaped.all()))


def _require_negative(eigenvalue: float) -> None:
    if not eigenvalue < 0:
        raise CurvatureError(
            f"the eigenvalue is {eigenvalue}; only a negative one gives a way down from a saddle."
        )
