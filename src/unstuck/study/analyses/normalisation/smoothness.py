"""How smooth the loss is along the path of training, with and without batch normalisation."""

from collections.abc import Iterator
from dataclasses import replace
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

    tables = ("path", "drift")

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
        drift
            One row a dataset, depth, batchnorm, noise and seed.
            Also: dataset, depth, batchnorm, noise, seed.
            drift (number, standard deviations): How far the mean over the batch of what enters an
                activation (of what is normalised, in the arms that do) moves from one update to the
                next, averaged over features, layers beyond the first, and updates.
        """
        noisy = [("before", noise) for noise in self.noises]
        path: list[dict[str, Any]] = []
        drift: list[dict[str, Any]] = []
        for name in self.dataset_names:
            for depth in self.depths:
                # a gain that noise could take away is looked for in the deepest networks
                added = noisy if depth == max(self.depths) else []
                for batchnorm, noise in [("off", 0.0), ("before", 0.0), *added]:
                    context.progress(f"smoothness in {depth} layers on {name}")
                    label = {"dataset": name, "depth": depth}
                    label |= {"batchnorm": batchnorm, "noise": noise}
                    trained = _Training(self, context, label)
                    path += [label | row for row in trained.path()]
                    drift += [label | row for row in trained.drift()]
        return {"path": pd.DataFrame(path), "drift": pd.DataFrame(drift)}


class _Training:
    """All seeds of one arm, side by side."""

    def __init__(self, analysis: SmoothnessAnalysis, context: Context, arm: dict[str, Any]) -> None:

        from unstuck.population.network import Network
        from unstuck.training.engines.eager import Feed
        from unstuck.training.measure import Part
        from unstuck.training.order import Batches

        self._analysis, self._seeds = analysis, context.units(analysis.seeds)
        data = context.datasets[arm["dataset"]]
        plain = analysis.network.model_copy(
            update={
                "repeat": arm["depth"],
                "batchnorm": arm["batchnorm"],
                # the buffers then hold the newest batch's statistics
                "batchnorm_momentum": 1.0,
                "batchnorm_noise": 0.0,
            }
        )
        shape = data.input_shape, data.classes
        self._measured = Network(plain, *shape)
        self._trained = Network(plain.model_copy(update={"batchnorm_noise": arm["noise"]}), *shape)
        part = Part.of(data, "train", self._seeds, analysis.samples)
        part = replace(part, x=part.x.double())
        labels = [data.unit(seed).y_train[: analysis.samples] for seed in self._seeds]
        batches = Batches("reshuffled", labels, self._seeds, analysis.batch_size)
        self._feed = Feed(part, batches)
        self._all = part.whole()
        self._drifts: list[Tensor] = []

    def path(self) -> Iterator[dict[str, Any]]:
        """Train, and give a row a seed at every stop."""
        import torch

        from unstuck.optim.coefficients import OPTIMIZERS
        from unstuck.optim.update import UpdateRule

        analysis, network, seeds = self._analysis, self._trained, self._seeds
        theta = torch.stack([network.initial(seed) for seed in seeds])
        buffers = network.initial_buffers().repeat(len(theta), 1)
        rule = UpdateRule([OPTIMIZERS["sgd"]] * len(theta), network.parameter_count, theta.dtype)
        rate = torch.full((len(theta),), analysis.lr, dtype=theta.dtype)
        before: tuple[Tensor, Tensor] | None = None
        for update in range(max(analysis.updates) + 1):
            if update in analysis.updates:
                yield from self._rows(theta, update)
            if network.is_noisy:
                network.disturb(buffers, seeds, update)
            x, y = self._feed.samples(self._feed.rows(update))
            _, _, gradient, moved = network.loss_and_gradient(
                theta, x, y, "cross_entropy", buffers, True, count_correct=False
            )
            after = layer_inputs(network, theta, x, moved)
            if before is not None:
                self._drifts.append(drift_between(before, after))
            before, buffers = after, moved
            rule.step(theta, gradient, rate)

    def drift(self) -> Iterator[dict[str, Any]]:
        """Give a row a seed, after `path`."""
        import torch

        means = torch.stack(self._drifts).mean(0)
        for seed, mean in zip(self._seeds, means, strict=True):
            yield {"seed": seed, "drift": float(mean)}

    def _rows(self, theta: "Tensor", update: int) -> Iterator[dict[str, Any]]:
        from unstuck.curvature.stacked import largest_eigenvalues

        found = largest_eigenvalues(
            self._measured,
            theta,
            *self._all,
            "cross_entropy",
            generator=np.random.default_rng([update, STREAM]),
            steps=self._analysis.products,
        )
        smoothness = self._effective_smoothness(theta, found.gradients)
        for member, seed in enumerate(self._seeds):
            yield {
                "seed": seed,
                "update": update,
                "loss": float(found.losses[member]),
                "gradient_norm": float(found.gradients[member].norm()),
                "lambda_max": float(found.values[member]),
                "residual": float(found.residuals[member]),
                "smoothness": float(smoothness[member]),
            }

    def _effective_smoothness(self, theta: "Tensor", gradients: "Tensor") -> "Tensor":
        import torch

        buffers = self._measured.initial_buffers().repeat(len(theta), 1)
        ratios = []
        for reach in REACHES:
            step = reach * self._analysis.lr * gradients
            _, _, there, _ = self._measured.loss_and_gradient(
                theta - step, *self._all, "cross_entropy", buffers, True, count_correct=False
            )
            ratios.append((there - gradients).norm(dim=1) / step.norm(dim=1))
        return torch.stack(ratios).amax(0)


def layer_inputs(
    network: "Network", theta: "Tensor", x: "Tensor", moved: "Tensor"
) -> "tuple[Tensor, Tensor]":
    """Give means and variances over a batch of what enters the layers' activations.

    Of what is normalised, in a network that does. The first layer is left out: what it sees does
    not change.

    Parameters
    ----------
    network
        A dense one, without batch normalisation or with `batchnorm_momentum` 1.
    theta, x
        Parameters `[K, P]` and batch `[K, B, *input_shape]`.
    moved
        Buffers `[K, Q]` after the training pass of that batch.

    Returns
    -------
    means, variances : `[K, F]`
    """
    import torch

    from unstuck.population.linear import Linear

    if network.buffer_count:
        slots = {slot.name: slice(slot.start, slot.stop) for slot in network.buffer_layout}
        means, variances = (
            [moved[:, held] for name, held in slots.items() if name.endswith(kind)]
            for kind in ("running_mean", "running_variance")
        )
        return torch.cat(means[1:], 1), torch.cat(variances[1:], 1)
    parameters = iter(network.views(theta).values())
    hidden, outputs = x.flatten(2), []
    for layer in network.layers:
        own = [next(parameters) for _ in layer.parameters]
        hidden = layer.forward(hidden, own, (), True).output
        if isinstance(layer, Linear):
            outputs.append(hidden)
    # the last is the head
    seen = torch.cat(outputs[1:-1], 2)
    return seen.mean(1), seen.var(1)


def drift_between(before: "tuple[Tensor, Tensor]", after: "tuple[Tensor, Tensor]") -> "Tensor":
    """Give how far means moved in the deviations of before, on average over features, `[K]`.

    Both are means and variances `[K, F]`.
    """
    moved = (after[0] - before[0]).abs() / (before[1] + 1e-12).sqrt()
    return moved.mean(1)
