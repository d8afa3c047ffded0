"""What is kept of a long path over a surface: when it arrived, its bursts, and where it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from unstuck.optim.coefficients import Coefficients
from unstuck.optim.schedules import SCHEDULES, ScheduleSpec
from unstuck.optim.trajectory import Floats, follow
from unstuck.surfaces.surface import Slope

Counts = npt.NDArray[np.int64]

BLOCK = 1000
# a burst is a step so many times as long as the median of the block before
BURST = 10.0
# the median is that of every tenth step
SAMPLED = 10
# steps below this share of the distance at the start are rounding, not bursts
SMALLEST_BURST = 1e-6
# steps below this one are less than a pixel of a figure
VISIBLE = 1e-3
# the end of a path, as a share of its updates
LATE = 0.1
# so many of the first updates tell whether a path bounces
OPENING = 20


@dataclass(frozen=True)
class Survey:
    """What K long paths came to; distances are shares of the one at the start.

    Attributes
    ----------
    arrived
        Updates until the distance first was within the radius; NaN if it never was, [K].
    settled
        Updates from which on it stayed there to the end; NaN if it did not, [K].
    late
        Largest distance over the last tenth of the updates; infinite once diverged, [K].
    bursts
        Blocks of 1,000 updates with a step ten times as long as the median step of the block
        before, [K].
    visible_bursts
        Those of these blocks whose step is above a thousandth of the distance at the start, [K].
    recovered
        Those of the visible ones after which the distance is, within 1,000 updates, at most what it
        was before the step, [K].
    flattest
        The least median step of a block over that of the first, [K].
    turns
        Share of the steps 2 to 20 that go against the step before, [K].
    diverged_at
        Updates at the first point that is not finite, NaN if there is none, [K].
    ends
        The last points, [K, d].
    """

    arrived: Floats
    settled: Floats
    late: Floats
    bursts: Counts
    visible_bursts: Counts
    recovered: Counts
    flattest: Floats
    turns: Floats
    diverged_at: Floats
    ends: Floats


def survey(
    surface: Slope,
    starts: npt.ArrayLike,
    rows: Sequence[Coefficients],
    lr: npt.ArrayLike,
    updates: int,
    *,
    goals: npt.ArrayLike,
    radius: float,
    schedules: ScheduleSpec | Sequence[ScheduleSpec] = SCHEDULES["constant"],
) -> Survey:
    """Walk K walkers and keep what `Survey` holds.

    Parameters
    ----------
    surface, starts, rows, lr, updates, schedules
        As `unstuck.optim.trajectory.descend` takes them.
    goals
        Where each should arrive, [K, d].
    radius
        How near counts as arrived, as a share of the distance at the start.
    """
    begin = np.asarray(starts, dtype=np.float64)
    observer = _Observer(begin, np.asarray(goals, dtype=np.float64), radius, updates)
    with np.errstate(over="ignore", invalid="ignore"):
        follow(surface, begin, rows, lr, updates, observer.see, schedules=schedules, block=BLOCK)
    return observer.survey()


class _Observer:
    """Sees block after block of the points of K walkers."""

    def __init__(self, starts: Floats, goals: Floats, radius: float, updates: int) -> None:
        walkers = len(starts)
        self._goals, self._radius, self._updates = goals, radius, updates
        self._scale = np.linalg.norm(starts - goals, axis=1)
        self._last = starts.copy()
        self._last_distance = np.ones(walkers)
        self._median = np.full(walkers, np.inf)
        self._arrived = np.full(walkers, np.nan)
        self._outside = np.zeros(walkers)
        self._late = np.zeros(walkers)
        self._bursts = np.zeros(walkers, dtype=np.int64)
        self._visible = np.zeros(walkers, dtype=np.int64)
        self._recovered = np.zeros(walkers, dtype=np.int64)
        # of a visible burst that is not made good: the distance before it, its place in a block
        self._before = np.full(walkers, np.nan)
        self._place = np.zeros(walkers, dtype=np.int64)
        self._first_median = np.full(walkers, np.nan)
        self._least_median = np.full(walkers, np.inf)
        self._turns = np.zeros(walkers)
        self._diverged = np.full(walkers, np.nan)

    def see(self, done: int, points: Floats) -> None:
        """Take in the points after updates done + 1, ..., [T', K, d]."""
        distance = _lengths(points - self._goals) / self._scale
        updates = done + 1 + np.arange(len(points))
        self._see_arrival(updates, distance)
        self._see_steps(done, np.diff(points, axis=0, prepend=self._last[None]), distance)
        self._last = points[-1].copy()

    def survey(self) -> Survey:
        """Give what was seen."""
        # a walk that is there at once has no steps to compare
        with np.errstate(invalid="ignore"):
            flattest = self._least_median / self._first_median
        settled = np.where(self._outside < self._updates, self._outside + 1, np.nan)
        return Survey(
            arrived=self._arrived,
            settled=settled,
            late=np.where(np.isnan(self._diverged), self._late, np.inf),
            bursts=self._bursts,
            visible_bursts=self._visible,
            recovered=self._recovered,
            flattest=flattest,
            turns=self._turns,
            diverged_at=self._diverged,
            ends=self._last,
        )

    def _see_arrival(self, updates: Counts, distance: Floats) -> None:
        within = distance <= self._radius
        _note_first(self._arrived, updates, within)
        # a point that is not finite stays so
        if not np.isfinite(distance[-1]).all():
            _note_first(self._diverged, updates, ~np.isfinite(distance))
        # the last update outside; what is not finite is outside
        strays = np.flatnonzero(~within.all(axis=0))
        last = len(updates) - 1 - within[::-1, strays].argmin(axis=0)
        self._outside[strays] = updates[last]
        late = updates > (1 - LATE) * self._updates
        if late.any():
            np.fmax(self._late, np.fmax.reduce(distance[late], axis=0), out=self._late)

    def _see_steps(self, done: int, moved: Floats, distance: Floats) -> None:
        if not done:
            opening = moved[:OPENING]
            against = (opening[1:] * opening[:-1]).sum(axis=2) < 0
            self._turns = against.mean(axis=0) if len(against) else self._turns
        steps = _lengths(moved)
        longest = steps.max(axis=0)
        large = longest > np.maximum(BURST * self._median, SMALLEST_BURST * self._scale)
        large &= np.isfinite(longest)
        self._bursts += large
        self._see_visible(steps, distance, large & (longest > VISIBLE * self._scale))
        self._last_distance = distance[-1]
        self._median = np.median(steps[::SAMPLED], axis=0)
        if not done:
            self._first_median = self._median
        self._least_median = np.fmin(self._least_median, self._median)

    def _see_visible(self, steps: Floats, distance: Floats, visible: npt.NDArray[np.bool_]) -> None:
        """Count visible bursts, and those that return within as many updates as a block has."""
        for walker in np.flatnonzero(np.isfinite(self._before)):
            within = distance[: self._place[walker], walker]
            self._recovered[walker] += (within <= self._before[walker]).any()
        self._before[:] = np.nan
        self._visible += visible
        for walker in np.flatnonzero(visible):
            bound = max(BURST * self._median[walker], VISIBLE * self._scale[walker])
            place = int((steps[:, walker] > bound).argmax())
            before = distance[place - 1, walker] if place else self._last_distance[walker]
            if (distance[place:, walker] <= before).any():
                self._recovered[walker] += 1
            else:
                self._before[walker], self._place[walker] = before, place


def _lengths(vectors: Floats) -> Floats:
    """Give the lengths, [...], of vectors, [..., d]."""
    squares = np.square(vectors[..., 0])
    for axis in range(1, vectors.shape[-1]):
        squares += np.square(vectors[..., axis])
    return np.sqrt(squares, out=squares)


def _note_first(first: Floats, updates: Counts, reached: npt.NDArray[np.bool_]) -> None:
    """Note in `first`, [K], the first update at which a condition, [T', K], holds."""
    new = np.flatnonzero(np.isnan(first) & reached.any(axis=0))
    first[new] = updates[reached[:, new].argmax(axis=0)]
