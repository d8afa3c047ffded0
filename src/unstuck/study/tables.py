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


def collect(
    parts: Iterable[str | Path], units: Mapping[str, range], *, every: bool = True
) -> Iterator[pd.DataFrame]:
    """Rows of some cells from many jobs' tables, one file at a time.

    Parameters
    ----------
    parts
        Parquet files with a column ``cell``, and ``seed`` where a row belongs to a unit; a cell is
        in one of them.
    units
        Units of each cell to keep, by the cell's key; a job may hold more, for another experiment.
    every
        Whether every cell has rows: those of which all runs diverged have no endpoint to measure.

    Yields
    ------
    Rows of a file, sorted by the columns that identify a row.

    Raises
    ------
    DataError
        If a file cannot be read, or a cell is in none of them.
    """
    missing = set(units)
    for part in parts:
        rows = _of_cells(part, units)
        missing -= set(rows["cell"])
        yield _sorted(rows)
    if missing and every:
        raise DataError(
            f"{len(missing)} cells (first: {min(missing)}) are in none of the jobs' tables; "
            "delete results/runs and run snakemake again."
        )


def collect_curves(
    folders: Iterable[str | Path], units: Mapping[str, range]
) -> Iterator[pd.DataFrame]:
    """Curves of the runs of some cells, with the labels of their runs.

    Parameters
    ----------
    folders
        Folders of training jobs.
    units
        As in `collect`, and what comes is as there.
    """
    for folder in folders:
        runs = _of_cells(Path(folder) / RUNS, units).drop(columns=[*MEASUREMENTS, "code"])
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


def _of_cells(part: str | Path, units: Mapping[str, range]) -> pd.DataFrame:
    """Rows of some cells, of the units wanted."""
    rows = _filtered(part, "cell", units.keys())
    if "seed" not in rows:
        return rows
    ends = rows["cell"].map({key: each.stop for key, each in units.items()})
    return rows[rows["seed"] < ends.astype("float64")]


def _filtered(part: str | Path, column: str, values: Collection[str]) -> pd.DataFrame:
    """Rows of a Parquet file whose column has one of some values."""
    rows = read_parquet(part)
    return rows[rows[column].isin(values)]


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    order = [name for name in KEYS if name in table]
    return table.sort_values(order, kind="stable", ignore_index=True)
