"""Runs trained by themselves, without a study."""

from collections.abc import Iterable

from unstuck.data.dataset import Dataset
from unstuck.training.bank import Execution
from unstuck.training.job import train_cells
from unstuck.training.result import JobResult
from unstuck.training.spec import Cell, RunSpec


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
