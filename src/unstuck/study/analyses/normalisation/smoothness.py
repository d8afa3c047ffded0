"""How smooth the loss is along the path of training, with and without batch normalisation."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from unstuck.study.analyses.base import Context, DatasetsAnalysis, Seen
from unstuck.study.fields import DenseNetwork

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.population.network import Network

STREAM = 7507
# lengths of the steps along the gradient, in those of an update
REACHES = (0.5, 1.0, 2.0, 4.0)


class SmoothnessAnalysis(DatasetsAnalysis):
    """Curvature and change of the gradient on the path of SGD, by depth and arm.

    The arms start from the same initial weights and take the same batches: without batch
    normalisation, with it, and with noise behind it (Santurkar et al. 2018). All measures are of
    the full-batch loss, without noise, in float64.
    """

    tables = ("path",)

    network: DenseNetwork = Field(description="The architecture; `repeat` comes from `depths`.")
    depths: tuple[PositiveInt, ...] = Field(
        default=(2, 5), min_length=1, description="How often the hidden layers are repeated."
    )
    noises: tuple[PositiveFloat, ...] = Field(
        default=(0.25, 0.5), description="`batchnorm_noise` of each noisy arm."
    )
    lr: PositiveFloat = Field(default=0.1, description="Rate of the SGD of all arms.")
    samples: PositiveInt = Field(default=256, description="Training samples.")
    batch_size: PositiveInt = Field(default=32, description="Batch size of that SGD.")
    updates: tuple[NonNegativeInt, ...] = Field(
        default=(0, 5, 10, 20, 40, 80, 160),
        min_length=2,
        description="Updates after which the loss is measured; 0 is the initial point.",
    )
    products: PositiveInt = Field(default=16, description="Hessian products a point.")
    seeds: PositiveInt = Field(
        default=10, description="Networks an arm, one for each of the first so many units."
    )

    @model_validator(mode="after")
    def _batches_fit(self) -> Self:
        if self.batch_size > self.samples:
            raise ValueError(f"batch_size: {self.batch_size} is more than samples: {self.samples}")
        return self

    @property
    def seen(self) -> list[Seen]:
        """What its network sees."""
        return [Seen(name, self.network, self.batch_size) for name in self.datasets]

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Train and measure.

        Returns
        -------
        path
            One row a dataset, depth, batchnorm, noise, seed and update.
            Also: dataset, seed, update, loss, gradient_norm, lambda_max.
            depth (integer, layers): Hidden layers.
            batchnorm (string): Batch normalisation before or after each activation, or off.
            noise (number): Size of the noise put behind every batch normalisation.
            residual (number): Residual of the largest eigenvalue.
            smoothness (number): Effective smoothness, the largest |g(θ − cηg) − g(θ)| / (cη|g|)
                over c = ½, 1, 2, 4.
        """
        noisy = [("before", noise) for noise in self.noises]
        path: list[dict[str, Any]] = []
        for name in self.dataset_names:
            for depth in self.depths:
                # a gain that noise could take away is looked for in the deepest networks
                added = noisy if depth == max(self.depths) else []
                for batchnorm, noise in [("off", 0.0), ("before", 0.0), *added]:
                    context.progress(f"smoothness in {depth} layers on {name}")
                    label = {"dataset": name, "depth": depth}
                    label |= {"batchnorm": batchnorm, "noise": noise}
                    path += [label | row for row in self._path(context, label)]
        return {"path": pd.DataFrame(path)}

    def _path(self, context: Context, arm: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Train all seeds of an arm side by side, and give a row a seed at every stop."""
        import torch

        from unstuck.population.network import Network
        from unstuck.training.loop import engine_of, part_of
        from unstuck.training.spec import plain

        data, seeds = context.datasets[arm["dataset"]], context.units(self.seeds)
        spec = self.network.model_copy(
            update={
                "repeat": arm["depth"],
                "batchnorm": arm["batchnorm"],
                "batchnorm_noise": arm["noise"],
            }
        )
        recipe = plain(spec, "sgd", self.batch_size, max(self.updates)).model_copy(
            update={"subset": self.samples, "dtype": "float64"}
        )
        engine = engine_of(recipe, self.lr, data, seeds)
        quiet = spec.model_copy(update={"batchnorm_noise": 0.0})
        measured = Network(quiet, data.input_shape, data.classes)
        everything = part_of(recipe, data, "train", seeds).whole()
        for update in sorted(set(self.updates)):
            if update:
                engine.run(update - engine.update)
            rows = self._rows(measured, torch.from_numpy(engine.theta), everything, update)
            for seed, row in zip(seeds, rows, strict=True):
                yield {"seed": seed, "update": update} | row

    def _rows(
        self, network: "Network", theta: "Tensor", samples: tuple["Tensor", "Tensor"], update: int
    ) -> Iterator[dict[str, Any]]:
        """Measure points `[K, P]` on samples `[K, N, *shape]` and classes `[K, N]`."""
        import torch

        from unstuck.curvature.stacked import largest_eigenvalues

        found = largest_eigenvalues(
            network,
            theta,
            *samples,
            "cross_entropy",
            generator=np.random.default_rng([update, STREAM]),
            steps=self.products,
        )
        buffers = network.initial_buffers().repeat(len(theta), 1)
        ratios = []
        for reach in REACHES:
            step = reach * self.lr * found.gradients
            _, _, there, _ = network.loss_and_gradient(
                theta - step, *samples, "cross_entropy", buffers, True, count_correct=False
            )
            ratios.append((there - found.gradients).norm(dim=1) / step.norm(dim=1))
        smoothness = torch.stack(ratios).amax(0)
        for member in range(len(theta)):
            yield {
                "loss": float(found.losses[member]),
                "gradient_norm": float(found.gradients[member].norm()),
                "lambda_max": float(found.values[member]),
                "residual": float(found.residuals[member]),
                "smoothness": float(smoothness[member]),
            }
