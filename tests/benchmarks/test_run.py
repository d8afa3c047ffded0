"""The table of benchmarks has its columns, whatever could be measured."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


@pytest.mark.slow
def test_a_quick_row_has_all_columns_and_leaves_the_other_rows(tmp_path: Path) -> None:
    table = tmp_path / "benchmarks.csv"
    table.write_text("name,ours_s,reference_s,ratio,note\nlanes_full,1.0,3.0,3.0,kept\n")
    command = [sys.executable, RUN, "--quick", "--only", "lanes_batch32", "--output", table]
    subprocess.run(command, check=True)

    rows = pd.read_csv(table)
    assert list(rows.columns) == ["name", "ours_s", "reference_s", "ratio", "note"]
    assert list(rows["name"]) == ["lanes_batch32", "lanes_full"]
    measured, kept = rows.iloc[0], rows.iloc[1]
    assert measured["ours_s"] > 0
    assert measured["ratio"] == pytest.approx(measured["reference_s"] / measured["ours_s"])
    assert "K = " in measured["note"]
    assert kept["note"] == "kept"


@pytest.mark.slow
def test_a_missing_reference_is_said_in_the_note(tmp_path: Path) -> None:
    table = tmp_path / "benchmarks.csv"
    subprocess.run(
        [sys.executable, RUN, "--quick", "--only", "lanes_batch32_jax", "--output", table],
        check=True,
        env={"PYTHONPATH": str(RUN.parents[1] / "src"), "BENCH_JAX_PYTHON": str(tmp_path / "none")},
    )
    (row,) = pd.read_csv(table).to_dict("records")
    assert pd.isna(row["ratio"])
    assert "not measured" in row["note"]
