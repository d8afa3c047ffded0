"""Networks tested with running averages, population statistics and batch statistics."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import Context, DatasetsAnalysis, Seen
from unstuck.study.fields import Networks

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.population.network import Network


class RunningAveragesAnalysis(DatasetsAnalysis):
    """What a network scores with each kind of statistics, by memory, batch size and updates.

    Statistics at inference change nothing in training, so every network is trained once, and all
    running averages are kept beside it. The momentum p is that of the notes: the weight of the old
    average, average ← p · average + (1 − p) · batch; torch calls 1 − p the momentum.
    """

    tables = ("scores",)

    network: NetworkSpec = Field(description="The architecture; with batch normalisation.")
    lr: PositiveFloat = Field(default=0.3, description="Rate of the SGD that trains it.")
    batch_sizes: tuple[PositiveInt, ...] = Field(
        default=(16, 64, 256), min_length=1, description="Batch sizes of training."
    )
    momenta: tuple[float, ...] = Field(
        default=(0.5, 0.9, 0.99, 0.999), min_length=1, description="Weights p of the old average."
    )
    updates: tuple[PositiveInt, ...] = Field(
        default=(1, 3, 10, 30, 100, 300),
        min_length=1,
        description="Updates after which the networks are tested.",
    )
    seeds: Networks = 20

    @field_validator("network")
    @classmethod
    def _has_statistics(cls, network: NetworkSpec) -> NetworkSpec:
        if network.batchnorm == "off":
            raise ValueError("network.batchnorm is off; without it there are no running averages")
        # the buffers then hold what the newest batch had, from which every average follows
        return network.model_copy(update={"batchnorm_momentum": 1.0})

    @property
    def seen(self) -> list[Seen]:
        """What its network sees."""
        return [Seen(name, self.network, max(self.batch_sizes)) for name in self.datasets]

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Train and test.

        Returns
        -------
        scores
            One row a dataset, batch size, update, seed, kind of statistics and momentum.
            Also: dataset, batch_size, update, seed.
            kind (string): running (averages), population (of all training samples at once) or batch
                (of the tested batches themselves, which are as large as in training).
            momentum (number): Share p of the old value that a running average keeps; −1 for other
                kinds.
            loss (number, nats): Loss on the test part.
            accuracy (number): Share of the test part that is classified rightly.
        """
        rows: list[dict[str, Any]] = []
        for name in self.dataset_names:
            for size in self.batch_sizes:
                context.progress(f"running averages of batches of {size} on {name}")
                label = {"dataset": name, "batch_size": size}
                rows += [label | row for row in self._trained(context, name, size)]
        return {"scores": pd.DataFrame(rows)}

    def _trained(self, context: Context, name: str, size: int) -> Iterator[dict[str, Any]]:
        """Train all seeds side by side, and test them with every kind of statistics."""
        import torch

        from unstuck.population.network import Network
        from unstuck.training.loop import engine_of, part_of
        from unstuck.training.spec import plain

        data, seeds = context.datasets[name], context.units(self.seeds)
        network = Network(self.network, data.input_shape, data.classes)
        recipe = plain(self.network, "sgd", size, max(self.updates))
        train, test = (part_of(recipe, data, part, seeds).whole() for part in ("train", "test"))
        engine = engine_of(recipe, self.lr, data, seeds)
        averages = {momentum: torch.from_numpy(engine.buffers.copy()) for momentum in self.momenta}
        for update in range(1, max(self.updates) + 1):
            engine.run(1)
            for momentum, average in averages.items():
                average.lerp_(torch.from_numpy(engine.buffers), 1 - momentum)
            if update in self.updates:
                theta = torch.from_numpy(engine.theta)
                for kind, momentum, scores in self._tested(
                    network, theta, averages, train[0], test, size
                ):
                    for seed, (loss, accuracy) in zip(seeds, scores.T, strict=True):
                        yield {
                            **{"update": update, "seed": seed, "kind": kind, "momentum": momentum},
                            **{"loss": float(loss), "accuracy": float(accuracy)},
                        }

    def _tested(
        self,
        network: "Network",
        theta: "Tensor",
        averages: dict[float, "Tensor"],
        train: "Tensor",
        test: tuple["Tensor", "Tensor"],
        size: int,
    ) -> Iterator[tuple[str, float, np.ndarray]]:
        """Give kind, momentum and loss and accuracy ``[2, K]`` of each kind of statistics."""
        import torch

        none = network.initial_buffers().to(theta).repeat(len(theta), 1)
        with torch.no_grad():
            _, whole = network.forward(theta, train, none, True)
        for momentum, average in averages.items():
            yield "running", momentum, _scores(network, theta, average, test, None, False)
        yield "population", -1.0, _scores(network, theta, whole, test, None, False)
        yield "batch", -1.0, _scores(network, theta, none, test, size, True)


def _scores(
    network: "Network",
    theta: "Tensor",
    buffers: "Tensor",
    samples: tuple["Tensor", "Tensor"],
    size: int | None,
    training: bool,
) -> np.ndarray:
    """Give loss and accuracy ``[2, K]``; samples are cut into whole batches, the rest left out."""
    import torch

    everything, classes = samples
    size = size or classes.shape[1]
    count = classes.shape[1] // size
    total = torch.zeros(2, len(theta), dtype=torch.float64)
    with torch.no_grad():
        for start in range(0, count * size, size):
            batch = slice(start, start + size)
            loss, correct = network.loss_and_correct(
                *(theta, everything[:, batch], classes[:, batch], "cross_entropy"),
                *(buffers, training),
            )
            total += torch.stack([loss.double(), correct.double() / size])
    return np.asarray((total / count).numpy())
