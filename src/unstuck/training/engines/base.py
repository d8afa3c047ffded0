"""What an engine is: the state of a population, updates and measurements of all its members."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unstuck.optim.schedules import factors
from unstuck.training.measure import Part
from unstuck.training.spec import RunSpec

Column = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

#: a loss above this counts as divergence, like one that is not finite
LOSS_BOUND = 1e6


class Rates:
    """Learning rates `[T, K]` of a population, a stretch of updates at a time."""

    def __init__(self, runs: Sequence[RunSpec], updates: int) -> None:
        self._base = np.array([run.lr for run in runs])
        schedules = sorted({run.schedule for run in runs}, key=repr)
        self._factors = np.stack([factors(schedule, updates) for schedule in schedules])
        self._schedule = np.array([schedules.index(run.schedule) for run in runs])

    def between(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the rates of updates `start:stop`."""
        return np.asarray(self._factors[:, start:stop].T[:, self._schedule] * self._base)


class Engine(ABC):
    """A population under training.

    Parameters
    ----------
    members
        K.
    """

    name: ClassVar[str]
    stretch = 64
    """Updates between two looks at the batch losses, the clock and the progress."""

    def __init__(self, members: int) -> None:
        self.update = 0  # updates made so far
        self.diverged_at = np.full(members, -1, dtype=np.int64)  # [K], -1 while a member is sound

    @property
    @abstractmethod
    def theta(self) -> NDArray[Any]:
        """Parameters `[K, P]`."""

    @property
    @abstractmethod
    def buffers(self) -> NDArray[Any]:
        """Running statistics `[K, Q]`."""

    @abstractmethod
    def put(self, theta: NDArray[Any], buffers: NDArray[Any]) -> None:
        """Set parameters `[K, P]` and running statistics `[K, Q]`."""

    @abstractmethod
    def advance(self, count: int) -> NDArray[np.float64]:
        """Make `count` updates; returns the batch losses `[count, K]` that they started from."""

    @abstractmethod
    def mark(self) -> Any:
        """Return where the members are, for `distance`."""

    @abstractmethod
    def distance(self, mark: Any) -> Column:
        """Return the Euclidean distance `[K]` of each member from where it was."""

    @abstractmethod
    def loss_and_accuracy(self, part: Part) -> tuple[Column, Column]:
        """Return mean loss and accuracy `[K]` at inference; NaN if the part is empty."""

    @abstractmethod
    def gradient_norm(self, part: Part) -> tuple[Column, Column, Column]:
        """Return the Euclidean norm of the full-batch gradient, mean loss and accuracy `[K]`.

        The gradient is that of what training descends: the mean loss, with batch normalisation in
        training, and the L2 term (`Coefficients.l2`). The loss returned is without the term.
        """

    @abstractmethod
    def _remembered(self) -> Arrays:
        """Return what an optimizer remembers as arrays by name."""

    @abstractmethod
    def _remember(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `_remembered` returned."""

    def run(self, count: int) -> None:
        """Make `count` updates and note members that diverge."""
        losses = self.advance(count)
        self.update += count
        self._note_losses(losses)

    def arrays(self) -> Arrays:
        """Return everything as arrays by name, for a checkpoint."""
        return {
            "theta": self.theta,
            "buffers": self.buffers,
            "update": np.array([self.update]),
            "diverged_at": self.diverged_at,
            **self._remembered(),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        self.put(arrays["theta"], arrays["buffers"])
        self.update = int(arrays["update"][0])
        self.diverged_at = arrays["diverged_at"].copy()
        self._remember(arrays)

    def _note_losses(self, losses: NDArray[np.float64]) -> None:
        """Note members whose batch loss left the bound.

        `losses` `[T, K]` are those of the last T updates; update n (from 1) is made with the
        gradient of loss n, so a member that diverges at n has made n - 1 sound updates.
        """
        with np.errstate(invalid="ignore"):
            unsound = ~(np.abs(losses) <= LOSS_BOUND)
        first = self.update - len(losses) + 1 + unsound.argmax(0)
        self._diverge(np.asarray(unsound.any(0)), first)

    def note_measurement(self, train_loss: Column) -> None:
        """Note members whose training loss `[K]` left the bound or whose parameters overflowed."""
        finite = np.isfinite(self.theta).all(1)
        with np.errstate(invalid="ignore"):
            sound = np.logical_and(finite, np.abs(train_loss) <= LOSS_BOUND)
        self._diverge(~sound, np.full(len(train_loss), self.update))

    def _diverge(self, members: NDArray[np.bool_], update: NDArray[np.int64]) -> None:
        fresh = members & (self.diverged_at < 0)
        self.diverged_at = np.where(fresh, update, self.diverged_at)
