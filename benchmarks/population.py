"""Training of a population in lanes, per run: against an ordinary loop, JAX and torch's engine."""

import itertools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from torch import nn

import ordinary_loop
from timing import Effort, Row, Timed, UnavailableError, best, interleaved, timed
from unstuck.data.dataset import Dataset
from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.lanes.library import VARIABLE, load
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES
from unstuck.population.foreign import source_digest
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.training.engines.choice import Choice, choose
from unstuck.training.loop import batches_of, network_of
from unstuck.training.measure import Part
from unstuck.training.spec import Recipe

ROOT = Path(__file__).resolve().parent
JAX_PYTHON = Path(os.environ.get("BENCH_JAX_PYTHON", ROOT.parent / ".venv-bench-jax/bin/python"))
MEMBERS = (8, 16, 32, 64, 128)
LONGEST = 1_000  # runs of one population at most
SAMPLES = 1024
DENSE = NetworkSpec(hidden=(32, 16))


@dataclass(frozen=True)
class Case:
    """A network, its data and how long it trains."""

    batch_size: int
    updates: int
    spec: NetworkSpec = DENSE
    source: str = "digits"
    module: Callable[[], nn.Module] = ordinary_loop.dense
    members: tuple[int, ...] = MEMBERS

    @property
    def data(self) -> Dataset:
        """The prepared dataset of one unit."""
        return _prepared(self.source)

    @property
    def network(self) -> Network:
        """The network on its data."""
        return network_of(self.recipe, self.data)

    @property
    def recipe(self) -> Recipe:
        """What is trained."""
        return Recipe(
            dataset=self.source,
            data="",
            network=self.spec,
            source=source_digest(self.spec) if self.spec.kind == "module" else None,
            optimizer=OPTIMIZERS["adam"],
            schedule=SCHEDULES["constant"],
            batch_size=self.batch_size,
            epochs=self.epochs,
        )

    @property
    def epochs(self) -> int:
        """Epochs of one timed run, a whole number of them."""
        return self.updates * self.batch_size // SAMPLES

    @property
    def about(self) -> str:
        """What is trained, for a note."""
        return (
            f"seconds per run of {self.updates} updates, batch {self.batch_size}, Adam, float32; "
            f"{self.source}, {SAMPLES} samples; P = {self.network.parameter_count}"
        )


CASES = {
    "batch1": Case(1, 1024),
    "batch16": Case(16, 512),
    "batch32": Case(32, 256),
    "batch256": Case(256, 64),
    "full": Case(1024, 32),
    "cnn": Case(
        32,
        32,
        NetworkSpec(kind="conv1d", hidden=(16, 16, 16), kernel=5, stride=2, activation="relu"),
        "mnist1d",
        ordinary_loop.convolutional,
    ),
    "batchnorm": Case(
        32,
        256,
        NetworkSpec(hidden=(32, 16), batchnorm="before"),
        module=partial(ordinary_loop.dense, batchnorm=True),
    ),
}
#: the loop's own modules, as a reader would bring them
MODULES = {
    name: replace(
        case, spec=NetworkSpec(kind="module", file=str(ROOT / "ordinary_loop.py"), name=function)
    )
    for name, function, case in (
        ("mlp", "dense", CASES["batch32"]),
        ("cnn", "convolutional", CASES["cnn"]),
    )
}
#: where registers of members stop paying: the parameters of sixteen members leave the caches
BORDER = {
    f"{'x'.join(map(str, (784, *hidden)))}_batch{size}": Case(
        size, max(SAMPLES // size, 8), NetworkSpec(hidden=hidden), "mnist5k", members=(4, 16, 32)
    )
    for hidden in ((32, 16), (64, 32), (128, 64), (256, 128))
    for size in (16, 64, 256)
}
JAX = ("batch1", "batch16", "batch32", "batch256")
#: of registers narrower than the widest
NARROW = {"avx2": 8, "sse": 4}


def against_loop(name: str, effort: Effort, case: Case, engine: Choice = "lanes") -> Row:
    """Compare with one network at a time, in the ordinary loop."""
    case = _shortened(case, effort)
    members = _best(case, engine, None, effort)
    split = case.data.unit(0)
    x, y = torch.from_numpy(split.x_train), torch.from_numpy(split.y_train)

    def loop() -> None:
        ordinary_loop.train(case.module(), x, y, case.batch_size, case.epochs)

    mine, reference = interleaved(_ours(case, members, engine), timed(loop), effort.repeats)
    by = f"{load().lanes} lanes" if engine == "lanes" else engine
    note = f"{case.about}; {by}, best K = {members}"
    return Row(name, mine / members, reference, note)


def against_torch(name: str, effort: Effort, case: Case) -> Row:
    """Compare with the same population trained by torch, operation by operation."""
    case = _shortened(case, effort)
    ours, theirs = (_best(case, engine, None, effort) for engine in ("lanes", "torch"))
    mine, reference = interleaved(
        _ours(case, ours, "lanes"), _ours(case, theirs, "torch"), effort.repeats
    )
    note = f"{case.about}; {load().lanes} lanes, best K = {ours}, torch's best K = {theirs}"
    return Row(name, mine / ours, reference / theirs, note)


def against_jax(name: str, effort: Effort, case: Case, lanes: int | None = None) -> Row:
    """Compare with JAX, whose compilation is left out."""
    case = _shortened(case, effort)
    ours, theirs = _best(case, "lanes", lanes, effort), _best_of_jax(case, effort)
    with _JaxPeer() as peer:
        mine, reference = interleaved(
            _ours(case, ours, "lanes", lanes), peer.timed(case, theirs), effort.repeats
        )
    width = lanes or load().lanes
    note = f"{case.about}; {width} lanes, best K = {ours}, JAX's best K = {theirs}"
    return Row(name, mine / ours, reference / theirs, note)


def _shortened(case: Case, effort: Effort) -> Case:
    if not effort.quick:
        return case
    updates = max(SAMPLES // case.batch_size, case.updates // 4)
    return replace(case, updates=updates, members=case.members[1:2])


@cache
def _best(case: Case, engine: Choice, lanes: int | None, effort: Effort) -> int:
    """Find the number of members that takes least time for each."""
    populations = {each: _ours(case, each, engine, lanes) for each in case.members}
    return best(populations, lambda size: size, 1 if effort.quick else 3)


@cache
def _best_of_jax(case: Case, effort: Effort) -> int:
    with _JaxPeer() as peer:
        populations = {each: peer.timed(case, each) for each in case.members}
        return best(populations, lambda size: size, 1 if effort.quick else 3)


@cache
def _prepared(source: str) -> Dataset:
    return prepare(DatasetSpec(source=source, train=SAMPLES, splits="one"), (0,))


def _ours(case: Case, members: int, engine: Choice, lanes: int | None = None) -> Timed:
    """Return one timed run of a population: order of samples, gathering, gradients, updates."""
    recipe = case.recipe
    runs = [recipe.at(1e-3, seed) for seed in range(members)]
    seeds = [run.seed for run in runs]
    part = Part.of(case.data, "train", seeds)
    batches = batches_of(recipe, part, seeds)
    starts = itertools.cycle(range(0, LONGEST * case.updates, case.updates))
    device = torch.device("cpu")

    def run() -> float:
        with _registers(lanes):
            population = choose(
                engine, case.network, runs, part, batches, LONGEST * case.updates, device
            )
        # every run has epochs of its own, so that their order is drawn anew
        population.update = next(starts)
        stop = population.update + case.updates

        def train() -> None:
            while population.update < stop:
                population.run(min(population.stretch, stop - population.update))

        return timed(train)()

    return run


@contextmanager
def _registers(lanes: int | None) -> Iterator[None]:
    """Have the kernel take registers of so many lanes."""
    if lanes is None:
        yield
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(lanes)
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


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

    def timed(self, case: Case, members: int) -> Timed:
        """Return a function that has the peer train a population once."""
        request = {"members": members, "batch_size": case.batch_size, "epochs": case.epochs}

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


ROWS: dict[str, Callable[[str, Effort], Row]] = (
    {f"lanes_{name}": partial(against_loop, case=case) for name, case in CASES.items()}
    | {
        f"population_module_{name}": partial(against_loop, case=case, engine="torch")
        for name, case in MODULES.items()
    }
    | {f"lanes_{name}_jax": partial(against_jax, case=CASES[name]) for name in JAX}
    | {
        f"lanes_{name}_jax_{registers}": partial(against_jax, case=CASES[name], lanes=lanes)
        for registers, lanes in NARROW.items()
        for name in JAX
    }
    | {
        f"lanes_{name}_torch": partial(against_torch, case=case)
        for name, case in (CASES | BORDER).items()
    }
)
