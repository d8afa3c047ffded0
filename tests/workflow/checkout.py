"""Copies of the repository to run Snakemake in."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from unstuck.report.reference import TIMESTAMP

REPOSITORY = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "scripts", "src", "profiles")
SMOKE = "workflow/studies/smoke.yaml"
# these differ from run to run by their nature; the page tells the seconds of jobs
TIMED = re.compile(r"(logs|benchmarks)/.*|report/(zh/)?\.?study\.html(\.sha256)?")


@dataclass(frozen=True)
class Planned:
    """Jobs that a dry run would run: how many by rule, and the message of each."""

    counts: dict[str, int]
    messages: set[str]

    @property
    def rules(self) -> set[str]:
        return set(self.counts)


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository to run Snakemake in."""

    folder: Path

    def snakemake(
        self, *arguments: str, check: bool = True, where: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake, with the profile but for its logger, and return what it said."""
        profile = yaml.safe_load((self.folder / "profiles/default/config.yaml").read_text())
        done = subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--workflow-profile", "none"),
                *("--cores", "2", "--scheduler", "greedy", *arguments),
                *("--rerun-triggers", *profile["rerun-triggers"]),
            ],
            cwd=where or self.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(self.folder / "src")},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"snakemake {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")
        return done

    def planned(self, configfile: str, *arguments: str, where: Path | None = None) -> Planned:
        """What a dry run would run."""
        arguments = (*arguments, "--dry-run", "--configfile", configfile)
        done = self.snakemake(*arguments, where=where)
        said = done.stdout + done.stderr
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total", said, re.MULTILINE | re.DOTALL)
        counts = (line.split() for line in (table[1] if table else "").splitlines())
        return Planned(
            counts={rule: int(count) for rule, count in counts},
            messages=set(re.findall(r"^Job \d+: (.*)", said, re.MULTILINE)),
        )

    def study(self, change: Callable[[dict[str, Any]], None]) -> str:
        """Write a changed smoke study and return its path."""
        content = yaml.safe_load((self.folder / SMOKE).read_text())
        change(content)
        path = self.folder / "changed.yaml"
        # of experiments that ask for one run the first one trains it
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return str(path)


def copy_repository(folder: Path, origin: Path = REPOSITORY) -> Checkout:
    """Copy what a study needs of the repository, without results."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = origin / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    return Checkout(folder)


def copy_finished(checkout: Checkout) -> Checkout:
    """Copy a checkout with its results and Snakemake's memory of them."""
    folder = Path(tempfile.mkdtemp(dir=checkout.folder.parent)) / "copy"
    shutil.copytree(checkout.folder, folder)
    return Checkout(folder)


def reproducible(results: Path) -> list[str]:
    """Files of a study's results that must not depend on when and where they were computed."""
    files = (path for path in results.rglob("*") if path.is_file())
    names = (str(path.relative_to(results)) for path in files if path.name != TIMESTAMP)
    return sorted(name for name in names if not TIMED.fullmatch(name))
