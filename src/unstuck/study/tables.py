"""From the files of training jobs to one sorted table an experiment, in bounded memory."""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from unstuck.errors import DataError
from unstuck.files import BAD_VALUES, require_whole, write_pieces
from unstuck.study.plan import Wanted

#: rows of a table that are in memory at a time, beside those of one cell
PIECE = 100_000

#: columns that tell the rows of a cell apart
KEYS = (
    *("lr", "seed", "run_id", "update", "matrix", "layer", "dtype", "tolerance", "origin"),
    *("distance", "filter", "input", "row", "column", "factor"),
)

#: columns that a row of `rows` is known by in the files that it is joined with
RUN = ["cell", "run_id"]

_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
_FORMAT = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)


def collect(
    parts: Sequence[str | Path],
    wanted: Wanted,
    parquet: str | Path,
    csv: str | Path,
    *,
    runs: Sequence[str | Path] = (),
) -> None:
    """Collect the rows of some cells from many jobs' tables, and write them as Parquet and CSV.

    Rows are sorted by cell, in the order wanted, and by `KEYS`. How they are split into jobs leaves
    no trace.

    Parameters
    ----------
    parts
        Parquet files with a column ``cell``, and ``seed`` where a row belongs to a unit; a cell is
        in one of them.
    wanted
        Which rows and columns.
    parquet, csv
        Where the table goes. Lists are left out of the CSV file.
    runs
        For each of the parts the table of its runs, which the rows are joined with by `RUN`.

    Raises
    ------
    DataError
        If a file cannot be read, a cell is in none of them, or a column is of one kind here and of
        another there.
    """
    files = [_File.of(part) for part in parts]
    of_runs = [_File.of(part) for part in runs] if runs else [None] * len(files)
    places = [_Part(*both) for both in zip(files, of_runs, strict=True)]
    schema = _schema(places, wanted)
    write_pieces(parquet, csv, _pieces(places, wanted, schema))


@dataclass(frozen=True)
class _File:
    """A Parquet file that is read batch by batch."""

    path: Path
    data: ds.Dataset

    @classmethod
    def of(cls, path: str | Path) -> Self:
        require_whole(path)
        with _readable(Path(path)):
            data = ds.dataset(os.fspath(path), format=_FORMAT)
            # damaged names are met here, not where they are used
            if "cell" not in data.schema.names:
                raise KeyError("it has no column cell")
            return cls(Path(path), data)

    def batches(
        self, units: Mapping[str, range], columns: Collection[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of some cells, of the units wanted where a row belongs to one."""
        names, cells = self.data.schema.names, sorted(units)
        if pa.types.is_null(self.data.schema.field("cell").type) or not cells:
            return  # it has no row, or none is wanted
        ends = pa.array([units[cell].stop for cell in cells])
        # bounds, so that row groups without any of the cells are not read
        place = pc.field("cell")
        chosen = place.isin(cells) & (place >= cells[0]) & (place <= cells[-1])
        scanner = self.data.scanner(
            columns=[name for name in names if name in {*columns, "cell", "seed"}],
            filter=chosen,
            batch_readahead=1,
            fragment_readahead=1,
            use_threads=False,
        )
        with _readable(self.path):
            for batch in scanner.to_batches():
                if "seed" not in names or not len(batch):
                    yield batch
                    continue
                at = pc.index_in(batch["cell"], pa.array(cells, batch["cell"].type))
                yield batch.filter(pc.less(batch["seed"], ends.take(at)))


@dataclass(frozen=True)
class _Part:
    """A job's table, and that of its runs if it is joined with it."""

    rows: _File
    runs: _File | None = None

    @property
    def fields(self) -> dict[str, pa.DataType]:
        """Types of the columns of both."""
        schemas = [file.data.schema for file in (self.runs, self.rows) if file is not None]
        return {field.name: field.type for schema in schemas for field in schema}

    def read(self, units: Mapping[str, range], columns: Collection[str]) -> pa.Table:
        """Read the rows of some cells."""
        rows = _table(self.rows.batches(units, {*columns, *RUN}), self.rows)
        if self.runs is None:
            return rows
        more = {*columns, *RUN} - set(self.rows.data.schema.names) | {*RUN}
        runs = _table(self.runs.batches(units, more), self.runs)
        return rows.join(runs, RUN, join_type="inner", use_threads=False)

    def counts(self, units: Mapping[str, range]) -> Counter[str]:
        """Count the rows of each cell that has any."""
        counts: Counter[str] = Counter()
        for batch in self.rows.batches(units, ()):
            for each in batch["cell"].value_counts().to_pylist():
                counts[each["values"]] += each["counts"]
        return counts


def _table(batches: Iterator[pa.RecordBatch], file: _File) -> pa.Table:
    held = list(batches)
    return pa.Table.from_batches(held) if held else file.data.schema.empty_table()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (*BAD_VALUES, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path} cannot be read as Parquet ({reason}); delete it and run snakemake again to "
            "make it anew."
        ) from error


def _schema(parts: Sequence[_Part], wanted: Wanted) -> pa.Schema:
    """Give each column the type that holds it in all parts; labels have their own."""
    held = [part.fields for part in parts]
    fields = []
    for name in wanted.columns:
        if name in wanted.labels:
            fields.append(pa.field(name, _TYPES[wanted.labels[name]]))
            continue
        found = [pa.schema({name: each[name]}) for each in held if name in each]
        try:
            fields.append(pa.unify_schemas(found, promote_options="permissive").field(name))
        except (pa.ArrowException, ValueError) as error:
            raise _unlike(name, str(error) or "no job has it") from error
    return pa.schema(fields).remove_metadata()


def _pieces(parts: Sequence[_Part], wanted: Wanted, schema: pa.Schema) -> Iterator[pa.Table]:
    """Give the rows of all cells in their order, some cells at a time."""
    counts = sum((part.counts(wanted.units) for part in parts), Counter())
    if wanted.every and (missing := sorted(wanted.units.keys() - counts.keys())):
        raise DataError(
            f"{len(missing)} cells (first: {missing[0]}) are in none of the jobs' tables; "
            "delete results/runs and run snakemake again."
        )
    yield schema.empty_table()
    held: dict[str, range] = {}
    rows = 0
    for cell, units in wanted.units.items():
        if rows and rows + counts[cell] > PIECE:
            yield _sorted(parts, held, schema)
            held, rows = {}, 0
        held[cell] = units
        rows += counts[cell]
    if rows:
        yield _sorted(parts, held, schema)


def _sorted(parts: Sequence[_Part], units: Mapping[str, range], schema: pa.Schema) -> pa.Table:
    """Read the rows of some cells and sort them by cell, in the order given, and by `KEYS`."""
    tables = [_cast(part.read(units, schema.names), schema) for part in parts]
    table = pa.concat_tables(tables).combine_chunks()
    place = pc.index_in(table["cell"], pa.array(list(units), table.schema.field("cell").type))
    order = [("place", "ascending"), *((key, "ascending") for key in KEYS if key in schema.names)]
    keys = pa.table({"place": place} | {key: table[key] for key in KEYS if key in schema.names})
    return table.take(pc.sort_indices(keys, order))


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give rows the columns of a schema; those that they lack are empty."""
    columns: list[Any] = []
    for field in schema:
        if field.name not in table.column_names:
            columns.append(pa.nulls(len(table), field.type))
            continue
        column = table[field.name]
        try:
            columns.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowException as error:
            raise _unlike(field.name, str(error)) from error
    return pa.Table.from_arrays(columns, schema=schema)


def _unlike(name: str, reason: str) -> DataError:
    return DataError(
        f"the column {name} of the jobs' tables cannot be one ({reason.splitlines()[0]}); "
        "delete results/runs and run snakemake again."
    )
