"""Tables of experiments are those that concatenation gives, whichever jobs hold their rows."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unstuck.errors import DataError
from unstuck.files import read_parquet, write_parquet
from unstuck.study import tables
from unstuck.study.plan import Wanted
from unstuck.study.tables import KEYS, collect

FIRST = 5  # unit
COLUMNS = ("run_id", "cell", "depth", "lr", "seed", "loss", "kind", "path")


def rows(cells: dict[str, int], **more: Any) -> pd.DataFrame:
    """A row for each unit of some cells, its values told by its cell and unit."""
    found = [
        {"run_id": f"{seed}{cell}", "cell": cell, "depth": 2, "lr": 0.1, "seed": seed}
        | {"loss": seed / (1 + len(cell)), "kind": "low" if seed % 2 else None}
        | {"path": [float(seed)] * 2}
        | more
        for cell, units in cells.items()
        for seed in range(FIRST, FIRST + units)
    ]
    return pd.DataFrame(found, columns=list(dict.fromkeys([*COLUMNS, *more])))


def part(folder: Path, name: str, table: pd.DataFrame) -> Path:
    path = folder / f"{name}.parquet"
    write_parquet(path, table)
    return path


def wanted(cells: dict[str, int], **fields: Any) -> Wanted:
    units = {cell: range(FIRST, FIRST + count) for cell, count in cells.items()}
    return Wanted(units, COLUMNS, {"depth": int}, **fields)


def collected(folder: Path, parts: list[Path], asked: Wanted, **named: Any) -> pd.DataFrame:
    collect(parts, asked, folder / "all.parquet", folder / "all.csv", **named)
    return read_parquet(folder / "all.parquet")


CELLS = {"d": 3, "a": 1, "c": 4, "b": 2}


@settings(max_examples=40, deadline=None)
@given(
    jobs=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    company=st.booleans(),
    piece=st.sampled_from([1, 3, 1000]),
)
def test_however_rows_are_split_a_table_is_the_sorted_concatenation(
    tmp_path_factory: pytest.TempPathFactory, jobs: list[int], company: bool, piece: int
) -> None:
    folder = tmp_path_factory.mktemp("jobs")
    parts = []
    for job in sorted(set(jobs)):
        held = {cell: units for cell, units in CELLS.items() if jobs["abcd".index(cell)] == job}
        table = rows(held).sample(frac=1, random_state=job)
        if company:  # another experiment has other labels, and more units of a cell
            others = pd.concat([rows({"x": 2}), rows(held)]).assign(depth=np.nan, pool="mean")
            others["seed"] += np.where(others["cell"] == "x", 0, 100)
            table = pd.concat([table, others], ignore_index=True)
        parts.append(part(folder, f"job{job}", table))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "PIECE", piece)
        found = collected(folder, parts, wanted(CELLS))
    expected = pd.concat([rows({cell: units}) for cell, units in CELLS.items()], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert found["depth"].dtype == found["seed"].dtype == "int64"
    text = expected.drop(columns="path").to_csv(index=False, lineterminator="\n")
    assert (folder / "all.csv").read_text() == text


def test_rows_of_a_cell_are_sorted_by_what_tells_them_apart(tmp_path: Path) -> None:
    table = rows({"a": 3}).assign(lr=[0.1, 1.0, 0.1])
    twice = pd.concat([table.assign(update=u) for u in (20, 5)]).sample(frac=1, random_state=0)
    asked = Wanted({"a": range(99)}, [*COLUMNS, "update"], {"depth": int})
    found = collected(tmp_path, [part(tmp_path, "one", twice)], asked)
    order = [key for key in KEYS if key in found]
    expected = twice.sort_values(order, ignore_index=True)[list(found.columns)]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_curves_get_the_labels_of_their_runs(tmp_path: Path) -> None:
    runs = rows({"a": 2, "x": 2})
    curves = runs[["cell", "run_id"]].merge(pd.DataFrame({"update": [8, 0]}), how="cross")
    curves = curves.assign(loss=curves["update"] / 8)  # the runs have a column of that name too
    asked = Wanted(
        {"a": range(FIRST, FIRST + 2)},
        ("run_id", "cell", "depth", "lr", "seed", "update", "loss"),
        {"depth": int},
    )
    files = [part(tmp_path, "curves", curves)], [part(tmp_path, "runs", runs)]
    found = collected(tmp_path, files[0], asked, runs=files[1])
    assert found["seed"].tolist() == [FIRST, FIRST, FIRST + 1, FIRST + 1]
    assert found["update"].tolist() == [0, 8, 0, 8]
    assert found["loss"].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    parts = [part(tmp_path, name, rows({name: 3})) for name in "ab"]
    asked = wanted({"b": 3, "a": 3})
    written = []
    for _ in range(2):
        collected(tmp_path, parts, asked)
        written.append([(tmp_path / f"all.{suffix}").read_bytes() for suffix in ("parquet", "csv")])
    assert written[0] == written[1]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("a.parquet", "b.parquet", "all.parquet", "all.csv")
    }


def test_a_cell_that_is_nowhere_is_named(tmp_path: Path) -> None:
    parts = [part(tmp_path, "one", rows({"a": 1}))]
    with pytest.raises(DataError, match=r"1 cells \(first: c\)"):
        collected(tmp_path, parts, wanted({"a": 1, "c": 1}))
    assert not (tmp_path / "all.csv").exists()


def test_where_all_diverged_a_table_has_its_columns(tmp_path: Path) -> None:
    empty = rows({}).astype(object)
    asked = wanted({"a": 1}, every=False)
    found = collected(tmp_path, [part(tmp_path, "one", empty)], asked)
    assert list(found.columns) == list(COLUMNS)
    assert found.empty
    # beside a job that has rows
    parts = [part(tmp_path, "one", empty), part(tmp_path, "two", rows({"b": 2}))]
    found = collected(tmp_path, parts, wanted({"a": 1, "b": 2}, every=False))
    pd.testing.assert_frame_equal(found, rows({"b": 2}), check_dtype=False)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    path = part(tmp_path, "one", rows({"a": 400}))
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 1
    for content in (whole[:-20], b"", bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"one\.parquet cannot be read as Parquet"):
            collected(tmp_path, [path], wanted({"a": 400}))


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [("loss", "low", "column loss"), ("depth", 2.5, "column depth")],
)
def test_columns_of_different_kinds_are_an_error(
    tmp_path: Path, column: str, values: Any, reason: str
) -> None:
    parts = [
        part(tmp_path, "one", rows({"a": 2})),
        part(tmp_path, "two", rows({"b": 2}).assign(**{column: values})),
    ]
    with pytest.raises(DataError, match=rf"{reason} .*delete results/runs"):
        collected(tmp_path, parts, wanted({"a": 2, "b": 2}))


def test_memory_does_not_grow_with_the_number_of_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PIECE", 1000)
    parts = {
        f"{number:02}": part(tmp_path, f"{number:02}", rows({f"{number:02}": 900}))
        for number in range(36)
    }
    before = pa.default_memory_pool()
    peaks = []
    try:
        for count in (1, 6, 36):  # imports take memory too
            asked = wanted({name: 900 for name in list(parts)[:count]})
            pool = pa.proxy_memory_pool(pa.system_memory_pool())
            pa.set_memory_pool(pool)
            tracemalloc.start()
            collect(list(parts.values())[:count], asked, tmp_path / "a.parquet", tmp_path / "a.csv")
            peaks.append(tracemalloc.get_traced_memory()[1] + pool.max_memory())
            tracemalloc.stop()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    assert len(read_parquet(tmp_path / "a.parquet")) == 36 * 900
    assert peaks[2] < 1.5 * peaks[1]
