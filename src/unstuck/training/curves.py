"""What is recorded of a population on the way, and how it becomes tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MEASURED = (
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "gradient_norm",
    "update_norm",
)

Column = NDArray[np.float64]
Pair = tuple[Column, Column]


@dataclass
class Curves:
    """Measurements at every evaluation, of every member.

    A diverged member guesses: from the evaluation that follows, its losses are infinite, its
    accuracies one over the classes and its norms NaN, whatever its parameters still give. The curve
    of a member that stopped ends with a measurement at that update.
    """

    updates: list[int]  # [E]
    per_epoch: int
    guess: float  # one over the classes
    values: NDArray[np.float64]  # [E, K, len(MEASURED)]
    done: NDArray[np.bool_]  # [E]
    ends: NDArray[np.int64] = field(init=False)  # [K], the last update of each curve

    def __post_init__(self) -> None:
        self.ends = np.full(self.values.shape[1], self.updates[-1], dtype=np.int64)

    @classmethod
    def empty(cls, updates: list[int], per_epoch: int, members: int, classes: int) -> Self:
        """Return curves without a measurement."""
        values = np.full((len(updates), members, len(MEASURED)), np.nan)
        return cls(updates, per_epoch, 1 / classes, values, np.zeros(len(updates), dtype=bool))

    @property
    def _lost(self) -> tuple[float, ...]:
        """What a diverged member measures."""
        return (np.inf, self.guess, np.inf, self.guess, np.nan, np.nan)

    def measured(self, update: int) -> bool:
        """Return whether the evaluation after this update is recorded."""
        return bool(self.done[self.updates.index(update)])

    def record(
        self,
        update: int,
        diverged: NDArray[np.bool_],
        *,
        train: Pair,
        validation: Pair,
        gradient_norm: Column,
        update_norm: Column,
    ) -> None:
        """Record one evaluation; `train` and `validation` are loss and accuracy `[K]`."""
        columns = np.stack([*train, *validation, gradient_norm, update_norm], axis=1)
        columns[diverged] = self._lost
        row = self.updates.index(update)
        self.values[row] = columns
        self.done[row] = True

    def end(
        self,
        stopped_at: NDArray[np.int64],
        diverged: NDArray[np.bool_],
        *,
        train: Pair,
        validation: Pair,
        gradient_norm: Column,
    ) -> None:
        """End the curves of members that stopped, and those of a population that ended early.

        Parameters
        ----------
        stopped_at
            Update at which each member stopped `[K]`, -1 if it did not.
        diverged
            Members that diverged `[K]`.
        train, validation, gradient_norm
            As in `record`, at the endpoints.
        """
        # all members that did not diverge have stopped before a row that is still open
        self.values[np.ix_(~self.done, diverged)] = self._lost
        self.done[:] = True
        stopped = stopped_at >= 0
        nothing = np.full(len(stopped), np.nan)
        columns = np.stack([*train, *validation, gradient_norm, nothing], axis=1)
        self.values[-1, stopped] = columns[stopped]
        self.ends = np.where(stopped, stopped_at, self.ends)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the measurements as arrays by name, for a checkpoint."""
        return {"curves": self.values, "evaluated": self.done.astype(np.uint8)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `arrays` returned."""
        self.values = arrays["curves"].copy()
        self.done = arrays["evaluated"].astype(bool)

    def table(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return one row per run and evaluation, sorted by run_id and update."""
        evaluations, members, _ = self.values.shape
        update = np.tile(np.array(self.updates, dtype=np.int64), (members, 1))
        kept = update < self.ends[:, None]
        update[:, -1], kept[:, -1] = self.ends, True
        by_member = self.values.transpose(1, 0, 2)[kept]
        table = pd.DataFrame(by_member, columns=list(MEASURED))
        names = np.repeat(np.array(run_ids, dtype=object), evaluations)
        table.insert(0, "run_id", names[kept.ravel()])
        table.insert(1, "update", update[kept])
        table.insert(2, "epoch", update[kept] / self.per_epoch)
        return table.sort_values(["run_id", "update"], ignore_index=True)

    def final(
        self, run_ids: Sequence[str], diverged_at: NDArray[np.int64], test: Pair
    ) -> pd.DataFrame:
        """Return one row per run, sorted by run_id: the last measurements, and the test part's.

        Parameters
        ----------
        run_ids
            Identities of the members.
        diverged_at
            Update at which each member diverged `[K]`, -1 if it did not.
        test
            Loss and accuracy `[K]` on the test part.
        """
        diverged = diverged_at >= 0
        rows = pd.DataFrame(self.values[-1], columns=list(MEASURED)).drop(columns="update_norm")
        rows.insert(0, "run_id", list(run_ids))
        rows["test_loss"] = np.where(diverged, np.inf, test[0])
        rows["test_accuracy"] = np.where(diverged, self.guess, test[1])
        rows["initial_gradient_norm"] = self.values[0, :, MEASURED.index("gradient_norm")]
        rows["diverged_at"] = np.where(diverged, diverged_at, np.nan)
        return rows.sort_values("run_id", ignore_index=True)
