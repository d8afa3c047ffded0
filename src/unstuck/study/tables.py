"""From the files of training jobs to one table an experiment."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pandas as pd

from unstuck.errors import DataError
from unstuck.files import read_parquet
from unstuck.training.result import CURVES, MEASUREMENTS, RUNS

#: columns that tell the rows of a table apart
KEYS = (
    *("dataset", "cell", "role", "lr", "seed", "run_id", "update"),
    *(
        "matrix",
        "layer",
        "dtype",
        "tolerance",
        "origin",
        "distance",
        "filter",
        "input",
        "row",
        "column",
        "factor",
    ),
)


def collect(
    parts: Iterable[str | Path], seeds: Mapping[str, int], integers: Collection[str] = ()
) -> pd.DataFrame:
    """Rows of some cells from many jobs' tables, one file in memory at a time.

    Parameters
    ----------
    parts
        Parquet files with columns ``cell``, ``role`` and ``seed``.
    seeds
        How many evaluation seeds of each cell to keep, by the cell's key; a job may hold more,
        for another experiment.
    integers
        Labels that are integers in all these cells (`Plan.integer_labels`). The table of a job that
        also holds cells without such a label has floats there.

    Returns
    -------
    One table, sorted by the columns that identify a row.

    Raises
    ------
    DataError
        If a file cannot be read, a cell is in none of them, or a label is no integer.
    """
    table = _united((_of_cells(part, seeds) for part in parts), integers)
    missing = set(seeds) - set(table["cell"])
    if missing:
        raise DataError(
            f"{len(missing)} cells (first: {min(missing)}) are in none of the jobs' tables; "
            "delete results/runs and run snakemake again."
        )
    return table


def collect_curves(
    folders: Iterable[str | Path], seeds: Mapping[str, int], integers: Collection[str] = ()
) -> pd.DataFrame:
    """Curves of the evaluation runs of some cells, with the labels of their runs.

    Parameters
    ----------
    folders
        Folders of training jobs.
    seeds, integers
        As in `collect`.
    """
    kept = []
    for folder in folders:
        runs = _of_cells(Path(folder) / RUNS, seeds)
        runs = runs[runs["role"] == "evaluation"].drop(columns=[*MEASUREMENTS, "code"])
        curves = _filtered(Path(folder) / CURVES, "run_id", set(runs["run_id"]))
        kept.append(runs.merge(curves, on="run_id", how="left"))
    return _united(kept, integers)


def read_table(path: str | Path, name: str) -> pd.DataFrame:
    """Read a table by its name, ``experiment.kind`` or ``analysis.table``.

    Parameters
    ----------
    path
        The table's file, or the folder of the analysis that it belongs to.
    name
        Its name.
    """
    place = Path(path)
    return read_parquet(place / f"{name.partition('.')[2]}.parquet" if place.is_dir() else place)


def _of_cells(part: str | Path, seeds: Mapping[str, int]) -> pd.DataFrame:
    """Rows of some cells: all of their tuning, and so many seeds of their evaluation."""
    rows = _filtered(part, "cell", seeds.keys())
    wanted = (rows["role"] != "evaluation") | (rows["seed"] < rows["cell"].map(dict(seeds)))
    return rows[wanted]


def _filtered(part: str | Path, column: str, values: Collection[str]) -> pd.DataFrame:
    """Rows of a Parquet file whose column has one of some values."""
    rows = read_parquet(part)
    return rows[rows[column].isin(values)]


def _united(parts: Iterable[pd.DataFrame], integers: Collection[str]) -> pd.DataFrame:
    table: pd.DataFrame = pd.concat(list(parts), ignore_index=True)
    try:
        table = table.astype({name: "int64" for name in sorted(integers)})
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"a job's table has no integers ({error}) in one of {', '.join(sorted(integers))}; "
            "delete results/runs and run snakemake again."
        ) from error
    order = [name for name in KEYS if name in table]
    return table.sort_values(order, kind="stable", ignore_index=True)
