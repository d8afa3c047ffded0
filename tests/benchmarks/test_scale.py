"""A study of ten thousand cells is planned in seconds, in a few hundred jobs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCALE = Path(__file__).parents[2] / "benchmarks" / "scale.py"


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
    assert point["memory_mib"] < 1000
