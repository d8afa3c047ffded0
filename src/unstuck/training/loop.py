"""Training of a population: many runs of one shape, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.data.dataset import Dataset, Split
from unstuck.data.transforms import PARTS
from unstuck.data.transforms import Part as PartName
from unstuck.population.module import module_network
from unstuck.population.network import Network
from unstuck.training.checkpoint import Checkpoint
from unstuck.training.curves import Curves
from unstuck.training.engines.choice import Choice, choose
from unstuck.training.engines.eager import DTYPES, TorchEngine
from unstuck.training.measure import Part, evaluation_updates
from unstuck.training.order import Batches
from unstuck.training.spec import Recipe, RunSpec
from unstuck.training.stopping import Stopping


@dataclass(frozen=True)
class Population:
    """What came of a population."""

    curves: pd.DataFrame  # one row per run and evaluation, sorted
    final: pd.DataFrame  # one row per run
    theta: dict[str, NDArray[Any]]  # endpoint [P] by run_id; NaN where the run diverged
    buffers: dict[str, NDArray[Any]]  # running statistics [Q] by run_id


def network_of(recipe: Recipe, dataset: Dataset | Split) -> Network:
    """Return the network of a recipe."""
    shape = (recipe.network, dataset.input_shape, dataset.classes, recipe.loss)
    return module_network(*shape, recipe.source) if recipe.source else Network(*shape)


def part_of(recipe: Recipe, dataset: Dataset, name: PartName, units: Sequence[int]) -> Part:
    """Return a part as runs of a recipe have it, one a unit: number format, subset, classes."""
    used = recipe.trained_on(dataset.samples("train")) if name == "train" else None
    part = Part.of(dataset, name, units, used)
    y = recipe.labels(dataset.tensors[f"y_{name}"], dataset.classes)
    return replace(part, x=part.x.to(DTYPES[recipe.dtype]), y=torch.from_numpy(y))


def batches_of(recipe: Recipe, train: Part, seeds: Sequence[int]) -> Batches | None:
    """Return the batches of runs on their training parts; None if an update takes all of them."""
    samples = recipe.samples(train.size)
    if samples == train.size:
        return None
    y = train.y.cpu().numpy()
    labels = [y[row : row + train.size] for row in train.rows]
    return Batches(recipe.order, labels, seeds, samples)


def engine_of(recipe: Recipe, lr: float, dataset: Dataset, seeds: Sequence[int]) -> TorchEngine:
    """Return members of some seeds before their first update, that torch takes step by step."""
    runs = [recipe.at(lr, seed) for seed in seeds]
    train = part_of(recipe, dataset, "train", seeds)
    batches, updates = batches_of(recipe, train, seeds), recipe.total_updates(train.size)
    network = network_of(recipe, dataset)
    return TorchEngine(network, runs, train, batches, updates, torch.device("cpu"))


def shape_key(run: Recipe) -> tuple[Any, ...]:
    """Return what runs must have in common to train side by side."""
    varying = {"optimizer", "schedule", "lr", "seed"}
    return tuple(getattr(run, name) for name in Recipe.model_fields if name not in varying)


def train_population(
    runs: Sequence[RunSpec],
    dataset: Dataset,
    device: str | torch.device = "cpu",
    *,
    engine: Choice = "auto",
    checkpoint: Checkpoint | None = None,
    advanced: Callable[[int], None] = lambda updates: None,
) -> Population:
    """Train runs of one shape side by side.

    A run's result does not depend on its company: trained in lanes, never; by torch bit for bit
    where the samples of a batch and of each part are 1 or a multiple of 16, else to rounding.

    Parameters
    ----------
    runs
        Runs that differ in optimizer, schedule, rate and seed only.
    dataset
        What they train on.
    device
        Where tensors live.
    engine
        What trains: `lanes`, `torch`, or whichever suits the network (`auto`).
    checkpoint
        Where the state is saved on the way; an earlier state there is resumed, to the same bits.
        It is removed when the population is done.
    advanced
        Called every few updates with how many updates each member has made since the last call.

    Raises
    ------
    ConfigError
        If the batch size exceeds the training part, or the engine asked for cannot train the runs.
    """
    # runs of one optimizer lie side by side, which the update rule takes in one go
    runs = sorted(runs, key=lambda run: (repr(run.optimizer), run.run_id))
    return _Training(runs, dataset, torch.device(device), engine).finish(checkpoint, advanced)


class _Training:
    """A population with all that it needs to train."""

    def __init__(
        self, runs: list[RunSpec], dataset: Dataset, device: torch.device, engine: Choice
    ) -> None:
        if len({shape_key(run) for run in runs}) != 1:
            raise ValueError(
                "runs of one population differ in optimizer, schedule, rate and seed only"
            )
        run = runs[0]
        self._runs = runs
        seeds = [run.seed for run in runs]
        self._train, self._validation, self._test = (
            part_of(run, dataset, name, seeds).to(device) for name in PARTS
        )
        self._network = network_of(run, dataset)
        self._per_epoch = run.updates_per_epoch(self._train.size)
        self._updates = run.total_updates(self._train.size)
        self._stops = evaluation_updates(self._updates, run.evaluations)
        batches = batches_of(run, self._train, seeds)
        self._engine = choose(
            engine, self._network, runs, self._train, batches, self._updates, device
        )
        self.curves = Curves.empty(self._stops, self._per_epoch, len(runs), dataset.classes)
        self._stopping = (
            None
            if run.stop_loss is None
            else Stopping(run.stop_loss, self._per_epoch, self._engine)
        )
        self._owner = {
            "runs": [run.run_id for run in runs],
            "engine": self._engine.name,
            "samples": [self._train.size, self._validation.size, self._test.size],
        }

    def finish(self, checkpoint: Checkpoint | None, advanced: Callable[[int], None]) -> Population:
        """Train to the end, from the checkpoint if it holds these runs."""
        if checkpoint:
            self._resume(checkpoint)
            advanced(self._engine.update)
        if not self.curves.measured(0):
            self._evaluate(None)
        for stop in self._stops[1:]:
            before = None
            while self._engine.update < stop and not self._all_done():
                if self._engine.update == stop - 1:
                    before = self._engine.mark()
                count = max(1, min(self._engine.stretch, stop - 1 - self._engine.update))
                count = self._up_to_look(count)
                self._advance(count)
                advanced(count)
                if checkpoint and self._engine.update < stop and checkpoint.due():
                    checkpoint.save(self._owner, self._arrays())
            if before is not None:
                self._evaluate(before)
        advanced(self._updates - self._engine.update)
        self._end()
        result = self._result()
        if checkpoint:
            checkpoint.remove()
        return result

    def _advance(self, count: int) -> None:
        self._engine.run(count)
        if self._stopping and self._engine.update % self._stopping.every == 0:
            self._stopping.look(self._engine, self._engine.loss_and_accuracy(self._train)[0])

    def _up_to_look(self, count: int) -> int:
        """Return how many of the next updates come before the next look at the training loss."""
        if self._stopping is None:
            return count
        return min(count, self._stopping.every - self._engine.update % self._stopping.every)

    def _all_done(self) -> bool:
        return self._stopping is not None and self._stopping.all_done(self._engine)

    def _end(self) -> None:
        """Go back to where members stopped, and measure them there."""
        if self._stopping is None:
            return
        self._stopping.put_back(self._engine)
        norm, _, _ = self._engine.gradient_norm(self._train)
        self.curves.end(
            self._stopping.stopped_at,
            self._engine.diverged_at >= 0,
            train=self._engine.loss_and_accuracy(self._train),
            validation=self._engine.loss_and_accuracy(self._validation),
            gradient_norm=norm,
        )

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that changes, for a checkpoint."""
        stopping = self._stopping.arrays() if self._stopping else {}
        return {**self._engine.arrays(), **self.curves.arrays(), **stopping}

    def _evaluate(self, before: Any) -> None:
        engine = self._engine
        norm, loss, accuracy = engine.gradient_norm(self._train)
        if self._network.buffer_count:
            loss, accuracy = engine.loss_and_accuracy(self._train)
        engine.note_measurement(loss)
        self.curves.record(
            engine.update,
            engine.diverged_at >= 0,
            train=(loss, accuracy),
            validation=engine.loss_and_accuracy(self._validation),
            gradient_norm=norm,
            update_norm=norm * np.nan if before is None else engine.distance(before),
        )

    def _resume(self, checkpoint: Checkpoint) -> None:
        held = checkpoint.load(self._owner)
        if held is not None:
            self.curves.restore(held)
            self._engine.restore(held)
            if self._stopping:
                self._stopping.restore(held)

    def _result(self) -> Population:
        engine = self._engine
        ids = [run.run_id for run in self._runs]
        diverged = engine.diverged_at >= 0
        test = engine.loss_and_accuracy(self._test)
        final = self.curves.final(ids, engine.diverged_at, test)
        updates = final["run_id"].map(dict(zip(ids, self.curves.ends, strict=True)))
        final["updates"] = updates
        final["epochs"] = updates / self._per_epoch
        stopped = np.full(len(ids), -1) if self._stopping is None else self._stopping.stopped_at
        stops = final["run_id"].map(dict(zip(ids, stopped, strict=True))).astype("float64")
        final["stopped_at"] = stops.where(stops >= 0)
        final["batch_size"] = self._runs[0].samples(self._train.size)
        final["parameters"] = self._network.parameter_count
        final["multiply_adds"] = self._network.multiply_adds
        final["engine"] = engine.name
        theta, buffers = engine.theta.copy(), engine.buffers.copy()
        theta[diverged], buffers[diverged] = np.nan, np.nan
        return Population(
            curves=self.curves.table(ids),
            final=final,
            theta=dict(zip(ids, theta, strict=True)),
            buffers=dict(zip(ids, buffers, strict=True)),
        )
