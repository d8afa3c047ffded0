"""The rate that an adaptive optimizer gives each parameter, beside the curvature there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.errors import ConfigError
from unstuck.optim.coefficients import OPTIMIZERS, optimizer
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import Context, DatasetsAnalysis
from unstuck.study.fields import Networks
from unstuck.study.names import one_of

if TYPE_CHECKING:
    from unstuck.optim.update import UpdateRule

STREAM = 7461
BOWL, TURNED = "bowl", "turned bowl"


class EffectiveRatesAnalysis(DatasetsAnalysis):
    """Effective rates and diagonals of the Hessian, at the ends of walks and of trainings."""

    tables = ("coordinates",)

    network: NetworkSpec = Field(description="The architecture; fully connected, no batchnorm.")
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

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Walk, train and measure.

        Returns
        -------
        coordinates
            One row a place (`bowl`, `turned bowl` or a dataset), optimizer, seed and parameter (its
            number): the layer it belongs to, its effective rate η/σ and the second derivative of
            the loss along it. Parameters whose gradient was always 0 are left out: no rate moves
            them. The bowls' curvatures are 1/`condition` to 1, along the coordinates or along
            random axes.
        """
        for name in self.rates:
            row = OPTIMIZERS[one_of(name, OPTIMIZERS, what="optimizer")]
            if not row.uses_accumulator:
                raise ConfigError(f"rates.{name}: {name} gives every parameter the same rate.")
        frames = []
        for name in sorted(self.rates):
            context.progress(f"effective rates of {name}")
            frames += [self._walked(name, place) for place in (BOWL, TURNED)]
            frames += [
                frame
                for dataset in self.dataset_names
                for frame in self._trained(name, dataset, context)
            ]
        return {"coordinates": pd.concat(frames, ignore_index=True)}

    def _walked(self, name: str, place: str) -> pd.DataFrame:
        """Walk down a bowl ½ xᵀHx from every start."""
        import torch

        curvatures = np.geomspace(1, self.condition, self.dimension) / self.condition
        starts, hessians = [], []
        for seed in range(self.starts):
            rng = np.random.default_rng([seed, STREAM])
            starts.append(rng.standard_normal(self.dimension))
            axes = np.eye(self.dimension)
            if place == TURNED:
                axes = np.linalg.qr(rng.standard_normal(axes.shape))[0]
            hessians.append((axes * curvatures) @ axes.T)
        theta, hessian = (torch.from_numpy(np.stack(each)) for each in (starts, hessians))
        rule = self._rule(name, self.starts, self.dimension, torch.float64)
        rate = torch.full((self.starts,), self.rates[name], dtype=torch.float64)
        for _ in range(self.updates):
            rule.step(theta, torch.bmm(hessian, theta.unsqueeze(2)).squeeze(2), rate)
        layers = np.full(self.dimension, "")
        return pd.concat(
            [
                self._frame(name, place, seed, rates, np.diag(hessians[seed]), layers, moved)
                for seed, (rates, moved) in enumerate(self._rates(name, rule))
            ]
        )

    def _trained(self, name: str, place: str, context: Context) -> Iterator[pd.DataFrame]:
        import torch

        from unstuck.curvature.hessian.dense import hessian
        from unstuck.curvature.problem import Problem
        from unstuck.population.network import Network
        from unstuck.training.engines.eager import Feed
        from unstuck.training.measure import Part
        from unstuck.training.order import Batches

        data, seeds = context.datasets[place], context.units(self.seeds)
        network = Network(self.network, data.input_shape, data.classes)
        if network.buffer_count:
            raise ConfigError("network.batchnorm must be off: a Hessian of batches is not one.")
        train = Part.of(data, "train", seeds)
        theta = torch.stack([network.initial(seed) for seed in seeds]).float()
        buffers = network.initial_buffers().float().repeat(self.seeds, 1)
        rule = self._rule(name, self.seeds, network.parameter_count, theta.dtype)
        labels = [data.unit(seed).y_train for seed in seeds]
        feed = Feed(train, Batches("reshuffled", labels, seeds, self.batch_size))
        rate = torch.full((self.seeds,), self.rates[name])
        for update in range(self.updates):
            x, y = feed.samples(feed.rows(update))
            _, _, gradient, _ = network.loss_and_gradient(
                theta, x, y, "cross_entropy", buffers, True, count_correct=False
            )
            rule.step(theta, gradient, rate)
        layers = np.concatenate(
            [np.full(int(np.prod(slot.shape)), slot.name) for slot in network.layout]
        )
        for seed, point, (rates, moved) in zip(seeds, theta, self._rates(name, rule), strict=True):
            split = data.unit(seed)
            problem = Problem(
                network=network,
                theta=point.double(),
                x=torch.from_numpy(split.x_train[: self.samples]),
                y=torch.from_numpy(split.y_train[: self.samples]),
                loss="cross_entropy",
            )
            diagonal = hessian(problem).diagonal().numpy()
            yield self._frame(name, place, seed, rates, diagonal, layers, moved)

    @staticmethod
    def _rule(name: str, members: int, size: int, dtype: Any) -> "UpdateRule":
        from unstuck.optim.update import UpdateRule

        return UpdateRule([optimizer(name)] * members, size, dtype)

    def _rates(self, name: str, rule: "UpdateRule") -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the effective rates ``[P]`` of each member, and which parameters ever moved."""
        terms = optimizer(name).terms(rule.t)
        squares = rule.s.double()
        rates = self.rates[name] * terms.scale / (terms.root * squares.sqrt() + terms.floor)
        yield from zip(rates.numpy(), (squares > 0).numpy(), strict=True)

    @staticmethod
    def _frame(
        name: str,
        place: str,
        seed: int,
        rates: np.ndarray,
        diagonal: np.ndarray,
        layers: np.ndarray,
        moved: np.ndarray,
    ) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "place": place,
                "optimizer": name,
                "seed": seed,
                "parameter": np.flatnonzero(moved),
                "layer": layers[moved],
                "rate": rates[moved],
                "curvature": diagonal[moved],
            }
        )
