"""InterruptionError trainings go on to the same bytes."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import unstuck
from unstuck.files import MARK, write_json
from unstuck.training.checkpoint import Checkpoint
from unstuck.training.loop import train_population


class InterruptionError(Exception):
    """Stands for whatever ends a training in the middle."""


@pytest.fixture
def runs(make_recipe):
    recipe = make_recipe(
        "adam",
        "warmup_cosine",
        updates=400,
        evaluations=8,
        batch_size=16,
        network={"batchnorm": "before"},
    )
    return [recipe.at(rate, seed) for rate in (0.01, 0.1) for seed in (0, 1)]


def interrupter(after):
    made = 0

    def advanced(updates):
        nonlocal made
        made += updates
        if made >= after:
            raise InterruptionError

    return advanced


def interrupted(runs, dataset, path, after=250):
    """Train until some updates are made, with a checkpoint after every stretch."""
    checkpoint = Checkpoint(path, seconds=0)
    with pytest.raises(InterruptionError):
        train_population(runs, dataset, checkpoint=checkpoint, advanced=interrupter(after))
    assert path.exists()


def assert_same(mine, theirs):
    pd.testing.assert_frame_equal(mine.curves, theirs.curves, check_exact=True)
    pd.testing.assert_frame_equal(mine.final, theirs.final, check_exact=True)
    for name in mine.theta:
        assert mine.theta[name].tobytes() == theirs.theta[name].tobytes()
        assert mine.buffers[name].tobytes() == theirs.buffers[name].tobytes()


def test_resumed_training_gives_the_same_bytes(runs, dataset, tmp_path):
    path = tmp_path / "population.safetensors"
    interrupted(runs, dataset, path)
    made = []
    resumed = train_population(
        runs, dataset, checkpoint=Checkpoint(path, seconds=0), advanced=made.append
    )
    assert made[0] >= 150, "it started anew"
    assert sum(made) == 400
    assert_same(resumed, train_population(runs, dataset))
    assert not path.exists()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "not safetensors"])
def test_a_damaged_checkpoint_is_ignored_with_a_warning(runs, dataset, tmp_path, damage):
    path = tmp_path / "population.safetensors"
    write_json(tmp_path / MARK, {})  # in a folder of results, where files have checksums
    interrupted(runs, dataset, path)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-5] ^= 1
    path.write_bytes(
        {
            "truncated": bytes(content[: len(content) // 2]),
            "flipped": bytes(content),
            "empty": b"",
            "not safetensors": b"x" * 1000,
        }[damage]
    )
    with pytest.warns(UserWarning, match="training starts anew"):
        result = train_population(runs, dataset, checkpoint=Checkpoint(path))
    assert_same(result, train_population(runs, dataset))


def test_a_checkpoint_of_other_runs_is_ignored(runs, dataset, tmp_path):
    path = tmp_path / "population.safetensors"
    interrupted(runs, dataset, path)
    with pytest.warns(UserWarning, match="belongs to other runs"):
        result = train_population(runs[:3], dataset, checkpoint=Checkpoint(path))
    assert_same(result, train_population(runs[:3], dataset))


def test_it_is_due_after_so_many_seconds(tmp_path):
    now = 100.0
    checkpoint = Checkpoint(tmp_path / "state.safetensors", seconds=60, clock=lambda: now)
    assert not checkpoint.due()
    now = 161.0
    assert checkpoint.due()
    checkpoint.save({}, {"a": np.zeros(1)})
    assert not checkpoint.due()


JOB = """
    import os, signal, sys
    from pathlib import Path
    from unstuck.data.dataset import Dataset
    from unstuck.training.bank import Execution
    from unstuck.training.job import run_job
    from unstuck.training.spec import Cell
    from unstuck.training import progress
    folder, kill_after = Path(sys.argv[1]), int(sys.argv[2])
    progress.INTERVAL = 0.0
    lines = []
    def say(line):
        lines.append(line)
        if len(lines) == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
    cells = [Cell.model_validate_json(line) for line in (folder / "cells").read_text().splitlines()]
    run_job(
        cells,
        Dataset.load(folder / "data.safetensors", folder / "data.json"),
        folder / "out",
        Execution(checkpoints=folder / "checkpoints", checkpoint_seconds=0, members=3),
        say,
    )
    print(len(lines))
"""


def run_killed_at(folder, lines):
    environment = os.environ | {"PYTHONPATH": str(Path(unstuck.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(JOB), str(folder), str(lines)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


@pytest.mark.slow
def test_a_killed_job_goes_on_to_the_same_files(make_recipe, make_dataset, tmp_path):
    from unstuck.training.spec import Cell, Tune

    data = make_dataset()
    cell = Cell(
        labels={"optimizer": "adam"},
        run=make_recipe(updates=300, evaluations=3, batch_size=16),
        rate=Tune(rates=(0.001, 0.01, 0.1)),
        seeds=4,
    )
    for name in ("whole", "killed"):
        folder = tmp_path / name
        folder.mkdir()
        data.save(folder / "data.safetensors", folder / "data.json")
        (folder / "cells").write_text(cell.model_dump_json())
    whole = run_killed_at(tmp_path / "whole", 0)
    assert whole.returncode == 0, whole.stderr
    lines = int(whole.stdout)
    for after in (lines // 2, lines // 4):
        assert run_killed_at(tmp_path / "killed", after).returncode == -signal.SIGKILL
    last = run_killed_at(tmp_path / "killed", 0)
    assert last.returncode == 0, last.stderr
    assert int(last.stdout) < lines / 2
    for name in ("runs.parquet", "curves.parquet", "endpoints.safetensors"):
        mine, theirs = (tmp_path / which / "out" / name for which in ("killed", "whole"))
        assert mine.read_bytes() == theirs.read_bytes()
    assert not (tmp_path / "killed" / "checkpoints").exists()
