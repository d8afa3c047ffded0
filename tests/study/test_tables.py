"""Tables of experiments are collected from jobs that may hold more than they ask for."""

from pathlib import Path

import pandas as pd
import pytest

from unstuck.errors import DataError
from unstuck.study.merging import write_merged
from unstuck.study.tables import collect, collect_curves, read_table
from unstuck.training.result import CURVES, MEASUREMENTS, RUNS

FIRST = 5  # unit


def part(folder: Path, name: str, cells: dict[str, int]) -> Path:
    rows = [
        {"dataset": "digits", "cell": cell, "role": "fixed", "lr": 0.1, "seed": seed}
        | {"run_id": f"{cell}{seed}"}
        for cell, seeds in cells.items()
        for seed in range(FIRST, FIRST + seeds)
    ]
    path = folder / f"{name}.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_each_experiment_gets_its_own_cells_and_seeds(tmp_path: Path) -> None:
    parts = [part(tmp_path, "one", {"b": 5, "x": 5}), part(tmp_path, "two", {"a": 2})]
    wanted = {"a": range(FIRST, FIRST + 2), "b": range(FIRST, FIRST + 3)}
    write_merged(collect(parts, wanted), tmp_path / "all.parquet", tmp_path / "all.csv")
    table = read_table(tmp_path / "all.parquet", "grid.runs")
    assert table.groupby("cell")["seed"].apply(list).to_dict() == {
        cell: list(units) for cell, units in wanted.items()
    }


def test_a_cell_that_is_nowhere_is_named(tmp_path: Path) -> None:
    parts = [part(tmp_path, "one", {"a": 1})]
    with pytest.raises(DataError, match=r"1 cells \(first: c\)"):
        list(collect(parts, {"a": range(9), "c": range(9)}))
    assert len(list(collect(parts, {"c": range(9)}, every=False))) == 1


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    path = part(tmp_path, "one", {"a": 1})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"one\.parquet cannot be read as Parquet"):
        list(collect([path], {"a": range(1)}))


def test_an_integer_label_stays_one_though_other_cells_of_a_job_lack_it(tmp_path: Path) -> None:
    runs = pd.read_parquet(part(tmp_path, "runs", {"a": 2, "x": 2})).assign(
        **{"code": "c", **dict.fromkeys(MEASUREMENTS, 1.0)}
    )
    runs["repeat"] = runs["cell"].map({"a": 5, "x": None})
    runs.to_parquet(tmp_path / RUNS)
    runs[["run_id"]].assign(update=0, loss=1.0).to_parquet(tmp_path / CURVES)
    to = tmp_path / "table.parquet", tmp_path / "table.csv"
    own = {"a": range(FIRST + 2)}
    for rows in (collect([tmp_path / RUNS], own), collect_curves([tmp_path], own)):
        write_merged(rows, *to, {"repeat"})
        kept = read_table(to[0], "grid.runs")
        assert kept["repeat"].map(str).unique().tolist() == ["5"]
    with pytest.raises(DataError, match=r"column repeat .* empty somewhere.*delete results/runs"):
        write_merged(collect([tmp_path / RUNS], own | {"x": own["a"]}), *to, {"repeat"})


def test_a_table_is_a_file_or_lies_in_the_folder_of_its_analysis(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1]})
    table.to_parquet(tmp_path / "points.parquet")
    for path in (tmp_path, tmp_path / "points.parquet"):
        pd.testing.assert_frame_equal(read_table(path, "ladder.points"), table)
