"""From the files of training jobs to one table an experiment, in bounded memory."""

from collections.abc import Collection, Iterable, Iterator, Mapping
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


def collect(parts: Iterable[str | Path], seeds: Mapping[str, int]) -> Iterator[pd.DataFrame]:
    """Rows of some cells from many jobs' tables, one file at a time.

    Parameters
    ----------
    parts
        Parquet files with columns ``cell``, ``role`` and ``seed``; a cell is in one of them.
    seeds
        How many evaluation seeds of each cell to keep, by the cell's key; a job may hold more,
        for another experiment.

    Yields
    ------
    Rows of a file, sorted by the columns that identify a row.

    Raises
    ------
    DataError
        If a file cannot be read, or a cell is in none of them.
    """
    missing = set(seeds)
    for part in parts:
        rows = _of_cells(part, seeds)
        missing -= set(rows["cell"])
        yield _sorted(rows)
    if missing:
        raise DataError(
            f"{len(missing)} cells (first: {min(missing)}) are in none of the jobs' tables; "
            "delete results/runs and run snakemake again."
        )


def collect_curves(
    folders: Iterable[str | Path], seeds: Mapping[str, int]
) -> Iterator[pd.DataFrame]:
    """Curves of the evaluation runs of some cells, with the labels of their runs.

    Parameters
    ----------
    folders
        Folders of training jobs.
    seeds
        As in `collect`, and what comes is as there.
    """
    for folder in folders:
        runs = _of_cells(Path(folder) / RUNS, seeds)
        runs = runs[runs["role"] == "evaluation"].drop(columns=[*MEASUREMENTS, "code"])
        curves = _filtered(Path(folder) / CURVES, "run_id", set(runs["run_id"]))
        yield _sorted(runs.merge(curves, on="run_id", how="left"))


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


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    order = [name for name in KEYS if name in table]
    return table.sort_values(order, kind="stable", ignore_index=True)
