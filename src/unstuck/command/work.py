"""How much a study computes, before any of it runs, and how long that takes by measured rates."""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from unstuck.data.spec import DatasetSpec
from unstuck.population.module import module_network
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import AnalysisBase
from unstuck.study.measurements.base import CurvatureBase
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.plan import Plan
from unstuck.training.engines.choice import trained_in_lanes
from unstuck.training.spec import Recipe

Rates = Mapping[str, Mapping[str, float]]

#: seconds of the processor for one of each amount, as ``make rates`` measures them
RATES = Path(__file__).with_name("rates.csv")
#: the row among them that says how long `yardstick` took on that machine
YARDSTICK = "yardstick"

#: MiB of a job that holds next to nothing: Python and torch
BASE_MB = 350
#: bytes in memory of a number of a float64 Hessian, with its eigenvectors and what eigh needs
HESSIAN_BYTES = 4 * 8
#: bytes on disk, as docs/scale.md measures them: of a run, with its row as CSV; of an evaluation,
#: likewise; of a claim's verdict, figures and pages
RUN_BYTES, EVALUATION_BYTES, CLAIM_BYTES = 600, 300, 1_000_000


@dataclass
class Work:
    """What one step of a study, or all of it, computes.

    Attributes
    ----------
    amounts
        By the names of `RATES`.
    runs, updates, endpoints
        Runs trained, their updates in all, and endpoints measured.
    memory, disk
        Bytes held at once, and bytes kept.
    """

    amounts: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    runs: int = 0
    updates: int = 0
    endpoints: int = 0
    memory: float = 0
    disk: float = 0

    def seconds(self, rates: Rates) -> float:
        """Seconds of the processor; what has no rate counts as nothing."""
        known = self.amounts.keys() & rates.keys()
        return sum(rates[name]["seconds"] * self.amounts[name] for name in known)

    def mebibytes(self, rates: Rates) -> float:
        """MiB held at once: of an analysis as measured, of all else by what it holds."""
        seen = [rates[name]["mib"] for name in self.amounts.keys() & rates.keys()]
        return max([BASE_MB + self.memory / 2**20, *(mib for mib in seen if mib > 0)])


def read_rates() -> Rates:
    """Read the measured rates: `seconds` by the name of an amount, and `mib` of analyses."""
    return by_amount(pd.read_csv(RATES))


def yardstick() -> float:
    """Seconds of the processor that a fixed piece of work takes here, the least of five."""
    matrix = np.random.default_rng(0).standard_normal((150, 150))
    taken = []
    for _ in range(5):
        start = time.process_time()
        sum(number * number for number in range(200_000))
        np.linalg.eigvalsh(matrix @ matrix.T)
        taken.append(time.process_time() - start)
    return min(taken)


def by_amount(table: pd.DataFrame) -> Rates:
    """Give the rows of a table of rates by their amount."""
    rows = table.set_index("amount").to_dict(orient="index")
    return {
        str(amount): {str(key): float(x) for key, x in row.items()} for amount, row in rows.items()
    }


def work_of(plan: Plan, claims: Iterable[str]) -> dict[str, Work]:
    """Give the work of every step of a study, by the name of its log (``train/grid-digits``).

    Parameters
    ----------
    plan
        What the study makes.
    claims
        Those it judges.
    """
    steps = {f"dataset/{name}": _prepared(plan, name) for name in plan.study.datasets}
    steps |= {f"train/{name}": _trained(plan, name) for name in plan.jobs}
    for kind in MEASUREMENTS:
        for job in plan.measured(kind):
            steps[f"{kind}/{job}"] = _measured(plan, kind, job)
    for name, analysis in plan.study.analyses.items():
        kind = analysis.module.rpartition("/")[2].removesuffix(".py")
        steps[f"analysis/{name}"] = Work(_amounts({"start": 1, kind: _size(analysis)}))
    for name, experiment in plan.study.experiments.items():
        for kind in ("runs", *experiment.measurements):
            steps[f"table/{name}.{kind}"] = Work(_amounts({"table": 1}))
        steps[f"experiment/{name}"] = Work(_amounts({"experiment": 1}))
    for claim in claims:
        steps[f"claim/{claim}"] = Work(_amounts({"claim": 1}), disk=CLAIM_BYTES)
    steps |= {name: Work(_amounts({name: 1})) for name in ("plan", "answers", "report")}
    steps["schemas"] = Work(_amounts({"table": 1}))
    steps["snakemake"] = Work(_amounts({"snakemake": 1, "step": len(steps)}))
    return steps


def _amounts(known: Mapping[str, float]) -> dict[str, float]:
    return defaultdict(float, known)


@cache
def _network(
    spec: NetworkSpec, shape: tuple[int, ...], classes: int, loss: str, source: str | None
) -> Network:
    whole = (spec, shape, classes, loss)
    return module_network(*whole, source) if source else Network(*whole)


def _network_of(recipe: Recipe, dataset: DatasetSpec) -> Network:
    shape, classes = dataset.input_shape, dataset.classes
    return _network(recipe.network, shape, classes, recipe.loss, recipe.source)


def _prepared(plan: Plan, name: str) -> Work:
    size = _bytes(plan, name)
    return Work(_amounts({"dataset": 1, "byte of data": size}), memory=2 * size, disk=size)


def _trained(plan: Plan, name: str) -> Work:
    job = plan.jobs[name]
    dataset, settings = plan.study.datasets[job.dataset], plan.study.execution
    work = Work(_amounts({"start": 1}), memory=_bytes(plan, job.dataset))
    for recipe, runs in plan.asked(name):
        network, samples = _network_of(recipe, dataset), recipe.samples(dataset.train)
        lanes = trained_in_lanes(settings.engine, network, recipe, samples, torch.device("cpu"))
        updates = len(runs) * recipe.total_updates(dataset.train)
        # forward and backward over a batch; over a whole part to measure, of others forward only
        looks = len(runs) * (recipe.evaluations + 1)
        looked_at = recipe.trained_on(dataset.train) + dataset.validation / 3
        how = ("lanes" if lanes else "torch") + (", to a loss" if recipe.stop_loss else "")
        work.amounts["run"] += len(runs)
        work.amounts[f"update in {how}"] += updates
        products = (updates * samples + looks * looked_at) * network.multiply_adds
        kind = network.spec.kind.rstrip("12d")
        work.amounts[f"product of {kind} in {how}"] += products
        work.runs += len(runs)
        work.updates += updates
        weights = 4 * len(runs) * network.parameter_count
        work.memory += weights
        work.disk += RUN_BYTES * len(runs) + EVALUATION_BYTES * looks + weights
    return work


def _measured(plan: Plan, kind: str, job: str) -> Work:
    """What is measured at endpoints; where only stalled ones are, all count."""
    cells = {cell.key: cell for cell in plan.jobs[job].cells}
    dataset = plan.study.datasets[plan.jobs[job].dataset]
    work = Work(_amounts({"start": 1}), memory=_bytes(plan, plan.jobs[job].dataset))
    sizes: dict[str, int] = {}
    for key, units in (
        each for group in plan.measured(kind)[job] for each in group["units"].items()
    ):
        recipe = cells[key].run
        if recipe.digest not in sizes:
            sizes[recipe.digest] = _network_of(recipe, dataset).parameter_count
        size = sizes[recipe.digest]
        work.endpoints += units
        work.amounts[kind] += units
        work.disk += units * (RUN_BYTES + 8 * size)
        if _forms_hessians(kind):
            work.amounts[f"{kind}: parameter³"] += units * size**3
            work.memory = max(work.memory, HESSIAN_BYTES * size**2)
        else:
            work.amounts[f"{kind}: parameter"] += units * size
    return work


def _forms_hessians(kind: str) -> bool:
    model = MEASUREMENTS[kind]
    return issubclass(model, CurvatureBase) and model.dense


def _size(analysis: AnalysisBase) -> float:
    """How much an analysis computes, against others of its kind: units and datasets, or updates."""
    surfaces = getattr(analysis, "surfaces", None)
    if surfaces is None:
        return analysis.units * max(1, len(analysis.dataset_names))
    most = analysis.updates  # type: ignore[attr-defined]
    return float(sum(case.updates or most for case in surfaces.values()))


def _bytes(plan: Plan, name: str) -> int:
    """Bytes of a prepared dataset, a split for every unit, in float32."""
    spec = plan.study.datasets[name]
    units = len(plan.split_units(name)) if spec.splits == "each" else 1
    samples = spec.train + spec.validation + spec.test
    return 4 * units * samples * math.prod(spec.input_shape)


def told(plan: Plan, claims: Iterable[str]) -> Iterator[str]:
    """Tell what a study would compute, and take on this machine, in lines."""
    steps, rates = work_of(plan, claims), read_rates()
    cells = sum(map(len, plan.cells.values()))
    slower = yardstick() / rates[YARDSTICK]["seconds"]
    seconds = {name: slower * work.seconds(rates) for name, work in steps.items()}
    whole = sum(seconds.values())
    yield plan.study.title
    rows = {
        "runs": f"{sum(work.runs for work in steps.values()):,}, in {cells:,} cells",
        "updates": f"{sum(work.updates for work in steps.values()):,}",
        "endpoints": f"{sum(work.endpoints for work in steps.values()):,} measured",
        "jobs": f"{len(steps):,}, {len(plan.jobs):,} of them training",
        "processor": f"{_minutes(whole)}, over all cores together",
        "memory": f"{max(work.mebibytes(rates) for work in steps.values()):,.0f} MiB a job",
        "disk": f"{sum(work.disk for work in steps.values()) / 2**20:,.0f} MiB",
    }
    yield from (f"  {name:12}{text}" for name, text in rows.items())
    unknown = {name for work in steps.values() for name in work.amounts} - set(rates)
    if unknown:
        yield f"  without     {', '.join(sorted(unknown))}: no rate was measured (make rates)"
    yield "\nData sets"
    for name, spec in plan.study.datasets.items():
        shape = " × ".join(map(str, spec.input_shape))
        inputs = f"{math.prod(spec.input_shape):,} inputs" + f" ({shape})" * (" " in shape)
        parts = f"{spec.train:,} to train, {spec.validation:,} to validate, {spec.test:,} to test"
        yield f"  {name:20}{inputs}, {spec.classes} classes; {parts}"
    yield "\nWhat takes longest"
    for name in sorted(seconds, key=lambda name: -seconds[name])[:5]:
        yield f"  {_minutes(seconds[name]):12}{name}"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:,.0f} min"
