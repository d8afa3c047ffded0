"""Softmax regression on features of equal and of unequal scale: its Hessian, and its training."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.study.analyses.base import AnalysisBase, Context

if TYPE_CHECKING:
    from unstuck.curvature.problem import Problem
    from unstuck.data.dataset import Dataset
    from unstuck.training.spec import Cell

EQUAL = 1.0
ORDERS = ("given", "reversed")
KEPT = ("optimizer", "order", "role", "lr", "edge", "seed", "updates", "diverged_at")


class FeatureScaleAnalysis(AnalysisBase):
    """Full-batch training of a softmax regression whose features get ever more unequal scales.

    Features are uncorrelated (principal components) and brought to variance 1; then they are
    multiplied by factors spread evenly in the logarithm. The model is linear in the features, so
    that its least loss is the same at every spread.
    """

    tables = ("runs", "curvature")
    rooms = ("data", "population", "optim", "statistics", "training", "curvature")

    datasets: tuple[str, ...] = Field(
        min_length=1, description="Names from `datasets`, of principal components."
    )
    spreads: tuple[PositiveFloat, ...] = Field(
        default=(1.0, 3.0, 10.0, 30.0),
        min_length=2,
        description="Largest factor of a feature over the smallest; 1 among them.",
    )
    optimizers: dict[str, tuple[PositiveFloat, ...]] = Field(
        default={"sgd": (1.0, 3.16, 10.0), "adam": (0.1, 0.316, 1.0)},
        min_length=1,
        description="Rates to choose from, by built-in optimizer; a grid grows where its best rate "
        "lies on an edge.",
    )
    samples: PositiveInt = Field(default=256, description="The first so many training samples.")
    progress: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="Share of the way from the loss of guessing to the least one to be made.",
    )
    updates: PositiveInt = Field(default=300, description="Budget of a run.")
    evaluations: PositiveInt = Field(default=150, description="Measurements on the way.")
    tuning_seeds: PositiveInt = Field(default=2, description="Tuning seeds per rate.")
    seeds: PositiveInt = Field(default=10, description="Evaluation seeds 0, 1, ...")
    tolerance: float = Field(
        default=1e-9,
        gt=0,
        lt=1,
        description="Eigenvalues below this share of the largest count as zero.",
    )

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Names of the prepared datasets it needs."""
        return tuple(sorted(set(self.datasets)))

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Train at every spread, and measure the Hessian.

        Returns
        -------
        runs
            One row a run: dataset, spread, order of the features (`reversed` at equal scales only),
            optimizer, role, rate and whether it lies on an edge, seed, update at which the run
            arrived (NaN if it did not), budget, the loss to arrive at and the least one.
        curvature
            One row a dataset, spread and seed, of the Hessian at its initial point: the largest
            eigenvalue, the smallest that is not zero, their ratio, and how many are zero.
        """
        runs, curvature = [], []
        for name in self.dataset_names:
            equal = _standardised(context.datasets[name])
            least = self._least(equal)
            guessing = float(np.log(equal.classes))
            target = guessing - self.progress * (guessing - least)
            for spread in self.spreads:
                context.progress(f"softmax regression on {name}, scales spread by {spread:g}")
                scaled = _scaled(equal, spread)
                label = {"dataset": name, "spread": float(spread)}
                goal = {"target": target, "least": least}
                orders = ORDERS if spread == EQUAL else ORDERS[:1]
                runs += [
                    label | row | goal
                    for row in self._trained(name, scaled, spread, orders, target)
                ]
                curvature += [label | row for row in self._curvature(scaled)]
        return {"runs": pd.DataFrame(runs), "curvature": pd.DataFrame(curvature)}

    def _problem(self, data: "Dataset", seed: int) -> "Problem":
        """Give the loss over the training samples, at the initial point of a seed."""
        import torch

        from unstuck.curvature.problem import Problem
        from unstuck.population.network import Network
        from unstuck.population.spec import NetworkSpec

        network = Network(NetworkSpec(hidden=()), data.input_shape, data.classes)
        return Problem(
            network=network,
            theta=network.initial(seed),
            x=torch.from_numpy(data.x_train[: self.samples]),
            y=torch.from_numpy(data.y_train[: self.samples]),
            loss="cross_entropy",
        )

    def _least(self, data: "Dataset") -> float:
        from unstuck.curvature.critical import polish

        return float(polish(self._problem(data, 0)).certificate.loss)

    def _curvature(self, data: "Dataset") -> Iterator[dict[str, Any]]:
        from unstuck.curvature.spectrum import spectrum

        for seed in range(self.seeds):
            values = spectrum(self._problem(data, seed)).eigenvalues
            kept = values[np.abs(values) > self.tolerance * values.max()]
            yield {
                "seed": seed,
                "lambda_max": float(values.max()),
                "lambda_min": float(kept.min()),
                "zero": len(values) - len(kept),
                "parameters": len(values),
                "classes": data.classes,
                "condition": float(kept.max() / kept.min()),
            }

    def _trained(
        self, name: str, data: "Dataset", spread: float, orders: tuple[str, ...], target: float
    ) -> Iterator[dict[str, Any]]:
        from unstuck.statistics.arrival import arrivals
        from unstuck.training.job import train_cells

        for order in orders:
            arranged = data if order == "given" else _reversed(data)
            cells = [
                self._cell(f"{name} {order} {spread:g}", optimizer, rates, order, target)
                for optimizer, rates in self.optimizers.items()
            ]
            done = train_cells(cells, arranged)
            at = arrivals(done.curves, "updates_to_loss", target)
            rows = done.runs.assign(arrived=done.runs["run_id"].map(at))
            for row in rows[[*KEPT, "arrived"]].to_dict("records"):
                yield {str(key): value for key, value in row.items()}

    def _cell(
        self, data: str, optimizer: str, rates: tuple[float, ...], order: str, target: float
    ) -> "Cell":
        from unstuck.optim.coefficients import OPTIMIZERS
        from unstuck.optim.schedules import SCHEDULES
        from unstuck.population.spec import NetworkSpec
        from unstuck.training.spec import Cell, Recipe, Tune

        recipe = Recipe(
            dataset=data,
            data=data,
            network=NetworkSpec(hidden=()),
            optimizer=OPTIMIZERS[optimizer],
            schedule=SCHEDULES["constant"],
            subset=self.samples,
            batch_size="full",
            updates=self.updates,
            evaluations=self.evaluations,
        )
        tune = Tune(rates=rates, by="updates_to_loss", target=target, seeds=self.tuning_seeds)
        labels = {"optimizer": optimizer, "order": order}
        return Cell(labels=labels, run=recipe, rate=tune, seeds=self.seeds)


def _standardised(data: "Dataset") -> "Dataset":
    """Bring every feature to mean 0 and variance 1 over the training part."""
    mean, deviation = data.x_train.mean(axis=0), data.x_train.std(axis=0)
    return _mapped(data, lambda x: (x - mean) / deviation)


def _scaled(data: "Dataset", spread: float) -> "Dataset":
    from unstuck.data.transforms import Scale

    return _mapped(data, Scale(ratio=spread).apply)


def _reversed(data: "Dataset") -> "Dataset":
    """Put the features into the opposite order, which changes no scale."""
    return _mapped(data, lambda x: np.ascontiguousarray(x[:, ::-1]))


def _mapped(data: "Dataset", change: Callable[[np.ndarray], np.ndarray]) -> "Dataset":
    return replace(
        data,
        x_train=change(data.x_train),
        x_validation=change(data.x_validation),
        x_test=change(data.x_test),
    )
