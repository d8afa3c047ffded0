"""From the files of training jobs to one table an experiment."""

from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from unstuck.errors import DataError

#: columns that tell the rows of a table apart
KEYS = ("dataset", "cell", "role", "lr", "seed", "run_id", "update", "matrix", "dtype", "tolerance")


def collect(parts: Iterable[str | Path], cells: Collection[str]) -> pd.DataFrame:
    """Rows of some cells from many jobs' tables, one file in memory at a time.

    Parameters
    ----------
    parts
        Parquet files with a column ``cell``.
    cells
        Keys of the cells to keep.

    Returns
    -------
    One table, sorted by every column that identifies a row (dataset, cell, role, lr, seed, ...).

    Raises
    ------
    DataError
        If a file cannot be read, or a cell is in none of them.
    """
    wanted = pa.array(sorted(cells))
    kept = []
    for part in parts:
        try:
            rows = pq.read_table(part)
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"{part} cannot be read as Parquet ({error}); delete it and run snakemake again."
            ) from error
        kept.append(rows.filter(pc.is_in(rows["cell"], value_set=wanted)).to_pandas())
    table: pd.DataFrame = pd.concat(kept, ignore_index=True)
    missing = set(cells) - set(table["cell"])
    if missing:
        raise DataError(
            f"{len(missing)} cells (first: {min(missing)}) are in none of the jobs' tables; "
            "delete results/runs and run snakemake again."
        )
    order = [name for name in KEYS if name in table]
    return table.sort_values(order, kind="stable", ignore_index=True)
