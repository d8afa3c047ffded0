"""The endpoints of a training job: where its runs stopped, and the loss there."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.problem import Problem
from unstuck.data.dataset import Dataset
from unstuck.training.loop import network_of
from unstuck.training.result import JobResult
from unstuck.training.spec import Cell

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Endpoints:
    """The runs of a job whose endpoints are measured, at the rates chosen.

    A diverged run has no endpoint, so it has no row here; the table of runs keeps it.
    """

    rows: pd.DataFrame  # rows of the job's table of runs
    theta: Mapping[str, NDArray[Any]]  # [P] by run_id
    buffers: Mapping[str, NDArray[Any]]  # [Q] by run_id
    curves: pd.DataFrame  # of the job
    cells: Mapping[str, Cell]
    dataset: Dataset

    @classmethod
    def of_job(
        cls, cells: Iterable[Cell], folder: Path, dataset: Dataset, *, units: Mapping[str, int]
    ) -> Self:
        """Read the endpoints of a job.

        Parameters
        ----------
        cells
            The job's cells.
        folder
            Where the job's result lies.
        dataset
            What its runs were trained on.
        units
            How many units of each cell to measure, by the cell's key: the first so many.
        """
        result = JobResult.load(folder)
        runs = result.runs
        by_key = {cell.key: cell for cell in cells}
        ends = {key: by_key[key].first_unit + count for key, count in units.items()}
        measured = runs["seed"] < runs["cell"].map(ends).fillna(0)
        wanted = runs["chosen"] & measured & runs["diverged_at"].isna()
        rows = runs[wanted].sort_values(["cell", "seed"], ignore_index=True)
        return cls(rows, result.endpoints, result.buffers, result.curves, by_key, dataset)

    def buffers_of(self, run_id: str) -> Tensor | None:
        """Buffers ``[Q]`` of a run in float64; None if its network has none."""
        held = self.buffers.get(run_id)
        return None if held is None else torch.from_numpy(held).double()

    def problems(self, progress: Progress) -> Iterator[tuple[dict[str, Any], Problem]]:
        """The row and the full-batch training loss, in float64, of every endpoint."""
        for number, row in enumerate(self.rows.to_dict("records"), start=1):
            progress(f"endpoint {number} of {len(self.rows)}: run {row['run_id']}")
            recipe = self.cells[row["cell"]].run
            network = network_of(recipe, self.dataset)
            used = recipe.trained_on(len(self.dataset.y_train))
            yield (
                {str(key): value for key, value in row.items()},
                Problem(
                    network=network,
                    theta=torch.from_numpy(self.theta[row["run_id"]]).double(),
                    buffers=self.buffers_of(row["run_id"]),
                    x=torch.from_numpy(self.dataset.x_train[:used]),
                    y=torch.from_numpy(
                        recipe.labels(self.dataset.y_train[:used], self.dataset.classes)
                    ),
                    loss=recipe.loss,
                    weight_decay=_weight_decay(recipe.optimizer),
                ),
            )


def _weight_decay(optimizer: Any) -> float:
    """L2 decay is part of the loss that is trained; decoupled decay is not."""
    return 0.0 if optimizer.decoupled_decay else float(optimizer.weight_decay)
