"""Paths over analytic surfaces, walked by the same update rule that trains networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch

from unstuck.optim.coefficients import Coefficients
from unstuck.optim.schedules import SCHEDULES, ScheduleSpec, factors
from unstuck.optim.update import UpdateRule
from unstuck.surfaces.surface import Slope

Floats = npt.NDArray[np.float64]
Item = TypeVar("Item")


def first(reached: npt.NDArray[np.bool_]) -> Floats:
    """Give the updates, [K], after which a condition, [T + 1, K], first holds; NaN if never."""
    return np.where(reached.any(axis=0), reached.argmax(axis=0), np.nan)


def descend(
    surface: Slope,
    starts: npt.ArrayLike,
    rows: Coefficients | Sequence[Coefficients],
    lr: float | npt.ArrayLike,
    updates: int,
    *,
    schedules: ScheduleSpec | Sequence[ScheduleSpec] = SCHEDULES["constant"],
) -> Floats:
    """Walk K walkers down a surface, in float64.

    Parameters
    ----------
    surface
        Where they walk.
    starts
        Their starting points, [K, d].
    rows
        One optimizer for all or one for each; keep equal ones together.
    lr
        One rate for all or one for each, [K].
    updates
        How many updates to make.
    schedules
        One schedule for all or one for each.

    Returns
    -------
    Where they are after 0 to T updates, [T + 1, K, d]; not finite once one has diverged. No path
    depends on another.

    Raises
    ------
    ValueError
        If the lengths do not fit each other, or a number of updates is below 1.
    """
    begin = np.asarray(starts, dtype=np.float64)[None]
    paths = [begin]
    follow(
        *(surface, starts, rows, lr, updates, lambda _, points: paths.append(points)),
        schedules=schedules,
        block=updates,
    )
    return np.concatenate(paths)


@torch.inference_mode()
def follow(
    surface: Slope,
    starts: npt.ArrayLike,
    rows: Coefficients | Sequence[Coefficients],
    lr: float | npt.ArrayLike,
    updates: int,
    observe: Callable[[int, Floats], None],
    *,
    schedules: ScheduleSpec | Sequence[ScheduleSpec] = SCHEDULES["constant"],
    block: int = 1000,
) -> None:
    """Walk as `descend` does, and show every point of a long path, one block of it at a time.

    Parameters
    ----------
    observe
        Called with the number of updates done before a block, and the points after each of its
        updates, [T', K, d]; they are overwritten after the call.
    block
        Updates in a block; the last may be shorter.

    Raises
    ------
    ValueError
        If the lengths do not fit each other, or a number of updates is below 1.
    """
    if min(updates, block) < 1:
        raise ValueError(f"updates must be at least 1, but are {updates}, in blocks of {block}")
    theta = _population(surface, starts)
    points = _blank(block, theta)
    for t in _walk(surface, theta, rows, lr, updates, schedules):
        place = (t - 1) % block
        points[place] = theta
        if place == block - 1 or t == updates:
            observe(t - 1 - place, points[: place + 1].numpy())


def _population(surface: Slope, starts: npt.ArrayLike) -> torch.Tensor:
    """Return the starts of the walkers as a tensor of their own, [K, d].

    The walkers of one coordinate lie side by side: there are many of them and few coordinates, and
    a rate is then multiplied with a row instead of a pair.
    """
    theta = torch.tensor(np.asarray(starts, dtype=np.float64))
    if theta.ndim != 2 or theta.shape[1] != surface.dimension:
        raise ValueError(f"starts must be [K, {surface.dimension}], but are {list(theta.shape)}")
    return theta.T.contiguous().T


def _blank(count: int, theta: torch.Tensor) -> torch.Tensor:
    """Return room for so many copies of `theta`, [count, K, d], laid out like it."""
    walkers, dimension = theta.shape
    return torch.empty(count, dimension, walkers, dtype=theta.dtype).transpose(1, 2)


def _walk(
    surface: Slope,
    theta: torch.Tensor,
    rows: Coefficients | Sequence[Coefficients],
    lr: float | npt.ArrayLike,
    updates: int,
    schedules: ScheduleSpec | Sequence[ScheduleSpec],
) -> Iterator[int]:
    """Update `theta`, [K, d], in place, and give the number of updates after each."""
    walkers = len(theta)
    rule = UpdateRule(_each(rows, Coefficients, walkers, "rows"), theta.shape[1], torch.float64)
    specs = _each(schedules, ScheduleSpec, walkers, "schedules")
    distinct = list(dict.fromkeys(specs))
    table = torch.from_numpy(np.stack([factors(spec, updates) for spec in distinct], axis=1))
    uniform = table[:, 0].tolist()
    constant = len(distinct) == 1 and set(uniform) == {1.0}
    which = torch.tensor([distinct.index(spec) for spec in specs])
    base = torch.from_numpy(np.broadcast_to(np.asarray(lr, dtype=np.float64), (walkers,)).copy())
    rate = base
    for t in range(updates):
        if not constant:
            rate = base * (uniform[t] if len(distinct) == 1 else table[t][which])
        rule.step(theta, surface.gradient(theta), rate)
        yield t + 1


def _each(given: Item | Sequence[Item], kind: type[Item], walkers: int, name: str) -> list[Item]:
    """Return one item for each walker."""
    items = [given] * walkers if isinstance(given, kind) else list(cast(Sequence[Item], given))
    if len(items) != walkers:
        raise ValueError(f"{name} must be one or {walkers}, but are {len(items)}")
    return items
