"""A training job: cells of experiments in, tables and weights out."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from unstuck.data.dataset import Dataset
from unstuck.errors import ConfigError
from unstuck.training.arm import Arm
from unstuck.training.bank import Bank, Execution, read_result
from unstuck.training.progress import Progress
from unstuck.training.result import (
    FIRST_COLUMNS,
    FIRST_OF_RATES,
    LAST_COLUMNS,
    LAST_OF_RATES,
    JobResult,
)
from unstuck.training.spec import Cell, RunSpec

Say = Callable[[str], None]


def train_cells(
    cells: Sequence[Cell],
    dataset: Dataset,
    execution: Execution | None = None,
    previous: JobResult | None = None,
    progress: Say = lambda line: None,
) -> JobResult:
    """Train cells, those whose rate is to be chosen in a race (`Arm`).

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
    racing = arms
    while racing:
        bank.train(run for arm in racing for run in arm.runs())
        racing = [arm for arm in racing if arm.judge(bank.rows, bank.curves)]
        bank.keep_endpoints(run for arm in arms for run in arm.may_be_chosen())
        if racing:
            progress(f"{len(racing)} cells go on to the next round of their races")
    bank.train((run for arm in arms for run in arm.may_be_chosen()), endpoints=True)
    progress(lines.line())
    rows = [{**row, "code": bank.code(row["seed"])} for arm in arms for row in arm.rows(bank.rows)]
    rows.sort(key=lambda row: (row["cell"], row["lr"], row["seed"]))
    rates = [row for arm in sorted(arms, key=lambda arm: arm.cell.key) for row in arm.rates()]
    runs = pd.DataFrame(rows, columns=[*FIRST_COLUMNS, *labels, *LAST_COLUMNS])
    curves = runs[["cell", "run_id"]].merge(bank.curves(set(runs["run_id"])), on="run_id")
    return JobResult(
        runs=runs,
        curves=curves.sort_values(["cell", "run_id", "update"], ignore_index=True),
        rates=pd.DataFrame(rates, columns=[*FIRST_OF_RATES, *labels, *LAST_OF_RATES]),
        endpoints=bank.endpoints,
        buffers=bank.buffers,
    )


def train(
    runs: Iterable[RunSpec], dataset: Dataset, execution: Execution | None = None
) -> JobResult:
    """Train runs on a dataset that has a split for the unit of each, their seed.

    Parameters
    ----------
    runs
        Of any shapes; those of one shape train side by side.
    dataset
        What they train on.
    execution
        Device, engine and the like; by default what a study takes on the CPU.

    Returns
    -------
    Tables of `runs` and `curves`, and of each run its parameters by its id in `endpoints`.

    Examples
    --------
    >>> import unstuck
    >>> spec = unstuck.DatasetSpec(source="digits", train=64, validation=32, test=32)
    >>> run = unstuck.RunSpec(
    ...     dataset="digits", data=spec.digest, network=unstuck.NetworkSpec(hidden=(8,)),
    ...     optimizer=unstuck.optimizer("adam"), schedule=unstuck.ScheduleSpec(),
    ...     epochs=5, lr=0.01, seed=0,
    ... )
    >>> result = unstuck.train([run], unstuck.prepare(spec, units=[0]))
    >>> result.runs["updates"].item(), len(result.curves), result.endpoints[run.run_id].shape
    (10, 11, (610,))

    Raises
    ------
    DataError
        If the dataset has no split of a unit.
    """
    cells = [Cell(labels={}, run=run, rate=run.lr, seeds=1, first_unit=run.seed) for run in runs]
    return train_cells(cells, dataset, execution)


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
        if label in (*FIRST_COLUMNS, *LAST_COLUMNS, *LAST_OF_RATES):
            raise ConfigError(f"label {label!r} is the name of a column of results; rename it.")
    return labels
