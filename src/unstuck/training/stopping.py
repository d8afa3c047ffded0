"""The end of runs that stop at a training loss."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.training.engines.base import Engine

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
    engine
        The population before its first update.
    """

    def __init__(self, target: float, per_epoch: int, engine: Engine) -> None:
        self.every = max(1, per_epoch // LOOKS_PER_EPOCH)  # updates between two looks
        self.stopped_at = np.full(
            len(engine.diverged_at), -1, dtype=np.int64
        )  # [K], -1 while it trains
        self._target = target
        self._theta = engine.theta.copy()
        self._buffers = engine.buffers.copy()

    def look(self, engine: Engine, loss: NDArray[np.float64]) -> None:
        """Stop the members whose training loss `[K]` has arrived."""
        with np.errstate(invalid="ignore"):
            arrived = loss <= self._target
        fresh = np.flatnonzero(arrived & (engine.diverged_at < 0) & (self.stopped_at < 0))
        if fresh.size:
            self.stopped_at[fresh] = engine.update
            self._theta[fresh] = engine.theta[fresh]
            self._buffers[fresh] = engine.buffers[fresh]

    def all_done(self, engine: Engine) -> bool:
        """Return whether no member has anything left to train for."""
        return bool(((self.stopped_at >= 0) | (engine.diverged_at >= 0)).all())

    def put_back(self, engine: Engine) -> None:
        """Give the members that stopped the parameters with which they did."""
        stopped = self.stopped_at >= 0
        engine.put(
            np.where(stopped[:, None], self._theta, engine.theta),
            np.where(stopped[:, None], self._buffers, engine.buffers),
        )
        # what became of them afterwards is not theirs
        engine.diverged_at = np.where(stopped, -1, engine.diverged_at)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for a checkpoint."""
        return {
            "stopped.theta": self._theta,
            "stopped.buffers": self._buffers,
            "stopped_at": self.stopped_at,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        self.stopped_at = arrays["stopped_at"].copy()
        self._theta = arrays["stopped.theta"].copy()
        self._buffers = arrays["stopped.buffers"].copy()
