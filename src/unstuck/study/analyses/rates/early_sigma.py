"""How much Adam's 1/σ depends on which minibatches it has seen, over the first updates."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from unstuck.study.analyses.base import Context, DatasetsAnalysis, Seen
from unstuck.study.fields import Networks, PlainNetwork

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.data.dataset import Split

STREAM = 7431


class EarlySigmaAnalysis(DatasetsAnalysis):
    """Spread of 1/σ over orders of the data, at the initial point of a network."""

    tables = ("sigma",)

    network: PlainNetwork = Field(description="The architecture; without batch normalisation.")
    batch_size: PositiveInt = Field(default=16, description="Samples of a minibatch.")
    at: tuple[PositiveInt, ...] = Field(
        default=(2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50, 70, 100),
        min_length=1,
        description="Numbers of updates after which 1/σ is measured.",
    )
    orders: PositiveInt = Field(default=32, ge=2, description="Orders of the data.")
    seeds: Networks = 5

    @property
    def seen(self) -> list[Seen]:
        """What its network sees."""
        return [Seen(name, self.network) for name in self.datasets]

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Accumulate squares of minibatch gradients in Adam's update rule, at a rate of 0.

        Returns
        -------
        sigma
            One row a dataset, seed and number of updates.
            Also: dataset, seed, update.
            relative_variance (number): Variance of 1/σ over orders of the data as a share of its
                squared mean, the median over parameters.
            share (number): Share of parameters that it is the median of, those whose σ is above 0
                in every order.
        """
        rows: list[dict[str, Any]] = []
        for name in self.dataset_names:
            for seed in context.units(self.seeds):
                context.progress(f"σ of seed {seed} on {name}")
                label = {"dataset": name, "seed": seed}
                rows += [
                    label | row for row in self._network(context.datasets[name].unit(seed), seed)
                ]
        return {"sigma": pd.DataFrame(rows)}

    def _network(self, data: "Split", seed: int) -> list[dict[str, Any]]:
        import torch

        from unstuck.optim.coefficients import OPTIMIZERS
        from unstuck.optim.update import UpdateRule
        from unstuck.population.network import Network

        network = Network(self.network, data.input_shape, data.classes)
        start = network.initial(seed)
        theta = start.expand(self.orders, -1).contiguous()
        row = OPTIMIZERS["adam"]
        rule = UpdateRule([row] * self.orders, len(start), theta.dtype)
        x, y = torch.from_numpy(data.x_train).to(theta.dtype), torch.from_numpy(data.y_train)
        still = torch.zeros(self.orders, dtype=theta.dtype)
        rng = np.random.default_rng([seed, STREAM])
        rows = []
        for update in range(1, max(self.at) + 1):
            drawn = torch.from_numpy(rng.integers(len(y), size=(self.orders, self.batch_size)))
            _, _, gradient, _ = network.loss_and_gradient(
                theta,
                x[drawn],
                y[drawn],
                "cross_entropy",
                theta.new_empty(self.orders, 0),
                training=True,
            )
            rule.step(theta.clone(), gradient, still)
            if update in self.at:
                sigma = row.terms(update).root * rule.s.sqrt()
                rows.append({"update": update} | _spread(sigma))
        return rows


def _spread(sigma: "Tensor") -> dict[str, float]:
    """Give the relative variance of 1/σ, ``[M, P]``, over the orders: its median parameter."""
    live = (sigma > 0).all(dim=0)
    inverse = 1 / sigma[:, live]
    relative = inverse.var(dim=0) / inverse.mean(dim=0).square()
    return {
        "relative_variance": float(relative.median()) if live.any() else float("nan"),
        "share": float(live.double().mean()),
    }
