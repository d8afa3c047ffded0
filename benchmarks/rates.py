"""What steps of a study cost: the rates that `unstuck plan` reckons with, from studies that ran.

    make rates ARGS="config.yaml=990 workflow/studies/smoke.yaml=75"

A study is named with the seconds of the processor that all of it took (`/usr/bin/time snakemake`).
Every step's log ends in its own; what is left is Snakemake's. They are spread over what the step
computes (`unstuck.command.work`) by least squares without negative rates, those of all studies
together. What torch trains is measured here, since the default study leaves all to lanes. The last
row says how long this machine takes for a fixed piece of work, by which others are compared to it.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from unstuck.claims.planning import planned_claims
from unstuck.command.home import CLAIMS
from unstuck.command.work import RATES, YARDSTICK, Work, by_amount, work_of, yardstick
from unstuck.data.prepare import prepare
from unstuck.files import write_csv
from unstuck.logs import CPU_LINE
from unstuck.study.load import load_study, parse_study
from unstuck.study.paths import Paths
from unstuck.study.plan import Plan
from unstuck.training.bank import Execution
from unstuck.training.job import train_cells

BY_TORCH: dict[str, Any] = {
    "title": "What torch takes",
    "results": "results/rates",
    "datasets": {"digits": {"source": "digits"}},
    "networks": {
        "dense": {"hidden": [32]},
        "conv": {"kind": "conv2d", "hidden": [8]},
        "local": {"kind": "local2d", "hidden": [8]},
    },
    "tuning": {"rates": {"default": {"low": 0.01, "high": 0.1}}},
    "experiments": {
        "torch": {
            **{"dataset": "digits", "network": ["dense", "conv", "local"], "optimizer": "adam"},
            **{"batch_size": [16, 256], "lr": 0.01, "updates": 50, "evaluations": 2, "seeds": 8},
        }
    },
    "execution": {"engine": "torch", "split_by": ["network", "batch"]},
    "claims": [],
}


def measured(file: str, whole: float) -> Iterator[tuple[Work, float, float]]:
    """Give the work of each step of a finished study, its seconds, and MiB of an analysis."""
    plan = Plan(load_study(file))
    paths, logged = Paths(plan.study.results), 0.0
    for name, work in work_of(plan, planned_claims(plan.study.claims, CLAIMS, plan)).items():
        log, rule = Path(paths.log(name)), name.partition("/")[0]
        last = log.read_text().splitlines()[-1:] if log.exists() else []
        if name == "snakemake":
            yield work, whole - logged, np.nan
        elif last and last[0].endswith(CPU_LINE):
            analysed = Path(paths.benchmark(name)) if rule == "analysis" else None
            mib = pd.read_csv(analysed, sep="\t")["max_rss"].max() if analysed else np.nan
            logged += float(last[0].split()[0])
            yield work, float(last[0].split()[0]), mib
        else:
            print(f"{log} says no time and is left out", file=sys.stderr)


def by_torch() -> Iterator[tuple[Work, float, float]]:
    """Train some populations by torch, here, and give the work and seconds of each."""
    plan = Plan(parse_study(BY_TORCH))
    dataset = prepare(plan.study.datasets["digits"], plan.split_units("digits"))
    for name, job in plan.jobs.items():
        work = work_of(plan, ())[f"train/{name}"]
        del work.amounts["start"]
        train_cells(job.cells[:1], dataset, Execution(engine="torch"))  # warm
        start = time.process_time()
        train_cells(job.cells, dataset, Execution(engine="torch"))
        yield work, time.process_time() - start, np.nan


def fit(steps: Sequence[tuple[Work, float, float]]) -> pd.DataFrame:
    """Give seconds an amount, such that the squares of errors over seconds are least.

    An analysis has a kind of its own among its amounts, whose row gets its MiB.
    """
    names = sorted({name for work, _, _ in steps for name in work.amounts})
    amounts = np.array(
        [[work.amounts.get(name, 0) for name in names] for work, _, _ in steps], float
    )
    seconds = np.array([taken for _, taken, _ in steps])
    scale = amounts.max(axis=0)
    weights = 1 / np.sqrt(seconds)
    found, _ = nnls(amounts / scale * weights[:, None], seconds * weights)
    largest: dict[str, float] = {}
    for work, _, mib in steps:
        for name in work.amounts.keys() - {"start"} if mib > 0 else ():
            largest[name] = max(largest.get(name, 0), float(f"{mib:.3g}"))
    rates = [float(f"{x:.3g}") for x in found / scale]
    return pd.DataFrame(
        {"amount": names, "seconds": rates, "mib": [largest.get(name) for name in names]}
    )


def main(files: Sequence[str]) -> int:
    """Measure the rates by finished studies, and write them."""
    named = (file.split("=") for file in files)
    steps = [*by_torch(), *(step for file, whole in named for step in measured(file, float(whole)))]
    table = fit(steps)
    table.loc[len(table)] = [YARDSTICK, float(f"{yardstick():.3g}"), None]
    write_csv(RATES, table)
    rates = by_amount(table)
    said, taken = sum(work.seconds(rates) for work, _, _ in steps), sum(each[1] for each in steps)
    print(f"{RATES}: {len(steps)} steps of {taken:.0f} s, by these rates {said:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
