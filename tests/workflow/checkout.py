"""Copies of the repository to run Snakemake in."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "scripts", "src", "profiles")
SMOKE = "workflow/studies/smoke.yaml"


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository to run Snakemake in."""

    folder: Path

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake, without the profile's logger, and return what it said."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--workflow-profile", "none"),
                *("--cores", "2", "--scheduler", "greedy", *arguments),
            ],
            cwd=self.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(self.folder / "src")},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"snakemake {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")
        return done

    def planned(self, configfile: str, *arguments: str) -> dict[str, set[str]]:
        """Wildcards of the jobs that a dry run would run, by rule."""
        done = self.snakemake("--dry-run", *arguments, "--configfile", configfile)
        jobs: dict[str, set[str]] = {}
        rule = ""
        for line in (done.stdout + done.stderr).splitlines():
            if found := re.match(r"(?:local)?rule (\w+):", line):
                rule = found[1]
                jobs.setdefault(rule, set())
            elif found := re.match(r"\s+wildcards: (.*)", line):
                jobs[rule].add(found[1])
        return jobs

    def study(self, change: Callable[[dict[str, Any]], None]) -> str:
        """Write a changed smoke study and return its path."""
        content = yaml.safe_load((self.folder / SMOKE).read_text())
        change(content)
        path = self.folder / "changed.yaml"
        path.write_text(yaml.safe_dump(content))
        return str(path)


def copy_repository(folder: Path) -> Checkout:
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / part)
    return Checkout(folder)
