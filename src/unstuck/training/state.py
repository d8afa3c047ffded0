"""What changes while a population trains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.optim.update import UpdateRule
from unstuck.population.network import Network
from unstuck.training.spec import RunSpec

DTYPES = {"float32": torch.float32, "float64": torch.float64}

#: a loss above this counts as divergence, like one that is not finite
LOSS_BOUND = 1e6


@dataclass
class State:
    """A population under training."""

    seeds: tuple[int, ...]  # [K]
    theta: Tensor  # [K, P]
    buffers: Tensor  # [K, Q]
    rule: UpdateRule
    update: int  # updates made so far
    diverged_at: NDArray[np.int64]  # [K], -1 while a member is sound

    @classmethod
    def initial(cls, network: Network, runs: Sequence[RunSpec], device: torch.device) -> "State":
        """Return the state before the first update: weights from each run's seed."""
        dtype = DTYPES[runs[0].dtype]
        seeds = tuple(run.seed for run in runs)
        drawn = {seed: network.initial(seed) for seed in sorted(set(seeds))}
        buffers = network.initial_buffers().expand(len(runs), -1)
        return cls(
            seeds=seeds,
            theta=torch.stack([drawn[seed] for seed in seeds]).to(device, dtype),
            buffers=buffers.to(device, dtype).contiguous(),
            rule=UpdateRule(
                [run.optimizer for run in runs], network.parameter_count, dtype, device
            ),
            update=0,
            diverged_at=np.full(len(runs), -1, dtype=np.int64),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a checkpoint."""
        return {
            "theta": self.theta.cpu().numpy(),
            "buffers": self.buffers.cpu().numpy(),
            "update": np.array([self.update]),
            "diverged_at": self.diverged_at,
            **{f"rule.{name}": held.cpu().numpy() for name, held in self.rule.state.items()},
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        self.theta.copy_(torch.from_numpy(arrays["theta"]))
        self.buffers.copy_(torch.from_numpy(arrays["buffers"]))
        self.update = int(arrays["update"][0])
        self.diverged_at = arrays["diverged_at"].copy()
        self.rule.load_state(
            {
                name.removeprefix("rule."): torch.from_numpy(held)
                for name, held in arrays.items()
                if name.startswith("rule.")
            }
        )

    def note_losses(self, losses: NDArray[np.float64]) -> None:
        """Note members whose batch loss left the bound.

        `losses` `[T, K]` are those of the last T updates; update n (from 1) is made with the
        gradient of loss n, so a member that diverges at n has made n - 1 sound updates.
        """
        with np.errstate(invalid="ignore"):
            unsound = ~(np.abs(losses) <= LOSS_BOUND)
        first = self.update - len(losses) + 1 + unsound.argmax(0)
        self._diverge(np.asarray(unsound.any(0)), first)

    def note_measurement(self, train_loss: NDArray[np.float64]) -> None:
        """Note members whose training loss `[K]` left the bound or whose parameters overflowed."""
        finite = torch.isfinite(self.theta).all(1).cpu().numpy()
        with np.errstate(invalid="ignore"):
            sound = np.logical_and(finite, np.abs(train_loss) <= LOSS_BOUND)
        self._diverge(~sound, np.full(len(train_loss), self.update))

    def _diverge(self, members: NDArray[np.bool_], update: NDArray[np.int64]) -> None:
        fresh = members & (self.diverged_at < 0)
        self.diverged_at = np.where(fresh, update, self.diverged_at)
