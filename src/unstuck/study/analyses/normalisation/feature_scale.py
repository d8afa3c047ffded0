"""Softmax regression on features of equal and of unequal scale: its Hessian, and its training."""

from collections.abc import Iterable, Iterator, Mapping
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
    from unstuck.training.spec import Cell, RunSpec

EQUAL = 1.0
DRAWS = ("first", "second")
#: seed of the first scales of a second draw, beyond those of the first
SECOND_DRAW = 100_000
KEPT = (
    *("optimizer", "draw", "role", "lr", "chosen", "score", "edge", "seed", "updates"),
    "diverged_at",
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
            One row a run: dataset, spread, draw of the scales (`second` at `redrawn` only),
            optimizer, role, rate, whether it is the one chosen, score, whether that lies on an
            edge, seed, update at which the run arrived (NaN if it did not), budget, the loss to
            arrive at and the least one, the mean over units of the least that is possible.
        curvature
            One row a dataset, spread, draw and seed, of the Hessian at its initial point: the
            largest eigenvalue, the smallest that is not zero, their ratio, and how many are zero.
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
                "parameters": len(values),
                "classes": scaled.network.classes,
                "condition": float(kept.max() / kept.min()),
            }

    def _trained(
        self, name: str, scaled: "_Samples", draw: str, target: float
    ) -> Iterator[dict[str, Any]]:
        """Train at the rates of every optimizer, in a race."""
        from unstuck.statistics.arrival import arrivals
        from unstuck.training.arm import Arm

        arms = [
            Arm(self._cell(name, scaled, optimizer, draw, target)) for optimizer in self.optimizers
        ]
        done = _Runs(scaled)
        racing = arms
        while racing:
            done.train(run for arm in racing for run in arm.runs())
            racing = [arm for arm in racing if arm.judge(done.rows, done.curves)]
        at = arrivals(done.curves(set(done.rows)), "updates_to_loss", target)
        for row in (row for arm in arms for row in arm.rows(done.rows)):
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
            subset=self.samples,
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


class _Runs:
    """Runs that train side by side by full batches, each on the samples of its own unit."""

    def __init__(self, samples: _Samples) -> None:
        self._samples = samples
        self._curves: list[pd.DataFrame] = []
        self.rows: dict[str, dict[str, Any]] = {}

    def train(self, runs: "Iterable[RunSpec]") -> None:
        """Train those of the runs that are not here yet, and keep the loss before every update."""
        import torch

        from unstuck.optim.update import UpdateRule
        from unstuck.training.engines.base import LOSS_BOUND

        # equal rows of the update rule belong side by side
        new = sorted(
            (run for run in runs if run.run_id not in self.rows),
            key=lambda run: (repr(run.optimizer), run.run_id),
        )
        network = self._samples.network
        x = torch.from_numpy(np.stack([self._samples.scaled(run.seed) for run in new]))
        y = torch.from_numpy(np.stack([self._samples.y[run.seed] for run in new]))
        theta = torch.stack([network.initial(run.seed) for run in new]).to(x)
        rates = torch.tensor([run.lr for run in new], dtype=x.dtype)
        rule = UpdateRule([run.optimizer for run in new], network.parameter_count, x.dtype)
        updates, empty = int(new[0].updates or 0), theta.new_empty(len(new), 0)
        losses = np.empty((updates + 1, len(new)))
        for update in range(updates + 1):
            loss, _, gradient, _ = network.loss_and_gradient(
                theta, x, y, "cross_entropy", empty, True, count_correct=False
            )
            losses[update] = loss.numpy()
            rule.step(theta, gradient, rates)
        for run, curve in zip(new, losses.T, strict=True):
            unsound = np.flatnonzero(~(curve <= LOSS_BOUND))
            self.rows[run.run_id] = {
                "updates": updates,
                "train_loss": curve[-1],
                "diverged_at": float(unsound[0]) if len(unsound) else float("nan"),
            }
            self._curves.append(
                pd.DataFrame(
                    {"run_id": run.run_id, "update": np.arange(updates + 1), "train_loss": curve}
                )
            )

    def curves(self, run_ids: set[str]) -> pd.DataFrame:
        """Give the training losses of some runs, one row a run and update."""
        together = pd.concat(self._curves, ignore_index=True)
        return together[together["run_id"].isin(run_ids)]
