"""Training by torch, operation by operation: on any device, in any number format."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.optim.update import UpdateRule
from unstuck.population.network import Network
from unstuck.training.engines.base import Arrays, Column, Engine, Rates
from unstuck.training.measure import Measure, Part
from unstuck.training.order import Batches
from unstuck.training.spec import RunSpec

DTYPES = {"float32": torch.float32, "float64": torch.float64}


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


class TorchEngine(Engine):
    """Trains in place, built-in networks with hand-written gradients.

    On the CPU a member's bits depend neither on the number of members nor on their values, at
    batch sizes that are 1 or a multiple of 16. On CUDA, where launching some sixty kernels takes
    longer than running them, losses and gradients are captured as one graph, and the update rule
    adds a handful for each optimizer (this has not been run on a GPU).
    """

    name = "torch"

    def __init__(
        self,
        network: Network,
        runs: Sequence[RunSpec],
        train: Part,
        batches: Batches | None,
        updates: int,
        device: torch.device,
    ) -> None:
        super().__init__(len(runs))
        dtype = DTYPES[runs[0].dtype]
        self._network, self._loss = network, runs[0].loss
        self._feed, self._rates = Feed(train, batches), Rates(runs, updates)
        self._measure = Measure(network, self._loss)
        self._seeds = [run.seed for run in runs]
        self._theta = torch.from_numpy(initial(network, self._seeds)).to(device, dtype)
        buffers = network.initial_buffers().expand(len(runs), -1)
        self._buffers = buffers.to(device, dtype).contiguous()
        self._rule = UpdateRule(
            [run.optimizer for run in runs], network.parameter_count, dtype, device
        )
        l2 = [run.optimizer.l2 for run in runs]
        self._l2 = torch.tensor(l2, dtype=torch.float64).to(device)
        self._gradients: Callable[..., tuple[Tensor, ...]] = partial(
            network.loss_and_gradient, out=torch.empty_like(self._theta)
        )
        if device.type == "cuda" and network.spec.kind != "module":
            self._gradients = torch.compile(network.loss_and_gradient, mode="reduce-overhead")

    @property
    def theta(self) -> NDArray[Any]:
        return np.asarray(self._theta.cpu().numpy())

    @property
    def buffers(self) -> NDArray[Any]:
        return np.asarray(self._buffers.cpu().numpy())

    def put(self, theta: NDArray[Any], buffers: NDArray[Any]) -> None:
        self._theta.copy_(torch.from_numpy(theta))
        self._buffers.copy_(torch.from_numpy(buffers))

    @torch.no_grad()
    def advance(self, count: int) -> NDArray[np.float64]:
        rates = torch.from_numpy(self._rates.between(self.update, self.update + count))
        losses = [
            self._update(self.update + made, rate)
            for made, rate in enumerate(rates.to(self._theta))
        ]
        return np.asarray(torch.stack(losses).double().cpu().numpy())

    def mark(self) -> Tensor:
        return self._theta.clone()

    def distance(self, mark: Tensor) -> Column:
        norm = torch.linalg.vector_norm(self._theta - mark, dim=1, dtype=torch.float64)
        return np.asarray(norm.cpu().numpy())

    def loss_and_accuracy(self, part: Part) -> tuple[Column, Column]:
        return self._measure.loss_and_accuracy(self._theta, self._buffers, part)

    def gradient_norm(self, part: Part) -> tuple[Column, Column, Column]:
        return self._measure.gradient_norm(self._theta, self._buffers, part, self._l2)

    def _remembered(self) -> Arrays:
        return {f"rule.{name}": each.cpu().numpy() for name, each in self._rule.state.items()}

    def _remember(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._rule.load_state(
            {name: torch.from_numpy(arrays[f"rule.{name}"]) for name in self._rule.state}
        )

    def _update(self, update: int, rate: Tensor) -> Tensor:
        """Make one update and return the losses `[K]` it started from."""
        if self._network.is_noisy:
            self._network.disturb(self._buffers, self._seeds, update)
        x, y = self._feed.samples(self._feed.rows(update))
        loss, _, gradient, buffers = self._gradients(
            *(self._theta, x, y, self._loss, self._buffers, True), count_correct=False
        )
        self._rule.step(self._theta, gradient, rate)
        self._buffers.copy_(buffers)
        return loss.clone()  # a graph writes its results to the same place again


def initial(network: Network, seeds: Sequence[int]) -> NDArray[np.float64]:
    """Return the initial parameters `[K, P]` of members of some seeds."""
    drawn = {seed: network.initial(seed).numpy() for seed in sorted(set(seeds))}
    return np.stack([drawn[seed] for seed in seeds])
