"""How far a study is: by its logs, weighed by what its jobs are estimated to take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unstuck.command.progress import line, share_of, watch
from unstuck.logs import logged
from unstuck.study.load import load_study
from unstuck.study.plan import Plan
from unstuck.training.progress import Progress

REPOSITORY = Path(__file__).parents[2]


def log(folder: Path, name: str, *, done: float | None = None, at: float = 100) -> Path:
    """A log as a job writes it: finished, or with a share of its work done."""
    file = folder / f"{name}.log"
    with logged(file) as say:
        progress = Progress(say)
        progress.plan(1000, 1000)
        progress.done(0, 1000 * (done or 0))
        say(progress.line())
    if done is not None:
        file.write_text(file.read_text().splitlines()[0] + "\n")
    os.utime(file, (at, at))
    return file


@pytest.mark.parametrize(
    ("done", "at", "share"), [(None, 100, 1), (0.25, 100, 0.25), (0.0, 100, 0), (None, 10, 0)]
)
def test_a_log_says_how_far_its_job_is(
    tmp_path: Path, done: float | None, at: float, share: float
) -> None:
    assert share_of(log(tmp_path, "job", done=done, at=at), since=50) == share


def test_shares_are_of_work_and_not_of_jobs(tmp_path: Path) -> None:
    seconds = {
        log(tmp_path, "long", done=0.5): 90.0,
        log(tmp_path, "short"): 10.0,
        log(tmp_path, "old", at=10): 10.0,
        tmp_path / "none.log": 0.0,
    }
    assert line(seconds, since=50, now=50 + 600) == (
        "50% of the estimated work is done (1 of 4 jobs) after 10 min, about 10 min left"
    )
    assert line({tmp_path / "none.log": 1.0}, since=0, now=60) == (
        "0% of the estimated work is done (0 of 1 jobs) after 1 min"
    )


def test_a_program_ends_after_what_watches_it(tmp_path: Path) -> None:
    """An interpreter that goes while a thread of it loads torch is aborted."""
    study = str(REPOSITORY / "docs/examples/mine.yaml")
    program = (
        "import time; from unstuck.command import progress, work; "
        "from unstuck.study.load import load_study; from unstuck.study.plan import Plan; "
        "work.read_rates = lambda: (time.sleep(1), print('loaded')) and {}; "
        f"progress.watch(Plan(load_study({study!r})), (), (), print)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "loaded\n"), done.stderr


def test_a_study_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("unstuck.command.progress.INTERVAL", 0.01)
    plan = Plan(load_study(REPOSITORY / "docs/examples/mine.yaml"))
    names = [f"results/mine/logs/train/{job}.log" for job in plan.jobs]

    def say(text: str) -> None:
        said.append(text)
        raise KeyError  # ends the thread

    monkeypatch.setattr("threading.excepthook", lambda _: None)
    watch(plan, (), names, say).join(60)
    assert said[0].startswith(f"0% of the estimated work is done (0 of {len(names)} jobs)")
    assert plan.training(plan.jobs)[0] == 460
