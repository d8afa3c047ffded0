"""Many sorted tables become one, in memory for one of them and a piece of the result."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from unstuck.errors import DataError
from unstuck.files import scratch_folder, write_pieces

#: rows of the result that are in memory at a time
PIECE = 100_000

#: columns that the tables are sorted by before all others; equal values are in one table
GROUP = ["dataset", "cell"]


@dataclass(frozen=True, order=True)
class _Group:
    """Rows of one table with equal values of `GROUP`, and where they lie on disk."""

    key: Any  # their values, which can be compared
    table: int
    start: int
    size: int  # in bytes


@dataclass(frozen=True)
class _Columns:
    """What the columns of one table are."""

    schema: pa.Schema
    filled: frozenset[str]  # columns with a value somewhere


def write_merged(
    frames: Iterable[pd.DataFrame],
    parquet: str | Path,
    csv: str | Path,
    integers: Collection[str] = (),
    *,
    labels: Sequence[str] = (),
    others: Collection[str] = (),
) -> None:
    """Merge tables and write the result as Parquet and CSV.

    The tables go to a file beside the result first, as they come, and are read from there group by
    group.

    Parameters
    ----------
    frames
        Each sorted, by `GROUP` first, whose values are in one of them only. Columns may be missing
        from some, and are empty there.
    parquet, csv
        Where the result goes. Lists are left out of the CSV file.
    integers
        Columns of whole numbers (`Plan.integer_labels`). The table of a job that also holds cells
        without such a label has floats there.
    labels, others
        Labels of the experiment, which stand together in this order, and those of others, which the
        table of a job that also holds their cells has and the result has not (`Plan.labels`): so
        what is written does not depend on how runs are split into jobs.

    Raises
    ------
    DataError
        If one of `integers` holds anything else, or a column is of one kind here and of another
        there.
    """
    with scratch_folder(f"{parquet}.merged") as folder:
        spilled = folder / "groups"
        groups, tables = _spill(frames, spilled)
        schema = _united(tables, frozenset(integers), labels, frozenset(others))
        with pa.OSFile(str(spilled)) as source:
            write_pieces(parquet, csv, _pieces(source, sorted(groups), tables, schema))


def _spill(frames: Iterable[pd.DataFrame], path: Path) -> tuple[list[_Group], list[_Columns]]:
    """Write the groups of all tables to one file."""
    groups: list[_Group] = []
    tables: list[_Columns] = []
    with pa.OSFile(str(path), "wb") as sink:
        for frame in frames:
            table = pa.Table.from_pandas(frame, preserve_index=False).combine_chunks()
            first = 0
            for key, rows in frame.groupby(GROUP, sort=False).size().items():
                (batch,) = table.slice(first, rows).to_batches()
                place = sink.tell()
                sink.write(batch.serialize())
                groups.append(_Group(key, len(tables), place, sink.tell() - place))
                first += rows
            filled = {name for name in table.column_names if table[name].null_count < len(table)}
            tables.append(_Columns(table.schema, frozenset(filled)))
    return groups, tables


def _united(
    tables: list[_Columns],
    integers: frozenset[str],
    labels: Sequence[str],
    others: frozenset[str],
) -> pa.Schema:
    """Give the names of all columns, labels where the first one comes, and a type for each."""
    held = [table for table in tables if table.filled] or tables
    found = dict.fromkeys(name for table in held for name in table.schema.names)
    found |= dict.fromkeys(sorted(integers))
    before = list(itertools.takewhile(lambda name: name not in labels, found))
    names = dict.fromkeys([*before, *(name for name in labels if name in found), *found])
    names = {name: None for name in names if name not in others or name in labels}
    kinds = {name: pa.int64() if name in integers else _kind(name, held) for name in names}
    schema = pa.schema(kinds.items())
    # what pandas would say of it in a file of its own
    like = pa.Schema.from_pandas(schema.empty_table().to_pandas(), preserve_index=False)
    return schema.with_metadata(like.metadata)


def _kind(name: str, tables: list[_Columns]) -> pa.DataType:
    """Give the type that holds a column of all tables."""
    filled = [table for table in tables if name in table.filled]
    told = filled or [table for table in tables if name in table.schema.names]
    kinds = [pa.schema([table.schema.field(name)]) for table in told]
    try:
        kind = pa.unify_schemas(kinds, promote_options="permissive").field(name).type
    except pa.ArrowException as error:
        raise _unlike(name, str(error)) from error
    # as pandas has it
    return pa.float64() if pa.types.is_integer(kind) and len(filled) < len(tables) else kind


def _pieces(
    source: pa.NativeFile, groups: Iterable[_Group], tables: list[_Columns], schema: pa.Schema
) -> Iterator[pa.Table]:
    """Give the rows of all groups, some at a time, as tables of one schema."""
    held, rows = [schema.empty_table()], 0
    for group in groups:
        source.seek(group.start)
        lain = source.read_buffer(group.size)
        batch = pa.ipc.read_record_batch(lain, tables[group.table].schema)
        held.append(_cast(batch, schema))
        rows += len(batch)
        if rows >= PIECE:
            yield pa.concat_tables(held).combine_chunks()
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """Give rows the columns of a schema."""
    columns = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        column: Any = batch[name] if name in batch.schema.names else None
        empty = column is None or column.null_count == len(column)
        if pa.types.is_integer(kind) and (empty or column.null_count):
            raise _unlike(name, "it has whole numbers, and is empty somewhere")
        if empty:
            columns.append(pa.nulls(len(batch), kind))
        elif column.type == kind:
            columns.append(column)
        else:
            try:
                columns.append(column.cast(kind))
            except pa.ArrowException as error:
                raise _unlike(name, str(error)) from error
    return pa.Table.from_arrays(columns, schema=schema)


def _unlike(name: str, reason: str) -> DataError:
    return DataError(
        f"the column {name} of the jobs' tables cannot be one ({reason.splitlines()[0]}); "
        "delete results/runs and run snakemake again."
    )
