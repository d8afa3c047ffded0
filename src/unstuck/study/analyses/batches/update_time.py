"""Time of one update by batch size: the data lie ready on the device, so no loader is timed.

``python -m unstuck.study.analyses.batches.update_time`` is one start of a process that times: it
reads what to time as JSON and prints the rows as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import AnalysisBase, Context
from unstuck.study.fields import DenseNetwork

if TYPE_CHECKING:
    from torch import Tensor

STREAM = 7421


class UpdateTimeAnalysis(AnalysisBase):
    """Seconds of an SGD update on random data: on one thread, and on what is most parallel."""

    tables = ("times",)
    timing: ClassVar[bool] = True
    alone: ClassVar[bool] = True

    inputs: PositiveInt = Field(default=784, description="Numbers of a sample.")
    samples: PositiveInt = Field(default=60_000, description="Random samples; those of an epoch.")
    classes: PositiveInt = Field(default=10, description="Classes.")
    network: DenseNetwork = Field(
        default=NetworkSpec(hidden=(64,), activation="relu"), description="A dense network."
    )
    batch_sizes: tuple[PositiveInt, ...] = Field(
        default=(1, 4, 16, 64, 256, 1000, 4000, 16_000, 60_000),
        min_length=3,
        description="Samples per update, ascending; the first is timed a second time.",
    )
    seconds: PositiveFloat = Field(
        default=0.03, description="Updates are repeated for so long; their median counts."
    )
    repeats: PositiveInt = Field(
        default=2,
        description="Rounds over all batch sizes in a process, each in an order of its own.",
    )
    seeds: PositiveInt = Field(
        default=5,
        description="Processes started one after the other, which differ in what a process has "
        "once: where its memory lies, and what else the machine does meanwhile.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if list(self.batch_sizes) != sorted(set(self.batch_sizes)):
            raise ValueError(f"batch_sizes must ascend, but are {list(self.batch_sizes)}")
        if self.batch_sizes[-1] > self.samples:
            raise ValueError(
                f"a batch of {self.batch_sizes[-1]} is more than the {self.samples} samples"
            )
        return self

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Time every batch size in every round, in an order drawn for the round.

        Returns
        -------
        times
            One row a start of a process (its seed), processor, round and batch size.
            Also: batch_size.
            seed (integer): Number of the start of a process.
            hardware (string): thread (one thread of the CPU), or parallel (a GPU, or all cores that
                the study may use, if more than one).
            processor (string): What computed: the CPU or the name of the GPU.
            threads (integer, threads): Threads of the CPU that computed.
            repeat (integer): Number of the round in the process.
            timing (string): first, or again for the smallest batch timed a second time.
            samples (integer, samples): Samples of an epoch.
            updates (integer, updates): Updates that were timed.
            seconds (number, seconds): Median time of an update, by the clock.
            epoch_seconds (number, seconds): That of all updates of an epoch.
        """
        rows: list[dict[str, Any]] = []
        for seed in context.units(self.seeds):
            context.progress(f"timing updates in process {seed}")
            given = {"analysis": self.model_dump(mode="json"), "seed": seed}
            given |= {"device": context.device, "threads": context.threads}
            # what a child writes as errors goes into the log
            done = subprocess.run(
                [sys.executable, "-m", __spec__.name],
                input=json.dumps(given),
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            rows += json.loads(done.stdout)
        return {"times": pd.DataFrame(rows)}

    def timed(self, seed: int, device: str, threads: int) -> Iterator[dict[str, Any]]:
        """Time in this process, and give the rows of one start."""
        for hardware, place, number in _processors(device, threads):
            with _threads(number):
                task = _Task(self, place)
                for batch_size in self.batch_sizes:
                    task.update(batch_size, 0)
                label = {"seed": seed, "hardware": hardware, "processor": _name(place)}
                for repeat in range(self.repeats):
                    for row in self._round(task, seed, repeat):
                        yield label | {"threads": number, "repeat": repeat} | row

    def _round(self, task: "_Task", seed: int, repeat: int) -> Iterator[dict[str, Any]]:
        jobs = [(size, "first") for size in self.batch_sizes] + [(self.batch_sizes[0], "again")]
        task.restart(seed)
        for index in np.random.default_rng([seed, STREAM, repeat]).permutation(len(jobs)):
            batch_size, timing = jobs[index]
            seconds = task.time(batch_size, self.seconds)
            median = float(np.median(seconds))
            yield {
                "batch_size": batch_size,
                "timing": timing,
                "samples": self.samples,
                "updates": len(seconds),
                "seconds": median,
                "epoch_seconds": median * self.samples / batch_size,
            }


class _Task:
    """One network, its optimizer and its data on one device."""

    def __init__(self, analysis: UpdateTimeAnalysis, device: str) -> None:
        import torch

        from unstuck.population.network import Network

        rng = np.random.default_rng([0, STREAM])
        x = rng.standard_normal((analysis.samples, analysis.inputs), dtype=np.float32)
        y = rng.integers(analysis.classes, size=analysis.samples)
        self._x, self._y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
        self._network = Network(analysis.network, (analysis.inputs,), analysis.classes)
        self._rate = torch.full((1,), 1e-3, device=device)
        self._device = device
        self._wait: Callable[[], None] = torch.cuda.synchronize if device == "cuda" else _nothing
        self.restart(0)

    def restart(self, seed: int) -> None:
        """Draw new weights."""
        import torch

        from unstuck.optim.coefficients import OPTIMIZERS
        from unstuck.optim.update import UpdateRule

        parameters = self._network.parameter_count
        self._theta: Tensor = self._network.initial(seed).float().to(self._device).unsqueeze(0)
        buffers = self._network.initial_buffers().float().to(self._device)
        self._buffers: Tensor = buffers.unsqueeze(0)
        self._gradient = torch.empty_like(self._theta)
        self._rule = UpdateRule([OPTIMIZERS["sgd"]], parameters, device=self._device)

    def time(self, batch_size: int, budget: float) -> list[float]:
        """Give the seconds of each of as many updates as fit into a time, at least one."""
        seconds: list[float] = []
        spent, start = 0.0, 0
        while spent < budget:
            self._wait()
            began = time.perf_counter()
            self.update(batch_size, start)
            self._wait()
            seconds.append(time.perf_counter() - began)
            spent += seconds[-1]
            # other samples every time, so that small batches are not read from the cache
            start = (start + batch_size) % (len(self._x) - batch_size + 1)
        return seconds

    def update(self, batch_size: int, start: int) -> None:
        """Make one update with the samples from `start` on."""
        x = self._x[start : start + batch_size].unsqueeze(0)
        y = self._y[start : start + batch_size].unsqueeze(0)
        self._network.loss_and_gradient(
            self._theta, x, y, "cross_entropy", self._buffers, True, out=self._gradient
        )
        self._rule.step(self._theta, self._gradient, self._rate)


def _nothing() -> None:
    """Wait for nothing: a CPU is done when its call returns."""


def _processors(device: str, threads: int) -> Iterator[tuple[str, str, int]]:
    """Give name, device and threads of every processor that the study may use."""
    import torch

    yield "thread", "cpu", 1
    if device != "cpu" and torch.cuda.is_available():
        yield "parallel", "cuda", 1
    elif threads > 1:
        yield "parallel", "cpu", threads


def _name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else "CPU"


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Compute with so many threads inside the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def main() -> None:
    """Time what standard input says, and print the rows."""
    given = json.load(sys.stdin)
    analysis = UpdateTimeAnalysis.model_validate_json(json.dumps(given.pop("analysis")))
    json.dump(list(analysis.timed(**given)), sys.stdout)


if __name__ == "__main__":
    main()
