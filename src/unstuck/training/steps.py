"""One update of every member of a population, operation by operation."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unstuck.optim.schedules import factors
from unstuck.population.network import Network
from unstuck.training.measure import Part
from unstuck.training.order import Batches
from unstuck.training.spec import RunSpec
from unstuck.training.state import State


class Rates:
    """Learning rates `[T, K]` of a population, a stretch of updates at a time."""

    def __init__(self, runs: Sequence[RunSpec], updates: int, like: Tensor) -> None:
        self._base = np.array([run.lr for run in runs])
        schedules = sorted({run.schedule for run in runs}, key=repr)
        self._factors = np.stack([factors(schedule, updates) for schedule in schedules])
        self._schedule = np.array([schedules.index(run.schedule) for run in runs])
        self._like = like

    def between(self, start: int, stop: int) -> Tensor:
        """Return the rates of updates `start:stop`, in the dtype of the parameters."""
        table = self._factors[:, start:stop].T[:, self._schedule] * self._base
        return torch.from_numpy(np.ascontiguousarray(table)).to(self._like)


class Feed:
    """Samples and classes of every update, gathered on the device from each member's unit."""

    def __init__(self, part: Part, batches: Batches | None) -> None:
        self._part, self._batches = part, batches
        self._epoch = -1
        self._rows: list[Tensor] = []
        if batches is None:
            self._whole = part.whole()

    def rows(self, update: int) -> Tensor | None:
        """Return the rows `[K, B]` of the samples of an update; None if it takes all of a unit."""
        if self._batches is None:
            return None
        epoch, number = divmod(update, self._batches.per_epoch)
        if epoch != self._epoch:
            first = self._part.rows[:, None]
            device = self._part.x.device
            arrays = self._batches.epoch(epoch)
            self._rows = [torch.from_numpy(first + each).to(device) for each in arrays]
            self._epoch = epoch
        return self._rows[number]

    def samples(self, rows: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return samples `[K, B, *shape]` and classes `[K, B]` of rows that `rows` gave.

        Where an update takes all of a unit and members share one, `[1, N, *shape]` and `[1, N]`.
        """
        if rows is None:
            return self._whole
        flat, part = rows.flatten(), self._part
        x = part.x.index_select(0, flat).view(*rows.shape, *part.x.shape[1:])
        return x, part.y.index_select(0, flat).view(rows.shape)


class EagerSteps:
    """Runs updates with hand-written gradients, operation by operation, in place.

    A member's bits depend neither on the number of members nor on their values, at batch sizes
    that are 1 or a multiple of 16.
    """

    def __init__(self, network: Network, loss: str, feed: Feed, rates: Rates) -> None:
        self._network, self._loss, self._feed, self._rates = network, loss, feed, rates
        self._gradient: Tensor | None = None

    def run(self, state: State, count: int) -> Tensor:
        """Make `count` updates and return the batch losses `[count, K]` they started from."""
        if self._gradient is None:
            self._gradient = torch.empty_like(state.theta)
        rates = self._rates.between(state.update, state.update + count)
        losses = torch.empty(count, len(state.theta), dtype=state.theta.dtype, device=rates.device)
        done = 0
        while done < count:
            made = self._advance(state, rates[done:])
            losses[done : done + len(made)] = made
            done += len(made)
            state.update += len(made)
        return losses

    def _advance(self, state: State, rates: Tensor) -> Tensor:
        """Make one or more of the updates that have these rates `[n, K]`; losses `[made, K]`."""
        if self._network.is_noisy:
            self._network.disturb(state.buffers, state.seeds, state.update)
        return self._update(state, self._feed.rows(state.update), rates[0]).unsqueeze(0)

    def _update(self, state: State, rows: Tensor | None, rate: Tensor) -> Tensor:
        """Make one update and return the losses `[K]` it started from."""
        x, y = self._feed.samples(rows)
        loss, _, _, state.buffers = self._network.loss_and_gradient(
            *(state.theta, x, y, self._loss, state.buffers, True),
            out=self._gradient,
            count_correct=False,
        )
        assert self._gradient is not None
        state.rule.step(state.theta, self._gradient, rate)
        return loss
