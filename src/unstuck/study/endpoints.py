"""The endpoints of a training job: where its runs stopped, and the loss there."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.problem import Problem
from unstuck.data.dataset import Dataset
from unstuck.statistics.stalling import stalled as stalled_runs
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
    device: str = "cpu"  # that problems lie on

    @classmethod
    def of_job(
        cls, cells: Iterable[Cell], folder: Path, dataset: Dataset, device: str = "cpu"
    ) -> Self:
        """Read the endpoints of a job.

        Parameters
        ----------
        cells
            The job's cells.
        folder
            Where the job's result lies.
        dataset
            What its runs were trained on, each on the split of its seed.
        device
            Where the losses at endpoints are to be computed.
        """
        result = JobResult.load(folder)
        runs = result.runs
        wanted = runs["chosen"].astype(bool) & runs["diverged_at"].isna()
        rows = runs[wanted].sort_values(["cell", "seed"], ignore_index=True)
        by_key = {cell.key: cell for cell in cells}
        curves = result.curves.drop_duplicates(["run_id", "update"])
        return cls(rows, result.endpoints, result.buffers, curves, by_key, dataset, device)

    def of(self, units: Mapping[str, int], *, stalled: bool = False) -> Self:
        """Give those of some cells.

        Parameters
        ----------
        units
            How many units of each cell, by the cell's key: the first so many.
        stalled
            Whether only runs whose training loss has stalled count.
        """
        ends = {key: self.cells[key].first_unit + count for key, count in units.items()}
        rows = self.rows[self.rows["seed"] < self.rows["cell"].map(ends).astype("float64")]
        if stalled:
            curves = self.curves[self.curves["run_id"].isin(rows["run_id"])]
            rows = rows[rows["run_id"].isin(stalled_runs(curves))]
        return replace(self, rows=rows.reset_index(drop=True))

    def buffers_of(self, run_id: str) -> Tensor | None:
        """Buffers ``[Q]`` of a run in float64; None if its network has none."""
        held = self.buffers.get(run_id)
        return None if held is None else torch.from_numpy(held).double()

    def problems(self, progress: Progress) -> Iterator[tuple[dict[str, Any], Problem]]:
        """The row and the full-batch training loss on its unit, in float64, of every endpoint."""
        for number, row in enumerate(self.rows.to_dict("records"), start=1):
            progress(f"endpoint {number} of {len(self.rows)}: run {row['run_id']}")
            recipe = self.cells[row["cell"]].run
            network = network_of(recipe, self.dataset)
            split = self.dataset.unit(row["seed"])
            used = recipe.trained_on(len(split.y_train))
            yield (
                {str(key): value for key, value in row.items()},
                Problem(
                    network=network,
                    theta=torch.from_numpy(self.theta[row["run_id"]]).double().to(self.device),
                    buffers=self.buffers_of(row["run_id"]),
                    x=torch.from_numpy(split.x_train[:used]),
                    y=torch.from_numpy(recipe.labels(split.y_train[:used], split.classes)),
                    loss=recipe.loss,
                    weight_decay=recipe.optimizer.l2,
                ),
            )
