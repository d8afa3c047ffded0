"""How planning grows with a study: cells against time, jobs and memory.

    make scale                                  the curve: docs/images/scale.svg, .png and .csv
    python benchmarks/scale.py --cells 500      one point, as JSON, in a copy of the repository

A study of so many cells is planned by a dry run, from nothing and when it is finished. A finished
one is made of empty files that Snakemake is told to take for its results. With spectra of two
endpoints a cell besides, `unstuck plan` tells what it would take.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/workflow"))

CELLS = (200, 2_000, 5_000, 10_000, 20_000, 34_600)
#: grid points of one learning rate; each is a training job of its own
JOBS = 200
SEEDS = 10
FILE = "scale.yaml"


def study(cells: int) -> dict[str, Any]:
    """A study of so many cells, a multiple of 200, with ten seeds each: 200 training jobs."""
    rates = [round(0.001 * 1.01**step, 6) for step in range(cells // JOBS)]
    return {
        "title": f"{cells:,} cells",
        "results": "results/scale",
        "datasets": {name: {"source": name, "train": 256} for name in ("digits", "mnist1d")},
        "networks": {f"width{n}": {"hidden": [n]} for n in (2, 4, 8, 16, 32)},
        "tuning": {"rates": {"default": {"low": 0.01, "high": 0.1}}},
        "experiments": {
            "grid": {
                "dataset": ["digits", "mnist1d"],
                "network": [f"width{n}" for n in (2, 4, 8, 16, 32)],
                "optimizer": ["sgd", "momentum", "adam", "rmsprop", "adagrad"],
                "batch_size": [8, 32, 128, "full"],
                "lr": rates,
                "epochs": 10,
                "seeds": SEEDS,
            }
        },
        "claims": [],
    }


def run(folder: Path, *command: str) -> tuple[float, float, str]:
    """Run a module of Python; gives processor seconds, peak memory in MiB, and its words."""
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        words = said.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{words}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, words


def snakemake(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Run Snakemake on the study; gives what `run` does."""
    options = ("--workflow-profile", "none", "--cores", "2", "--scheduler", "greedy")
    return run(folder, "-m", "snakemake", *options, *arguments, "--configfile", FILE)


def pretend(folder: Path) -> None:
    """Make an empty file for every result, and have Snakemake take them for its own."""
    lines = snakemake(folder, "--summary")[2].splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("output_file"))
    for line in lines[first + 1 :]:
        file = folder / line.partition("\t")[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.name == "report":
            file.mkdir()
        else:
            file.touch()
    snakemake(folder, "--touch")


def measure(cells: int, folder: Path) -> dict[str, float]:
    """Plan a study of so many cells in a copy of the repository."""
    from checkout import copy_repository

    copy_repository(folder)
    # JSON is YAML
    (folder / FILE).write_text(json.dumps(study(cells)))
    seconds, memory, words = snakemake(folder, "--dry-run")
    (jobs,) = {line.split()[1] for line in words.splitlines() if line.startswith("total")}
    pretend(folder)
    finished, _, words = snakemake(folder, "--dry-run")
    if "Nothing to be done" not in words:
        raise SystemExit(f"the study is not seen as finished:\n{words}")
    measured = study(cells)
    measured["experiments"]["grid"]["spectra"] = [{"seeds": 2}]
    (folder / "told.yaml").write_text(json.dumps(measured))
    told, _, _ = run(
        folder, "-c", "from unstuck.command.main import cli; cli()", "plan", "told.yaml"
    )
    return {
        "cells": cells,
        "runs": cells * SEEDS,
        "jobs": int(jobs),
        "planned_s": round(seconds, 2),
        "finished_s": round(finished, 2),
        "told_s": round(told, 2),
        "memory_mib": round(memory),
    }


def draw(table: Any, folder: Path) -> None:
    """Draw the curve, each quantity in a panel of its own."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharex=True, layout="constrained")
    panels = (
        (
            {"planned_s": "from nothing", "finished_s": "finished", "told_s": "unstuck plan"},
            "Seconds to plan",
        ),
        ({"jobs": ""}, "Jobs"),
        ({"memory_mib": ""}, "Memory (MiB)"),
    )
    for axis, (columns, title) in zip(axes, panels, strict=True):
        for column, words in columns.items():
            axis.plot(table["cells"], table[column], marker="o", markersize=3.5, label=words)
        axis.set_title(title, loc="left")
        axis.set_ylim(bottom=0)
        axis.set_xlabel("Cells, of ten runs each")
    axes[0].legend(frameon=False)
    last = table.iloc[-1]
    figure.suptitle(
        f"A study of {last['cells']:,.0f} cells is planned in {last['planned_s']:.0f} s"
    )
    for suffix in ("svg", "png"):
        figure.savefig(folder / f"scale.{suffix}")


def main(arguments: Sequence[str]) -> int:
    """Measure the curve, or one point of it."""
    import pandas as pd

    from unstuck.files import write_csv

    parser = argparse.ArgumentParser(description="Planning of large studies.")
    parser.add_argument("--cells", type=int, help="one point, written as JSON")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/images")
    options = parser.parse_args(arguments)
    rows = []
    for cells in (options.cells,) if options.cells else CELLS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(cells, Path(folder) / "unstuck"))
        print(json.dumps(rows[-1]), flush=True)
    if not options.cells:
        table = pd.DataFrame(rows)
        write_csv(options.output / "scale.csv", table)
        draw(table, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
