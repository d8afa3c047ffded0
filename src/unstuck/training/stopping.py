"""The end of runs that stop at a training loss."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unstuck.training.state import State

#: looks at the loss on the whole training part in each pass over it, if it has as many updates
LOOKS_PER_EPOCH = 4


class Stopping:
    """Where each member was when its training loss first reached a target.

    The loss on the whole training part is looked at every few updates. A member stops at the first
    look that finds it at or below the target; its parameters of that moment are kept, while the
    population goes on until all members have stopped or diverged. So where a member stops does not
    depend on its company.

    Parameters
    ----------
    target
        Training loss to stop at.
    per_epoch
        Updates of an epoch.
    state
        The population before its first update.
    """

    def __init__(self, target: float, per_epoch: int, state: State) -> None:
        self.every = max(1, per_epoch // LOOKS_PER_EPOCH)  # updates between two looks
        self.stopped_at = np.full(len(state.theta), -1, dtype=np.int64)  # [K], -1 while it trains
        self._target = target
        self._theta = state.theta.clone()
        self._buffers = state.buffers.clone()

    def look(self, state: State, loss: NDArray[np.float64]) -> None:
        """Stop the members whose training loss `[K]` has arrived."""
        with np.errstate(invalid="ignore"):
            arrived = loss <= self._target
        fresh = np.flatnonzero(arrived & (state.diverged_at < 0) & (self.stopped_at < 0))
        self.stopped_at[fresh] = state.update
        self._theta[fresh] = state.theta[fresh]
        self._buffers[fresh] = state.buffers[fresh]

    def all_done(self, state: State) -> bool:
        """Return whether no member has anything left to train for."""
        return bool(((self.stopped_at >= 0) | (state.diverged_at >= 0)).all())

    def put_back(self, state: State) -> None:
        """Give the members that stopped the parameters with which they did."""
        stopped = self.stopped_at >= 0
        members = np.flatnonzero(stopped)
        state.theta[members] = self._theta[members]
        state.buffers[members] = self._buffers[members]
        # what became of them afterwards is not theirs
        state.diverged_at = np.where(stopped, -1, state.diverged_at)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a checkpoint."""
        held: dict[str, Tensor] = {"theta": self._theta, "buffers": self._buffers}
        arrays = {f"stopped.{name}": each.cpu().numpy() for name, each in held.items()}
        return {**arrays, "stopped_at": self.stopped_at}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        self.stopped_at = arrays["stopped_at"].copy()
        for name, each in (("theta", self._theta), ("buffers", self._buffers)):
            each.copy_(each.new_tensor(arrays[f"stopped.{name}"]))
