"""Merged tables are those that concatenation gives, in memory that does not grow with them."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from unstuck.errors import DataError
from unstuck.study import merging
from unstuck.study.merging import GROUP, write_merged


def jobs(count: int, rows: int = 40) -> Iterator[pd.DataFrame]:
    """Tables of jobs with four cells each, whose keys interleave."""
    draw = np.random.default_rng(0)
    for job in range(count):
        table = pd.DataFrame(
            {
                "dataset": ["digits", "mnist1d"][job % 2],
                "cell": np.repeat(sorted(f"{k:08x}" for k in draw.integers(2**32, size=4)), rows),
                "update": np.tile(np.arange(rows), 4),
                "loss": draw.random(4 * rows),
                "certain": draw.random(4 * rows) < 0.5,
            }
        )
        if job % 3 == 1:
            table["found"] = job
            table["kind"] = "minimum"
        elif job % 3 == 2:
            table["kind"] = np.nan
            table["path"] = [np.arange(2.0)] * len(table)
        yield table


def written(folder: Path, frames: Iterator[pd.DataFrame]) -> tuple[Path, Path]:
    to = folder / "all.parquet", folder / "all.csv"
    write_merged(frames, *to)
    return to


@pytest.mark.parametrize("piece", [1, 100, 10_000])
def test_a_merged_table_is_the_sorted_concatenation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(merging, "PIECE", piece)
    parquet, csv = written(tmp_path, jobs(7))
    whole = pd.concat(list(jobs(7)), ignore_index=True)
    whole = whole.sort_values([*GROUP, "update"], kind="stable", ignore_index=True)
    assert whole["found"].dtype == "float64"
    whole.to_parquet(tmp_path / "whole.parquet")
    expected = pd.read_parquet(tmp_path / "whole.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), expected)
    text = whole.drop(columns="path").to_csv(index=False, lineterminator="\n")
    assert csv.read_text() == text


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in written(tmp_path, jobs(5))]
    assert [path.read_bytes() for path in written(tmp_path, jobs(5))] == first
    assert {path.name for path in tmp_path.iterdir()} == {"all.parquet", "all.csv"}


def test_columns_of_different_kinds_are_an_error(tmp_path: Path) -> None:
    one, two = jobs(2)
    with pytest.raises(DataError, match=r"the column loss .* delete results/runs"):
        written(tmp_path, iter([one, two.assign(loss="low")]))
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_number_of_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "PIECE", 1000)
    written(tmp_path, jobs(1))  # imports take memory too
    before = pa.default_memory_pool()
    peaks = []
    try:
        for count in (6, 36):
            pool = pa.proxy_memory_pool(pa.system_memory_pool())
            pa.set_memory_pool(pool)
            tracemalloc.start()
            parquet, _ = written(tmp_path, jobs(count, rows=250))
            peaks.append(tracemalloc.get_traced_memory()[1] + pool.max_memory())
            tracemalloc.stop()
            assert len(pd.read_parquet(parquet, columns=["cell"])) == count * 1000
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    few, many = peaks
    assert many < 1.5 * few


def test_how_runs_are_split_into_jobs_leaves_no_trace(tmp_path: Path) -> None:
    cells = [f"{k}" for k in "abcd"]
    own = pd.DataFrame({"dataset": "digits", "cell": cells, "lr": [0.1, 0.2, 0.3, 0.4]})
    own.insert(2, "depth", [2, 2, 5, 5])
    own.insert(3, "loss", "squared")
    # the job that holds all cells also holds those of an experiment with other labels
    mixed = own.reindex(columns=["dataset", "cell", "loss", "pool", "lr", "depth"])
    settled = {"integers": ["depth"], "labels": ["depth", "loss"], "others": ["pool"]}
    bytes_of = []
    for name, frames in (("whole", [mixed]), ("split", [own[:2], own[2:]])):
        to = tmp_path / f"{name}.parquet", tmp_path / f"{name}.csv"
        write_merged(frames, *to, **settled)
        bytes_of.append([path.read_bytes() for path in to])
    assert bytes_of[0] == bytes_of[1]
    assert (tmp_path / "whole.csv").read_text().startswith("dataset,cell,depth,loss,lr\n")
