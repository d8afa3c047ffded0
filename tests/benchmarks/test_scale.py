"""A study of ten thousand cells is planned in seconds, in a few hundred jobs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
SCALE = ROOT / "benchmarks" / "scale.py"


def test_the_page_says_what_was_measured() -> None:
    measured = pd.read_csv(ROOT / "docs/images/scale.csv").set_index("cells")
    said = " ".join((ROOT / "docs/scale.md").read_text().split())
    (jobs,) = measured["jobs"].unique()
    assert set(re.findall(r"(?:has|The) (\d+)(?: \(`jobs`| jobs of this graph)", said)) == {
        f"{jobs}"
    }
    planned, finished = measured.loc[10_000, ["planned_s", "finished_s"]]
    assert f"take {planned:.1f} s, and {finished:.1f} s when they" in said
    told = measured.loc[34_600, "told_s"]
    assert f"`unstuck plan` of 34,600 cells with spectra takes {told:.1f} s" in said
    assert f"above the {measured['memory_mib'].iloc[0].round(-1)} MiB" in said


@pytest.mark.parametrize("cells", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_cells_are_planned_in_a_few_jobs(cells: int) -> None:
    command = [sys.executable, SCALE, "--cells", str(cells)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    point = json.loads(done.stdout)
    assert point["runs"] == 10 * cells
    assert point["jobs"] < 300
    assert point["planned_s"] < 30
    assert point["finished_s"] < 15
    assert point["told_s"] < 15
    assert point["memory_mib"] < 1000
