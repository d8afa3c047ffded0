"""The rate that an adaptive optimizer gives each parameter, beside the curvature there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from unstuck.complaints import one_of
from unstuck.optim.coefficients import OPTIMIZERS, optimizer
from unstuck.study.analyses.base import Context, DatasetsAnalysis, Seen
from unstuck.study.analyses.case import Case
from unstuck.study.fields import Networks, PlainNetwork

if TYPE_CHECKING:
    from torch import Tensor

STREAM = 7461
BOWL, TURNED = "bowl", "turned bowl"
# updates at the end over which steps are averaged
LAST = 100


class EffectiveRatesAnalysis(DatasetsAnalysis):
    """Effective rates and diagonals of the Hessian, at the ends of walks and of trainings."""

    tables = ("coordinates",)

    network: PlainNetwork = Field(description="The architecture; fully connected, no batchnorm.")
    rates: dict[str, PositiveFloat] = Field(
        default={"adagrad": 0.03, "rmsprop": 0.003, "adam": 0.003},
        min_length=1,
        description="Learning rate of each optimizer that divides by σ.",
    )
    batch_size: PositiveInt = Field(default=32, description="Samples of a training batch.")
    updates: PositiveInt = Field(default=1000, description="Updates of walks and trainings.")
    samples: PositiveInt = Field(
        default=512, description="The first so many training samples make the Hessian."
    )
    dimension: int = Field(default=100, ge=10, description="Coordinates of the bowls.")
    condition: float = Field(
        default=1e4, gt=1, description="Ratio of the bowls' curvatures, evenly spaced in log."
    )
    starts: PositiveInt = Field(
        default=100, description="Starts on the bowls, each with axes of its own where turned."
    )
    seeds: Networks = 10

    @field_validator("rates")
    @classmethod
    def _of_adaptive_optimizers(cls, rates: dict[str, float]) -> dict[str, float]:
        for name in rates:
            row = OPTIMIZERS[one_of(name, OPTIMIZERS, what="optimizer")]
            if not row.uses_accumulator:
                raise ValueError(f"{name} gives every parameter the same rate; leave it out")
        return rates

    @property
    def seen(self) -> list[Seen]:
        """What its network sees."""
        return [Seen(name, self.network, self.batch_size) for name in self.datasets]

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Walk, train and measure.

        Returns
        -------
        coordinates
            One row a dataset, optimizer, seed and parameter; those whose gradient was always 0 are
            left out.
            Also: optimizer, seed.
            dataset (string): Name of the data set; bowl (curvatures along the coordinates) or
                turned bowl (along random axes).
            parameter (integer): Number of the parameter.
            effective_rate (number): η/σ.
            sigma (number): σ, with the correction of its bias.
            step (number): Mean length of its last 100 steps.
            layer (string): Layer that it belongs to; empty for bowls.
            curvature (number): Second derivative of the loss along it.
            other_curvature (number): That of the same parameter of the next unit's network; none
                for bowls.
        """
        frames = []
        for name in sorted(self.rates):
            context.progress(f"effective rates of {name}")
            starts = context.units(self.starts)
            frames += [self._walked(name, place, starts) for place in (BOWL, TURNED)]
            frames += [
                frame
                for dataset in self.dataset_names
                for frame in self._trained(name, dataset, context)
            ]
        return {"coordinates": pd.concat(frames, ignore_index=True)}

    def _walked(self, name: str, place: str, seeds: range) -> pd.DataFrame:
        """Walk down a bowl ½ xᵀHx from every start."""
        import torch

        from unstuck.optim.update import UpdateRule

        curvatures = np.geomspace(1, self.condition, self.dimension) / self.condition
        starts, hessians = [], []
        for seed in seeds:
            rng = np.random.default_rng([seed, STREAM])
            starts.append(rng.standard_normal(self.dimension))
            axes = np.eye(self.dimension)
            if place == TURNED:
                axes = np.linalg.qr(rng.standard_normal(axes.shape))[0]
            hessians.append((axes * curvatures) @ axes.T)
        theta, hessian = (torch.from_numpy(np.stack(each)) for each in (starts, hessians))
        rule = UpdateRule([optimizer(name)] * self.starts, self.dimension, torch.float64)
        rate = torch.full((self.starts,), self.rates[name], dtype=torch.float64)
        steps = torch.zeros_like(theta)
        for update in range(self.updates):
            before = theta.clone() if update >= self.updates - LAST else None
            rule.step(theta, torch.bmm(hessian, theta.unsqueeze(2)).squeeze(2), rate)
            if before is not None:
                steps += (theta - before).abs()
        measured = self._rates(name, rule.s, steps)
        labels = [{"dataset": place, "optimizer": name, "seed": seed} for seed in seeds]
        return pd.concat(
            [
                _frame(label, each.assign(layer="", curvature=np.diag(curvature)))
                for label, each, curvature in zip(labels, measured, hessians, strict=True)
            ]
        )

    def _trained(self, name: str, place: str, context: Context) -> Iterator[pd.DataFrame]:
        import torch

        from unstuck.curvature.hessian.dense import hessian
        from unstuck.population.network import Network
        from unstuck.training.loop import engine_of
        from unstuck.training.spec import plain

        data, seeds = context.datasets[place], context.units(self.seeds)
        network = Network(self.network, data.input_shape, data.classes)
        recipe = plain(self.network, name, self.batch_size, self.updates)
        engine = engine_of(recipe, self.rates[name], data, seeds)
        steps = torch.zeros(engine.theta.shape)
        last = min(LAST, self.updates)
        if self.updates > last:
            engine.run(self.updates - last)
        for _ in range(last):
            before = engine.mark()
            engine.run(1)
            steps += (engine.mark() - before).abs()
        layers = np.concatenate(
            [np.full(int(np.prod(slot.shape)), slot.name) for slot in network.layout]
        )
        case = Case(dataset=place, network=self.network, weight_decay=0)
        curvatures = []
        for seed, point in zip(seeds, torch.from_numpy(engine.theta).double(), strict=True):
            problem = case.problem(context, samples=self.samples, seed=seed).at(point)
            curvatures.append(hessian(problem).diagonal().numpy())
        # the next unit's network, of which these rates know nothing
        others = [*curvatures[1:], curvatures[0]]
        measured = self._rates(name, torch.from_numpy(engine.arrays()["rule.s"]), steps)
        for seed, each, own, other in zip(seeds, measured, curvatures, others, strict=True):
            label = {"dataset": place, "optimizer": name, "seed": seed}
            yield _frame(label, each.assign(layer=layers, curvature=own, other_curvature=other))

    def _rates(self, name: str, squares: "Tensor", steps: "Tensor") -> Iterator[pd.DataFrame]:
        """Give rates, σ and mean steps ``[P]`` of each member, and which parameters ever moved."""
        terms = optimizer(name).terms(self.updates)
        sigma = (terms.root * squares.double().sqrt() + terms.floor) / terms.scale
        last = min(LAST, self.updates)
        for member in range(len(squares)):
            yield pd.DataFrame(
                {
                    "moved": (squares[member] > 0).numpy(),
                    "effective_rate": (self.rates[name] / sigma[member]).numpy(),
                    "sigma": sigma[member].numpy(),
                    "step": (steps[member].double() / last).numpy(),
                }
            )


def _frame(label: dict[str, Any], measured: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of one member, without parameters that nothing moves."""
    rows = measured.rename_axis(index="parameter").reset_index()
    return rows[rows["moved"]].drop(columns="moved").assign(**label)
