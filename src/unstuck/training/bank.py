"""Finished runs by run_id, and the training of those that are missing."""

import hashlib
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.data.dataset import Dataset
from unstuck.errors import DataError
from unstuck.training.checkpoint import Checkpoint
from unstuck.training.engines.choice import Choice
from unstuck.training.loop import Population, train_population
from unstuck.training.plan import Group, cut
from unstuck.training.progress import Progress
from unstuck.training.result import MEASUREMENTS, RUNS, JobResult
from unstuck.training.spec import RunSpec

#: folder of an interrupted job's finished runs, below that of its checkpoints
FINISHED = "finished"


@dataclass(frozen=True)
class Execution:
    """How a job computes; nothing here changes what a result means."""

    device: str | torch.device = "cpu"
    engine: Choice = "auto"
    members: int | None = None  # most runs side by side; None chooses by size
    checkpoints: Path | None = None  # folder for what an interrupted job goes on from
    checkpoint_seconds: float = 60.0
    code: str = ""  # digest of the code, so that rows of other code are not taken over


class Bank:
    """Results of runs, whoever asked for them.

    Parameters
    ----------
    dataset
        What the runs train on.
    execution
        How they are computed.
    previous
        Results that need not be computed again.
    progress
        Told of work planned and done.
    """

    def __init__(
        self,
        dataset: Dataset,
        execution: Execution,
        previous: JobResult | None,
        progress: Progress,
    ) -> None:
        self._dataset, self._execution, self._progress = dataset, execution, progress
        self.rows: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, NDArray[Any]] = {}
        self.buffers: dict[str, NDArray[Any]] = {}
        self._codes: dict[str, str] = {}
        self._curves: list[pd.DataFrame] = []
        self._take(previous)
        self._reused = set(self.rows)
        self._settled = set(self.rows)
        self._kept = time.monotonic()
        if execution.checkpoints:
            self._take(read_result(execution.checkpoints / FINISHED))

    def code(self, unit: int) -> str:
        """What the rows of a unit bear: digests of the code and of the unit's samples."""
        return f"{self._execution.code}-{self._dataset.sha256(unit)[:16]}"

    def train(self, runs: Iterable[RunSpec], *, endpoints: bool = False) -> None:
        """Train those of the runs that are not in the bank.

        With `endpoints` also those whose row is there and whose endpoint is not: an earlier call
        that chose another rate kept no more of them.
        """
        asked = []
        for run in runs:
            if endpoints and run.run_id not in self.endpoints:
                self.rows.pop(run.run_id, None)
                self._settled.discard(run.run_id)
            if run.run_id not in self._settled:
                asked.append(run)
        # cut before what an interrupted job had finished is dropped, so that its checkpoints fit
        execution = self._execution
        groups = [
            group
            for group in cut(
                asked, self._dataset, execution.members, execution.engine, execution.device
            )
            if any(run.run_id not in self.rows for run in group.runs)
        ]
        for group in groups:
            self._progress.plan(group.updates * len(group.runs), group.cost)
        for group in groups:
            self._add(group.runs, self._train(group))
            self._keep()
        self._settled |= {run.run_id for run in asked}

    def keep_endpoints(self, runs: Iterable[RunSpec]) -> None:
        """Drop the endpoints of all other runs."""
        kept = {run.run_id for run in runs}
        self.endpoints = {name: each for name, each in self.endpoints.items() if name in kept}
        self.buffers = {name: each for name, each in self.buffers.items() if name in kept}

    def curves(self, run_ids: set[str]) -> pd.DataFrame:
        """Return the curves of some runs, sorted by run_id and update."""
        together = pd.concat(self._curves, ignore_index=True)
        chosen = together[together["run_id"].isin(run_ids)].drop_duplicates(["run_id", "update"])
        return chosen.sort_values(["run_id", "update"], ignore_index=True)

    def _keep(self) -> None:
        """Save what is finished, every so many seconds, for a job that is interrupted."""
        folder, seconds = self._execution.checkpoints, self._execution.checkpoint_seconds
        if folder is None or time.monotonic() - self._kept < seconds:
            return
        rows = [
            {"run_id": name, **row, "code": self._codes[name]}
            for name, row in self.rows.items()
            if name not in self._reused
        ]
        names = {row["run_id"] for row in rows}
        JobResult(
            pd.DataFrame(rows),
            self.curves(names),
            {name: each for name, each in self.endpoints.items() if name in names},
            {name: each for name, each in self.buffers.items() if name in names},
        ).save(folder / FINISHED)
        self._kept = time.monotonic()

    def _train(self, group: Group) -> Population:
        execution = self._execution
        checkpoint = None
        if execution.checkpoints:
            name = hashlib.sha256("".join(run.run_id for run in group.runs).encode()).hexdigest()
            checkpoint = Checkpoint(
                execution.checkpoints / f"{name[:16]}.safetensors", execution.checkpoint_seconds
            )
        cost = group.cost / group.updates
        return train_population(
            group.runs,
            self._dataset,
            execution.device,
            engine=execution.engine,
            checkpoint=checkpoint,
            advanced=lambda updates: self._progress.done(updates * len(group.runs), updates * cost),
        )

    def _add(self, runs: Iterable[RunSpec], done: Population) -> None:
        rows = _measurements(done.final)
        for run in runs:
            self.rows[run.run_id] = rows[run.run_id]
            self._codes[run.run_id] = self.code(run.seed)
            self.endpoints[run.run_id] = done.theta[run.run_id]
            if done.buffers[run.run_id].size:
                self.buffers[run.run_id] = done.buffers[run.run_id]
        self._curves.append(done.curves)

    def _take(self, result: JobResult | None) -> None:
        codes = {self.code(unit) for unit in self._dataset.units}
        finished = result.finished(codes) - set(self.rows) if result else set()
        if result is None or not finished:
            return
        table = result.runs.drop_duplicates("run_id")
        self._codes |= dict(zip(table["run_id"], table["code"], strict=True))
        rows = _measurements(table)
        self.rows |= {name: row for name, row in rows.items() if name in finished}
        self.endpoints |= {k: v for k, v in result.endpoints.items() if k in finished}
        self.buffers |= {k: v for k, v in result.buffers.items() if k in finished}
        curves = result.curves[result.curves["run_id"].isin(finished)]
        self._curves.append(curves.drop(columns="cell", errors="ignore"))


def _measurements(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    rows = table[list(MEASUREMENTS)].to_dict("records")
    named = zip(table["run_id"], rows, strict=True)
    return {str(name): {str(key): value for key, value in row.items()} for name, row in named}


def read_result(folder: Path) -> JobResult | None:
    """Read earlier results; None if there are none, or, with a warning, if they are damaged."""
    if not (folder / RUNS).exists():
        return None
    try:
        return JobResult.load(folder)
    except DataError as error:
        warnings.warn(f"earlier results are not reused: {error}", stacklevel=2)
        return None
