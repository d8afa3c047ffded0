"""A training job: cells of experiments in, tables and weights out."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from unstuck.data.dataset import Dataset
from unstuck.errors import ConfigError
from unstuck.training.arm import Arm
from unstuck.training.bank import Bank, Execution, read_result
from unstuck.training.progress import Progress
from unstuck.training.result import MEASUREMENTS, JobResult
from unstuck.training.spec import Cell

Say = Callable[[str], None]

#: columns of `runs` before and after the labels of the cells
FIRST_COLUMNS = ("run_id", "cell", "role")
LAST_COLUMNS = ("lr", "edge", "seed", *MEASUREMENTS, "code")


def train_cells(
    cells: Sequence[Cell],
    dataset: Dataset,
    execution: Execution | None = None,
    previous: JobResult | None = None,
    progress: Say = lambda line: None,
) -> JobResult:
    """Tune the rates of cells where asked, then train their evaluation runs.

    A run that several cells ask for is trained once and has a row for each of them. Runs in
    `previous` are not trained again: a run's result does not depend on its company.

    Parameters
    ----------
    cells
        Cells on one dataset.
    dataset
        That dataset.
    execution
        Device, compilation, checkpoints and the like.
    previous
        Earlier results, of these or other cells.
    progress
        Takes lines for the log.

    Raises
    ------
    ConfigError
        If a label bears the name of a column that every table has, or a run cannot be trained.
    """
    execution = execution or Execution()
    labels = _labels(cells)
    arms = [Arm(cell) for cell in cells]
    lines = Progress(progress)
    bank = Bank(dataset, execution, previous, lines)
    # runs at fixed rates wait for nothing, and fill up the populations of the first round
    bank.train(run for arm in arms for run in (*arm.tuning(), *arm.evaluation()))
    undecided = [arm for arm in arms if arm.judge(bank.rows, bank.curves)]
    while undecided:
        progress(f"the best rate of {len(undecided)} cells lies on the edge: extending their grids")
        bank.train(run for arm in undecided for run in arm.tuning())
        undecided = [arm for arm in undecided if arm.judge(bank.rows, bank.curves)]
    bank.train(run for arm in arms for run in arm.evaluation())
    progress(lines.line())
    rows = [
        {**row, "cell": arm.cell.key, "code": execution.code}
        for arm in arms
        for row in arm.rows(bank.rows)
    ]
    rows.sort(key=lambda row: (row["run_id"], row["cell"]))
    evaluated = sorted({row["run_id"] for row in rows if row["role"] == "evaluation"})
    return JobResult(
        runs=pd.DataFrame(rows, columns=[*FIRST_COLUMNS, *labels, *LAST_COLUMNS]),
        curves=bank.curves({row["run_id"] for row in rows}),
        endpoints={name: bank.endpoints[name] for name in evaluated},
        buffers={name: bank.buffers[name] for name in evaluated if name in bank.buffers},
    )


def run_job(
    cells: Sequence[Cell],
    dataset: Dataset,
    folder: Path,
    execution: Execution | None = None,
    progress: Say = lambda line: None,
) -> None:
    """Train cells and save the result in a folder, reusing what an earlier job left there."""
    execution = execution or Execution()
    train_cells(cells, dataset, execution, read_result(folder), progress).save(folder)
    if execution.checkpoints:
        shutil.rmtree(execution.checkpoints, ignore_errors=True)


def _labels(cells: Sequence[Cell]) -> list[str]:
    """Return the names of all labels in the order in which they first appear."""
    labels = list(dict.fromkeys(name for cell in cells for name in cell.labels))
    for label in labels:
        if label in (*FIRST_COLUMNS, *LAST_COLUMNS):
            raise ConfigError(f"label {label!r} is the name of a column of results; rename it.")
    return labels
