"""Tables of experiments are collected from jobs that may hold more than they ask for."""

from pathlib import Path

import pandas as pd
import pytest

from unstuck.errors import DataError
from unstuck.study.merging import write_merged
from unstuck.study.tables import collect, collect_curves, read_table
from unstuck.training.result import CURVES, MEASUREMENTS, RUNS


def part(folder: Path, name: str, cells: dict[str, int]) -> Path:
    rows = [
        {"dataset": "digits", "cell": cell, "role": role, "lr": 0.1, "seed": seed}
        | {"run_id": f"{cell}{seed}"}
        for cell, seeds in cells.items()
        for role, seed in [("tuning", 1000), *(("evaluation", s) for s in range(seeds))]
    ]
    path = folder / f"{name}.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_each_experiment_gets_its_own_cells_and_seeds(tmp_path: Path) -> None:
    parts = [part(tmp_path, "one", {"b": 5, "x": 5}), part(tmp_path, "two", {"a": 2})]
    write_merged(collect(parts, {"a": 2, "b": 3}), tmp_path / "all.parquet", tmp_path / "all.csv")
    table = read_table(tmp_path / "all.parquet", "grid.runs")
    assert list(table["cell"]) == ["a"] * 3 + ["b"] * 4
    evaluation = table[table["role"] == "evaluation"]
    assert evaluation.groupby("cell")["seed"].apply(list).to_dict() == {"a": [0, 1], "b": [0, 1, 2]}
    assert (table["role"] == "tuning").sum() == 2


def test_a_cell_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 cells \(first: c\)"):
        list(collect([part(tmp_path, "one", {"a": 1})], {"a": 1, "c": 1}))


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    path = part(tmp_path, "one", {"a": 1})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"one\.parquet cannot be read as Parquet"):
        list(collect([path], {"a": 1}))


def test_an_integer_label_stays_one_though_other_cells_of_a_job_lack_it(tmp_path: Path) -> None:
    runs = pd.read_parquet(part(tmp_path, "runs", {"a": 2, "x": 2})).assign(
        **{"code": "c", **dict.fromkeys(MEASUREMENTS, 1.0)}
    )
    runs["repeat"] = runs["cell"].map({"a": 5, "x": None})
    runs.to_parquet(tmp_path / RUNS)
    runs[["run_id"]].assign(update=0, loss=1.0).to_parquet(tmp_path / CURVES)
    to = tmp_path / "table.parquet", tmp_path / "table.csv"
    for rows in (collect([tmp_path / RUNS], {"a": 2}), collect_curves([tmp_path], {"a": 2})):
        write_merged(rows, *to, {"repeat"})
        kept = read_table(to[0], "grid.runs")
        assert kept["repeat"].map(str).unique().tolist() == ["5"]
    with pytest.raises(DataError, match=r"column repeat .* empty somewhere.*delete results/runs"):
        write_merged(collect([tmp_path / RUNS], {"a": 2, "x": 2}), *to, {"repeat"})


def test_a_table_is_a_file_or_lies_in_the_folder_of_its_analysis(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [1]})
    table.to_parquet(tmp_path / "points.parquet")
    for path in (tmp_path, tmp_path / "points.parquet"):
        pd.testing.assert_frame_equal(read_table(path, "ladder.points"), table)
