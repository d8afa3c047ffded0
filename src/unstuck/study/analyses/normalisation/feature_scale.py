"""Softmax regression on features of equal and of unequal scale: its Hessian, and its training."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from unstuck.study.analyses.base import Context, DatasetsAnalysis
from unstuck.study.fields import Samples, Tolerance

if TYPE_CHECKING:
    from unstuck.curvature.problem import Problem
    from unstuck.data.dataset import Dataset
    from unstuck.population.network import Network
    from unstuck.training.spec import Cell

EQUAL = 1.0
DRAWS = ("first", "second")
#: samples of the parts that nothing is measured on
FEW = 16
#: seed of the first scales of a second draw, beyond those of the first
SECOND_DRAW = 100_000
KEPT = (
    *("run_id", "cell", "role", "optimizer", "draw", "lr", "chosen", "score", "edge"),
    *("seed", "updates", "diverged_at", "train_accuracy"),
)


class FeatureScaleAnalysis(DatasetsAnalysis):
    """Full-batch training of a softmax regression whose features get ever more unequal scales.

    Features are uncorrelated (principal components) and brought to variance 1; then they are
    multiplied by factors spread evenly in the logarithm. Which feature gets which factor is drawn
    anew for every unit. The model is linear in the features, so that its least loss is the same at
    every spread.
    """

    tables = ("runs", "curvature")

    datasets: tuple[str, ...] = Field(
        min_length=1, description="Names from `datasets`, of principal components."
    )
    spreads: tuple[PositiveFloat, ...] = Field(
        default=(1.0, 3.0, 10.0, 30.0),
        min_length=2,
        description="Largest factor of a feature over the smallest; 1 among them.",
    )
    redrawn: PositiveFloat = Field(
        default=10.0,
        description="The one of them at which every seed draws its scales a second time, as a "
        "control.",
    )
    optimizers: dict[str, tuple[PositiveFloat, ...]] = Field(
        default={"sgd": (1.0, 3.16, 10.0), "adam": (0.1, 0.316, 1.0)},
        min_length=1,
        description="Rates to choose from, by built-in optimizer, in a race as that of `tuning`; a "
        "grid grows where its best rate lies on an edge.",
    )
    samples: Samples = 256
    progress: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="Share of the way from the loss of guessing to the least one to be made.",
    )
    updates: PositiveInt = Field(default=600, description="Budget of a run.")
    heat: PositiveInt = Field(default=4, description="The first so many units run every rate.")
    finalists: PositiveInt = Field(default=3, description="So many rates run on all units.")
    seeds: PositiveInt = Field(default=20, description="Units of every spread.")
    tolerance: Tolerance = 1e-9

    @model_validator(mode="after")
    def _spreads_hold_those_compared(self) -> Self:
        for name, spread in (("1", 1.0), ("redrawn", self.redrawn)):
            if spread not in self.spreads:
                raise ValueError(f"spreads must hold {name} ({spread:g}), but are {self.spreads}")
        return self

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Train at every spread, and measure the Hessian.

        Returns
        -------
        runs
            One row a run of softmax regression on spread features.
            Also: dataset, optimizer, seed.
            run_id (string): Digest of all that decides the run.
            cell (string): Digest of the run without its seed and rate.
            role (string): heat (a rate tried on the first units) or finalist (on all units).
            spread (number): Largest factor of a feature over the smallest.
            draw (string): Order of the scales: first or second.
            lr (number): Learning rate.
            chosen (boolean): Whether it is the rate chosen.
            score (number): Natural logarithm of the updates to arrive, which rates are chosen by;
                lower is better.
            edge (boolean): Whether the rate chosen lies on an edge of those tried.
            updates (integer, updates): Updates made at most.
            diverged_at (number, updates): Update at which the run diverged; none if it did not.
            train_accuracy (number): Share of the training part that is classified rightly at the
                end.
            arrived (number, updates): Updates until the loss was at the target; none if it never
                was.
            target (number, nats): Loss to arrive at.
            least (number, nats): Least loss that is possible, as the mean over units.
        curvature
            One row a dataset, spread, draw and seed, of the Hessian at its initial point.
            Also: dataset, spread, draw, seed, lambda_max, zero.
            lambda_min (number): Smallest eigenvalue that is not zero.
            condition (number): Largest eigenvalue over the smallest that is not zero.
        """
        runs, curvature = [], []
        for name in self.dataset_names:
            data = context.datasets[name]
            equal = _Samples.of(data, context.units(self.seeds), self.samples)
            least = self._least(equal)
            guessing = float(np.log(data.classes))
            target = guessing - self.progress * (guessing - least)
            for spread in self.spreads:
                context.progress(f"softmax regression on {name}, scales spread by {spread:g}")
                for draw in DRAWS[: 2 if spread == self.redrawn else 1]:
                    scaled = replace(equal, ratio=spread, draw=SECOND_DRAW * DRAWS.index(draw))
                    label = {"dataset": name, "spread": float(spread)}
                    goal = {"target": target, "least": least}
                    trained = self._trained(name, scaled, draw, target)
                    runs += [label | row | goal for row in trained]
                    curvature += [label | {"draw": draw} | row for row in self._curvature(scaled)]
        return {"runs": pd.DataFrame(runs), "curvature": pd.DataFrame(curvature)}

    def _least(self, equal: "_Samples") -> float:
        from unstuck.curvature.critical_points.polishing import polish

        least = [polish(equal.problem(unit)).certificate.loss for unit in equal.units]
        return float(np.mean(least))

    def _curvature(self, scaled: "_Samples") -> Iterator[dict[str, Any]]:
        from unstuck.curvature.spectra.spectrum import spectrum

        for seed in scaled.units:
            values = spectrum(scaled.problem(seed)).eigenvalues
            kept = values[np.abs(values) > self.tolerance * values.max()]
            yield {
                "seed": seed,
                "lambda_max": float(values.max()),
                "lambda_min": float(kept.min()),
                "zero": len(values) - len(kept),
                "condition": float(kept.max() / kept.min()),
            }

    def _trained(
        self, name: str, scaled: "_Samples", draw: str, target: float
    ) -> Iterator[dict[str, Any]]:
        """Train at the rates of every optimizer, in a race."""
        from unstuck.statistics.arrival import arrivals
        from unstuck.training.job import train_cells

        done = train_cells(
            [self._cell(name, scaled, optimizer, draw, target) for optimizer in self.optimizers],
            scaled.dataset(),
        )
        at = arrivals(done.curves, "updates_to_loss", target)
        for row in done.runs.sort_values(["optimizer", "lr", "seed"]).to_dict("records"):
            yield {key: row[key] for key in KEPT} | {"arrived": float(at[row["run_id"]])}

    def _cell(
        self, name: str, scaled: "_Samples", optimizer: str, draw: str, target: float
    ) -> "Cell":
        from unstuck.optim.coefficients import OPTIMIZERS
        from unstuck.optim.schedules import SCHEDULES
        from unstuck.training.spec import Cell, Recipe, Tune

        recipe = Recipe(
            dataset=name,
            data=f"{name} {scaled.ratio:g} {draw}",
            network=scaled.network.spec,
            optimizer=OPTIMIZERS[optimizer],
            schedule=SCHEDULES["constant"],
            batch_size="full",
            updates=self.updates,
            evaluations=self.updates,
        )
        tune = Tune(
            rates=self.optimizers[optimizer],
            by="updates_to_loss",
            target=target,
            heat=self.heat,
            finalists=self.finalists,
        )
        labels = {"optimizer": optimizer, "draw": draw}
        first = scaled.units[0]
        return Cell(labels=labels, run=recipe, rate=tune, seeds=self.seeds, first_unit=first)


@dataclass(frozen=True)
class _Samples:
    """Features of variance 1 whose scales every unit spreads in an order of its own."""

    network: "Network"
    units: range
    x: Mapping[int, np.ndarray]  # [N, F] by unit
    y: Mapping[int, np.ndarray]  # [N] by unit
    ratio: float = EQUAL  # largest factor of a feature over the smallest
    draw: int = 0  # added to a unit's number, the seed of its order

    @classmethod
    def of(cls, data: "Dataset", units: range, samples: int) -> Self:
        """Take the first samples, their features at mean 0 and variance 1 over the whole part."""
        from unstuck.population.network import Network
        from unstuck.population.spec import NetworkSpec

        network = Network(NetworkSpec(hidden=()), data.input_shape, data.classes)
        whole = {unit: data.unit(unit).x_train for unit in units}
        x = {unit: ((x - x.mean(axis=0)) / x.std(axis=0))[:samples] for unit, x in whole.items()}
        return cls(network, units, x, {unit: data.unit(unit).y_train[:samples] for unit in units})

    def scaled(self, unit: int) -> np.ndarray:
        """Give the features ``[N, F]`` as a unit scales them."""
        from unstuck.data.transforms import Scale

        return Scale(ratio=self.ratio).apply(self.x[unit], self.draw + unit)

    def dataset(self) -> "Dataset":
        """Give all units as a dataset, to be trained on; of validation and test it has few."""
        from unstuck.data.dataset import Dataset, Split

        splits = {}
        for unit in self.units:
            x, y = self.scaled(unit), self.y[unit]
            few = x[:FEW], y[:FEW]
            splits[unit] = Split(x, y, *few, *few, classes=self.network.classes)
        return Dataset.of(splits)

    def problem(self, unit: int) -> "Problem":
        """Give the loss at the initial point of a unit."""
        import torch

        from unstuck.curvature.problem import Problem

        return Problem(
            network=self.network,
            theta=self.network.initial(unit),
            x=torch.from_numpy(self.scaled(unit)),
            y=torch.from_numpy(self.y[unit]),
            loss="cross_entropy",
        )
