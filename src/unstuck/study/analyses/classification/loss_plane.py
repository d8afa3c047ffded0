"""Both losses over the plane of two outputs: slopes, and updates to get out of the wrong corner.

With y₃ = −1000 two classes are left. For p = p₁ the cross-entropy −ln p has the gradient
√2 (1 − p) and the squared error Σ(p_c − t_c)² has 4√2 p (1 − p)², so that their ratio is
1 / (4 p (1 − p)): 1 where the outputs are level, and unbounded where p is near 0.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.trajectory import descend, first
from unstuck.surfaces.softmax_plane import SoftmaxPlane

STREAM = 7202
Loss = Literal["cross_entropy", "squared_error"]
LOSSES: tuple[Loss, ...] = ("cross_entropy", "squared_error")
# the true class starts far below the other, or level with it; edges of the lecture's square
FAR, LEVEL, EDGE = ((-10.0, -5.0), (5.0, 10.0)), 0.05, 10.0
#: one rate for both losses, so that the surface alone makes the difference
RATES = {"sgd": 1.0, "adam": 0.1}
UPDATES, ARRIVED, SHIFT = 3_000, 0.9, 3.0
GRID = 81

Array = NDArray[np.float64]


class LossPlane:
    """Starts in the wrong corner and level ones, and the walks from there."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = np.array(seeds)
        far, level = [], []
        for seed in seeds:
            rng = np.random.default_rng([seed, STREAM])
            far.append([rng.uniform(*FAR[0]), rng.uniform(*FAR[1])])
            first = rng.uniform(-EDGE / 2, EDGE / 2)
            level.append([first, first + rng.uniform(-LEVEL, LEVEL)])
        wrong = np.array(far)
        self._starts = {"wrong": wrong, "level": np.array(level), "moved": wrong + SHIFT}
        self._walks = {
            (loss, corner): self._walked(loss, corner)
            for loss in LOSSES
            for corner in ("wrong", "moved")
        }

    def slopes(self) -> pd.DataFrame:
        """Give what `SoftmaxAnalysis.run` says of the table `slopes`."""
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "corner": corner,
                        "loss": loss,
                        "seed": self._seeds,
                        "y1": starts[:, 0],
                        "y2": starts[:, 1],
                        "gradient_norm": slope(loss, starts),
                    }
                )
                for corner, starts in self._starts.items()
                for loss in LOSSES
            ],
            ignore_index=True,
        )

    def arrivals(self) -> pd.DataFrame:
        """Give what `SoftmaxAnalysis.run` says of the table `arrivals`."""
        tables = []
        for (loss, corner), walk in self._walks.items():
            p = SoftmaxPlane(loss).probabilities(torch.from_numpy(walk))[..., 0].numpy()
            arrived = np.split(first(p > ARRIVED), len(RATES))
            for (optimizer, rate), updates in zip(RATES.items(), arrived, strict=True):
                tables.append(
                    pd.DataFrame(
                        {
                            "optimizer": optimizer,
                            "rate": rate,
                            "loss": loss,
                            "corner": corner,
                            "seed": self._seeds,
                            "arrived": updates,
                            "updates": UPDATES,
                        }
                    )
                )
        return pd.concat(tables, ignore_index=True)

    def paths(self) -> pd.DataFrame:
        """Give the walks of the first seed, at ever longer intervals."""
        chosen = np.unique(np.geomspace(1, UPDATES + 1, 160).astype(int) - 1)
        tables = []
        for loss in LOSSES:
            walk = self._walks[loss, "wrong"]
            for index, optimizer in enumerate(RATES):
                points = walk[chosen, index * len(self._seeds)]
                labels = {"loss": loss, "optimizer": optimizer, "update": chosen}
                tables.append(pd.DataFrame(labels | {"y1": points[:, 0], "y2": points[:, 1]}))
        return pd.concat(tables, ignore_index=True)

    def _walked(self, loss: Loss, corner: str) -> Array:
        """Give paths ``[T + 1, K, 2]`` from every start: walkers by optimizer, then by seed."""
        starts = self._starts[corner]
        rows = [OPTIMIZERS[name] for name in RATES for _ in starts]
        rates = [rate for rate in RATES.values() for _ in starts]
        return descend(SoftmaxPlane(loss), np.tile(starts, (len(RATES), 1)), rows, rates, UPDATES)


def slope(loss: Loss, points: Array) -> Array:
    """Give the norms ``[N]`` of a loss's gradient at points ``[N, 2]``."""
    gradient = SoftmaxPlane(loss).gradient(torch.from_numpy(points))
    norms: Array = gradient.norm(dim=-1).numpy()
    return norms


def plane() -> pd.DataFrame:
    """Give what `SoftmaxAnalysis.run` says of the table `plane`."""
    axis = np.linspace(-EDGE, EDGE, GRID)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    table = pd.DataFrame({"y1": points[:, 0], "y2": points[:, 1]})
    for loss in LOSSES:
        table[f"{loss}_value"] = SoftmaxPlane(loss).value(torch.from_numpy(points)).numpy()
    return table.assign(ratio=slope("cross_entropy", points) / slope("squared_error", points))


def closed_forms() -> pd.DataFrame:
    """Give what `SoftmaxAnalysis.run` says of the table `closed_forms`."""
    gaps = np.linspace(-2 * EDGE, 2 * EDGE, 161)
    points = np.stack([gaps / 2, -gaps / 2], axis=1)
    # 1 − p by the other class, which keeps its digits
    p, rest = 1 / (1 + np.exp(-gaps)), 1 / (1 + np.exp(gaps))
    exact = {"cross_entropy": 2**0.5 * rest, "squared_error": 4 * 2**0.5 * p * rest**2}
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "loss": loss,
                    "gap": gaps,
                    "value": slope(loss, points),
                    "expected": exact[loss],
                    "relative_error": np.abs(slope(loss, points) / exact[loss] - 1),
                }
            )
            for loss in LOSSES
        ],
        ignore_index=True,
    )
