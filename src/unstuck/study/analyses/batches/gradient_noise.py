"""How far the gradients of minibatches scatter about that of all samples, by batch size."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from unstuck.study.analyses.base import Context, DatasetsAnalysis, Seen
from unstuck.study.fields import Networks, PlainNetwork

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.data.dataset import Dataset
    from unstuck.data.spec import DatasetSpec

STREAM = 7431
# epochs of the measured batches: none that a point was trained with
FIRST_EPOCH = 100_000
# numbers of batches times parameters that are held at once
HELD = 2**21


class GradientNoiseAnalysis(DatasetsAnalysis):
    """Variance of minibatch gradients at the start, on the way and late in training."""

    tables = ("variance",)

    network: PlainNetwork = Field(description="The architecture; without batch normalisation.")
    points: tuple[NonNegativeInt, ...] = Field(
        default=(0, 100, 1000),
        min_length=1,
        description="Updates after which the gradients are measured; 0 is the initial point.",
    )
    lr: PositiveFloat = Field(default=0.1, description="Rate of the SGD that leads to the points.")
    train_batch_size: PositiveInt = Field(default=32, description="Batch size of that SGD.")
    batch_sizes: tuple[PositiveInt, ...] = Field(
        default=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        min_length=3,
        description="Measured batch sizes, besides the full batch; they must divide the data.",
    )
    batches: PositiveInt = Field(
        default=64, description="Batches a size at least, in whole epochs of reshuffled data."
    )
    seeds: Networks = 3

    @property
    def seen(self) -> list[Seen]:
        """What its network sees."""
        return [Seen(name, self.network, self.train_batch_size) for name in self.datasets]

    def check(self, datasets: Mapping[str, "DatasetSpec"]) -> None:
        """Refuse batches that do not cut the training samples into equal parts."""
        super().check(datasets)
        for name in self.datasets:
            samples = datasets[name].train
            for size in self.batch_sizes:
                if samples % size or size == samples:
                    raise ValueError(
                        f"batch_sizes: {size} does not cut the {samples} training samples of "
                        f"{name} into two or more equal batches; take a proper divisor"
                    )

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Measure.

        Returns
        -------
        variance
            One row a dataset, seed, point on the way of training, way to draw and batch size.
            Also: dataset, seed, batch_size, loss, gradient_norm.
            updates (integer, updates): Updates of training before the point.
            samples (integer, samples): Samples that batches are drawn from, N.
            single_variance (number): Variance σ² of the gradients of single samples: mean squared
                distance from the full gradient.
            draw (string): How batches are drawn: reshuffled (whole epochs of the training loop's
                own), replaced (sample by sample with replacement) or sorted (one epoch in the order
                of classes).
            full (boolean): Whether the batch is all samples.
            batches (integer, batches): Batches that the variance is the mean over.
            variance (number): Mean squared distance of the batches' gradients from the full
                gradient.
            factor (number): What drawing without replacement leaves of the variance, (N − B)/(N −
                1).
            law (number): Variance that the law foretells, σ²/B times `factor`.
            ratio (number): Variance over that of the law; none for the full batch.
            divided (number): Variance over `factor`; none for the full batch.
            noise (number): Root of the variance over the norm of the full gradient.
            relative_bias (number): Distance of the mean gradient of an epoch from the full
                gradient, over the norm of that.
        """
        rows: list[dict[str, Any]] = []
        for name in self.dataset_names:
            dataset = context.datasets[name]
            for seed in context.units(self.seeds):
                for updates in sorted(set(self.points)):
                    context.progress(f"gradients of seed {seed} on {name} after {updates} updates")
                    point = _Point(dataset, self, seed, updates)
                    label = {"dataset": name, "seed": seed, "updates": updates} | point.described
                    for size in (*sorted(set(self.batch_sizes)), point.samples):
                        rows += [label | row for row in point.rows(size, self.batches)]
        return {"variance": pd.DataFrame(rows)}


class _Point:
    """One network at one point, and its gradients over any samples."""

    def __init__(
        self, dataset: "Dataset", analysis: GradientNoiseAnalysis, seed: int, updates: int
    ) -> None:
        import torch

        from unstuck.population.network import Network

        split = dataset.unit(seed)
        self.samples = len(split.y_train)
        self._network = Network(analysis.network, dataset.input_shape, dataset.classes)
        self._x = torch.from_numpy(split.x_train).double()
        self._y = torch.from_numpy(split.y_train)
        self._labels, self._seed, self._updates = split.y_train, seed, updates
        self._theta = self._trained(dataset, analysis)
        everything = torch.arange(self.samples).unsqueeze(0)
        losses, gradients = self._gradients(everything)
        self._full = gradients[0]
        self._epochs = FIRST_EPOCH
        self._single = self._scatter(torch.arange(self.samples).unsqueeze(1))
        self.described: dict[str, Any] = {
            "samples": self.samples,
            "loss": float(losses[0]),
            "gradient_norm": float(self._full.norm()),
            "single_variance": float(self._single[0].mean()),
        }

    def rows(self, size: int, batches: int) -> Iterator[dict[str, Any]]:
        """Give the measurements of one batch size, a row each way to draw."""
        import torch

        epochs = max(1, -(-batches * size // self.samples)) if size < self.samples else 1
        drawn = self._reshuffled(size, epochs)
        yield self._row("reshuffled", size, drawn, epochs)
        rng = np.random.default_rng([self._seed, STREAM, self._updates, size])
        count = max(batches, len(drawn))
        replaced = torch.from_numpy(rng.integers(self.samples, size=(count, size)))
        yield self._row("replaced", size, replaced, 0)
        yield self._row("sorted", size, self._epoch("sorted", size, 0), 1)

    def _row(self, draw: str, size: int, indices: "Tensor", epochs: int) -> dict[str, Any]:
        squares, total = self._scatter(indices)
        # over whole epochs every sample counts alike, so the mean gradient is the full one
        bias = float((total / len(indices) - self._full).norm()) if epochs else float("nan")
        variance, norm = float(squares.mean()), self.described["gradient_norm"]
        # the finite population correction of survey sampling
        factor = (self.samples - size) / (self.samples - 1) if draw != "replaced" else 1.0
        law = factor * self.described["single_variance"] / size
        return {
            "draw": draw,
            "batch_size": size,
            "full": size == self.samples,
            "batches": len(indices),
            "variance": variance,
            "factor": factor,
            "law": law,
            "ratio": variance / law if law else float("nan"),
            "divided": variance / factor if factor else float("nan"),
            "noise": variance**0.5 / norm,
            "relative_bias": bias / norm,
        }

    def _reshuffled(self, size: int, epochs: int) -> "Tensor":
        """Give the batches ``[M, B]`` of so many epochs of their own."""
        import torch

        first, self._epochs = self._epochs, self._epochs + epochs
        return torch.cat([self._epoch("reshuffled", size, first + each) for each in range(epochs)])

    def _epoch(self, order: Any, size: int, epoch: int) -> "Tensor":
        import torch

        from unstuck.training.order import Batches

        batches = Batches(order, [self._labels], [self._seed], size).epoch(epoch)
        return torch.from_numpy(np.concatenate(batches))

    def _scatter(self, indices: "Tensor") -> "tuple[Tensor, Tensor]":
        """Give squared distances ``[M]`` of batch gradients from the full one, and their sum."""
        import torch

        squares, total = [], torch.zeros_like(self._full)
        for part in torch.split(indices, max(1, HELD // len(self._full))):
            _, gradients = self._gradients(part)
            squares.append((gradients - self._full).square().sum(1))
            total += gradients.sum(0)
        return torch.cat(squares), total

    def _gradients(self, indices: "Tensor") -> "tuple[Tensor, Tensor]":
        """Give the losses ``[M]`` and gradients ``[M, P]`` of batches ``[M, B]``."""
        count = len(indices)
        loss, _, gradients, _ = self._network.loss_and_gradient(
            self._theta.expand(count, -1),
            self._x[indices],
            self._y[indices],
            "cross_entropy",
            self._theta.new_empty(count, 0),
            training=True,
        )
        return loss, gradients

    def _trained(self, dataset: "Dataset", analysis: GradientNoiseAnalysis) -> "Tensor":
        """Give the parameters ``[P]`` after the point's number of updates of SGD."""
        import torch

        from unstuck.training.loop import train_population
        from unstuck.training.spec import plain

        if not self._updates:
            return self._network.initial(self._seed)
        recipe = plain(analysis.network, "sgd", analysis.train_batch_size, self._updates)
        run = recipe.at(analysis.lr, self._seed)
        return torch.from_numpy(train_population([run], dataset).theta[run.run_id]).double()
