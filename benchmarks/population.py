"""Training of a population, per run, against the ordinary loop and against JAX."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

import ordinary_loop
from timing import Effort, Row, Timed, UnavailableError, best, interleaved, timed
from unstuck.data.dataset import Dataset
from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.training.engines.base import Engine
from unstuck.training.engines.choice import Choice, choose
from unstuck.training.loop import batches_of
from unstuck.training.measure import Part
from unstuck.training.spec import Recipe

ROOT = Path(__file__).resolve().parent
JAX_PYTHON = Path(os.environ.get("BENCH_JAX_PYTHON", ROOT.parent / ".venv-bench-jax/bin/python"))
MEMBERS = (8, 16, 32, 64, 128)
LONGEST = 100  # runs of one population at most


@dataclass(frozen=True)
class Case:
    """A network, its data and how long it trains."""

    batch_size: int
    epochs: int
    source: str = "digits"
    spec: NetworkSpec = field(default_factory=lambda: NetworkSpec(hidden=(32, 16)))
    module: Callable[[], nn.Module] = ordinary_loop.dense

    @property
    def data(self) -> Dataset:
        """The prepared dataset, with the sizes of parts that its source has by default."""
        return _prepared(self.source)

    @property
    def updates(self) -> int:
        """Updates of one timed run."""
        return self.epochs * self.data.samples("train") // self.batch_size


CASES = {
    "population_batch1": Case(1, 1),
    "population_batch32": Case(32, 8),
    "population_batch256": Case(256, 16),
    "population_full": Case(1024, 32),
    "population_cnn": Case(
        32,
        1,
        "mnist1d",
        NetworkSpec(kind="conv1d", hidden=(16, 16, 16), kernel=5, stride=2, activation="relu"),
        ordinary_loop.convolutional,
    ),
    "population_batchnorm": Case(
        32,
        8,
        spec=NetworkSpec(hidden=(32, 16), batchnorm="before"),
        module=lambda: ordinary_loop.dense(batchnorm=True),
    ),
}


def against_loop(name: str, effort: Effort) -> Row:
    """Time per run of the best population, in lanes, against the ordinary loop."""
    case = _shortened(CASES[name], effort)
    populations = {members: _ours(case, members, "lanes") for members in _sizes(effort)}
    members = best(populations, lambda size: size)
    split = case.data.unit(0)
    x, y = torch.from_numpy(split.x_train), torch.from_numpy(split.y_train)

    def loop() -> None:
        ordinary_loop.train(case.module(), x, y, case.batch_size, case.epochs)

    ours, reference = interleaved(populations[members], timed(loop), effort.repeats)
    network = _network(case)
    note = (
        f"seconds per run of {case.updates} updates, batch {case.batch_size}, Adam, float32; "
        f"{case.source}, {len(y)} samples; P = {network.parameter_count}; lanes, best K = {members}"
    )
    return Row(name, ours / members, reference, note)


def against_jax(name: str, effort: Effort) -> Row:
    """Time per run of the best population against JAX's best, whose compilation is left out."""
    case = _shortened(CASES[name.removesuffix("_jax")], effort)
    with _JaxPeer() as peer:
        theirs = {
            members: peer.timed(members=members, batch_size=case.batch_size, epochs=case.epochs)
            for members in _sizes(effort)
        }
        ours = {members: _ours(case, members, "lanes") for members in _sizes(effort)}
        their_best, our_best = best(theirs, lambda size: size), best(ours, lambda size: size)
        mine, peers = interleaved(ours[our_best], theirs[their_best], effort.repeats)
    note = (
        f"seconds per run of {case.updates} updates, batch {case.batch_size}; lanes, "
        f"best K = {our_best}, JAX's best K = {their_best}"
    )
    return Row(name, mine / our_best, peers / their_best, note)


def _sizes(effort: Effort) -> tuple[int, ...]:
    return MEMBERS[1:2] if effort.quick else MEMBERS


def _shortened(case: Case, effort: Effort) -> Case:
    if not effort.quick:
        return case
    return Case(case.batch_size, max(1, case.epochs // 4), case.source, case.spec, case.module)


@cache
def _prepared(source: str) -> Dataset:
    return prepare(DatasetSpec(source=source, splits="one"), (0,))


def _network(case: Case) -> Network:
    return Network(case.spec, case.data.input_shape, case.data.classes)


def _ours(case: Case, members: int, engine: Choice) -> Timed:
    """Return one timed run of a population: order of samples, gathering, gradients, updates."""
    recipe = Recipe(
        dataset=case.source,
        data="",
        network=case.spec,
        optimizer=OPTIMIZERS["adam"],
        schedule=SCHEDULES["constant"],
        batch_size=case.batch_size,
        epochs=case.epochs,
    )
    runs = [recipe.at(1e-3, seed) for seed in range(members)]
    data = case.data
    seeds = [run.seed for run in runs]
    part = Part.of(data, "train", seeds)
    batches = batches_of(recipe, part, seeds)
    network = _network(case)
    updates = LONGEST * case.updates
    ours = choose(engine, network, runs, part, batches, updates, torch.device("cpu"))

    def run() -> float:
        # every run has epochs of its own, so that their order is drawn anew
        if ours.update + case.updates > updates:
            ours.update = 0
        return timed(lambda: _train(ours, case.updates))()

    return run


def _train(engine: Engine, updates: int) -> None:
    """Make some updates, as many at a time as the training loop does."""
    stop = engine.update + updates
    while engine.update < stop:
        engine.run(min(engine.stretch, stop - engine.update))


class _JaxPeer:
    """The process that runs JAX, one request at a time."""

    def __enter__(self) -> "_JaxPeer":
        if not JAX_PYTHON.exists():
            raise UnavailableError(
                f"no JAX: {JAX_PYTHON.name} is missing in .venv-bench-jax (make bench)"
            )
        self._process = subprocess.Popen(
            [JAX_PYTHON, ROOT / "jax_peer.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def timed(self, **request: Any) -> Timed:
        """Return a function that has the peer run one case."""

        def run() -> float:
            stdin, stdout = self._process.stdin, self._process.stdout
            assert stdin is not None
            assert stdout is not None
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
            answer = stdout.readline()
            if not answer:
                raise UnavailableError("the JAX peer stopped; its message is above")
            return float(answer)

        return run


ROWS = {name: against_loop for name in CASES} | {
    f"population_batch{size}_jax": against_jax for size in (1, 32, 256)
}
