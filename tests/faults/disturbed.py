"""A study whose one training job takes some seconds, and calls of Snakemake to disturb."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from checkout import Checkout

RESULTS = "results/smoke"
JOB = f"{RESULTS}/runs/grid-digits-small"
RUNS = f"{JOB}/runs.parquet"
SPECTRA = f"{RESULTS}/tables/grid.spectra.csv"
TABLE = f"{RESULTS}/tables/grid.runs.csv"
#: a fault is shown in what it touches; that its bytes are the same shows the rest
TARGETS = (RUNS,)
LOG = f"{RESULTS}/logs/train/grid-digits-small.log"
PATIENCE = 120.0
Found = TypeVar("Found")


def shrink(study: dict[str, Any]) -> None:
    """Leave one experiment on one dataset, with populations that write many checkpoints."""
    grid = study["experiments"]["grid"]
    grid |= {"dataset": "digits", "batch_size": [4, 32], "epochs": 500, "seeds": 3}
    chosen = {"batch_size": 32, "optimizer": "sgd", "batchnorm": "off"}
    grid |= {"spectra": [{"where": chosen, "seeds": 1}], "audit": [], "schedule": "constant"}
    study["datasets"] = {"digits": study["datasets"]["digits"]}
    study |= {"experiments": {"grid": grid}, "analyses": {}, "claims": []}
    study["execution"] |= {"checkpoint_seconds": 1, "members": 4}


def digests(checkout: Checkout) -> dict[str, str]:
    """SHA-256 of data, runs and checkpoints, hidden files too, by their paths."""
    root = checkout.folder / RESULTS
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for part in ("data", "runs", "checkpoints")
        for file in sorted((root / part).rglob("*"))
        if file.is_file()
    }


@dataclass
class Call:
    """A call of Snakemake as a user makes it, in a terminal of its own."""

    checkout: Checkout
    targets: tuple[str, ...] = TARGETS
    study: str = "changed.yaml"

    def __post_init__(self) -> None:
        folder = self.checkout.folder
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "400"}
        # a child is deaf to Ctrl-C if these tests are, as in the background of a script
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "snakemake", "--cores", "1", *self.targets),
                *("--configfile", self.study),
            ],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(folder / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def signal_all(self, number: signal.Signals) -> None:
        """Signal Snakemake and its jobs, as a terminal does."""
        os.killpg(self.process.pid, number)

    def training(self) -> int:
        """Wait until the training job has begun its log, and give the number of its process."""
        number = self.wait_for(self._script)
        log = self.checkout.folder / LOG
        self.wait_for(lambda: log if log.exists() else None)
        return number

    def checkpoint(self) -> Path:
        """Wait for what an interrupted training goes on from."""
        file = (
            self.checkout.folder / f"{RESULTS}/checkpoints/grid-digits-small/finished/runs.parquet"
        )
        return self.wait_for(lambda: file if file.exists() else None)

    def wait_for(self, find: Callable[[], Found | None]) -> Found:
        """Wait until something is there."""
        while time.monotonic() - self.started < PATIENCE:
            found = find()
            if found is not None:
                return found
            if self.process.poll() is not None:
                pytest.fail(f"Snakemake ended too early:\n{self.end()[1]}")
            time.sleep(0.02)
        self.signal_all(signal.SIGKILL)
        pytest.fail("Snakemake did not come so far in time")

    def end(self) -> tuple[int, str]:
        """Wait for the end and give exit code and all that was said."""
        try:
            said = self.process.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            self.signal_all(signal.SIGKILL)
            raise
        return self.process.returncode, said

    def failed(self, pattern: str) -> str:
        """Wait for the end, which is no success, and give the one line that says why."""
        code, said = self.end()
        assert code != 0
        assert "Traceback" not in said, said
        # Snakemake's own word may come before the line break of a job's
        apart = said.replace("Terminating processes", "\nTerminating processes")
        lines = {line.strip() for line in apart.splitlines() if re.search(pattern, line)}
        assert len(lines) == 1, said
        return self.plain(lines.pop())

    def plain(self, line: str) -> str:
        """Words without what differs from run to run."""
        line = line.replace(f"{self.checkout.folder}/", "")
        return re.sub(r"'set .*\.train\.py'", "… train.py", line)

    def _script(self) -> int | None:
        for place in Path("/proc").iterdir():
            try:
                if place.name.isdigit() and os.getsid(int(place.name)) == self.process.pid:
                    words = (place / "cmdline").read_bytes().split(b"\0")
                    if b"python" in words[0] and words[1].endswith(b".train.py"):
                        return int(place.name)
            except (OSError, IndexError):
                continue
        return None


@contextmanager
def mounted(checkout: Checkout, spare: int) -> Iterator[Path]:
    """Put the results on a file system with so many bytes to spare; skip where none may be mounted.

    A tmpfs counts whole pages, one at least for each file and folder.
    """
    place = checkout.folder / "results"
    kept = checkout.folder / "kept"
    place.rename(kept)
    place.mkdir()
    page = os.sysconf("SC_PAGE_SIZE")
    size = sum(page * (1 + entry.stat().st_size // page) for entry in kept.rglob("*"))
    done = mount("-t", "tmpfs", "-o", f"size={size + spare}", "tmpfs", str(place))
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        shutil.copytree(kept, place, dirs_exist_ok=True)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True, timeout=PATIENCE)


def mount(*options: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("mount"):
        return subprocess.CompletedProcess(options, 1, "", "there is no mount")
    command = ["mount", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
