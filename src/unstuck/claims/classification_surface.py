"""Section 2.2: the surface of a loss over the outputs of a classifier."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.trajectory import Trajectory, descend
from unstuck.surfaces.softmax_plane import SoftmaxPlane

STREAM = 7202
LOSSES = ("cross_entropy", "squared_error")
SEEDS = 10
# the true class starts far below the other, or level with it; edges of the square of the notes
FAR, LEVEL = ((-10.0, -5.0), (5.0, 10.0)), 0.05
EDGE = 10.0
# one rate for both losses, so that the surface alone makes the difference
RATES = {"gd": 1.0, "adam": 0.1}
ROWS = {"gd": "sgd", "adam": "adam"}
UPDATES = 3_000
ARRIVED = 0.9
SHIFT = 3.0
GRID = 81
# 1 − p loses digits where p is near 1
CLOSED_FORM = 1e-6
SHOWN_SEED = 0

Array = NDArray[np.float64]


@claim("2.2.3")
def surface() -> Evidence:
    """Slopes of both losses where the network is sure and wrong, and updates to get out of there.

    With y₃ = −1000 two classes are left. For p = p₁ the cross-entropy −ln p has the gradient
    √2 (1 − p) and the squared error Σ(p_c − t_c)² has 4√2 p (1 − p)², so that their ratio is
    1 / (4 p (1 − p)): 1 where the outputs are level, and unbounded where p is near 0.

    A walker that does not arrive within `UPDATES` counts as arriving then. Negative controls: the
    ratio of slopes where the outputs are level; and walks of cross-entropy from starts with both
    outputs moved alike, which changes no probability.
    """
    far, level = _starts()
    slopes = {loss: _slope(loss, far) for loss in LOSSES}
    at_level = {loss: _slope(loss, level) for loss in LOSSES}
    walks = {loss: _walks(loss, far) for loss in LOSSES}
    shifted = _walks("cross_entropy", far + SHIFT)
    arrivals = {loss: _arrivals(walk, loss) for loss, walk in walks.items()}
    moved = _arrivals(shifted, "cross_entropy")
    contrasts = [
        _contrast("slope where it is sure and wrong", slopes, {}, "slope"),
        _contrast("slope where the outputs are level", at_level, {}, "slope", "negative control"),
    ]
    for name in RATES:
        at = {loss: arrivals[loss][name] for loss in LOSSES}
        condition = {"optimizer": name}
        contrasts.append(
            _contrast("updates to p > 0.9", _swapped(at), condition, "updates"),
        )
        same = {"cross_entropy": moved[name], "squared_error": arrivals["cross_entropy"][name]}
        contrasts.append(
            _contrast(
                "updates from outputs moved alike", same, condition, "updates", "negative control"
            )
        )
    table = pd.DataFrame(
        [
            {
                "loss": loss,
                "optimizer": name,
                "seed": seed,
                "gap": float(far[seed, 1] - far[seed, 0]),
                "updates": float(arrivals[loss][name][seed]),
                "arrived": bool(arrivals[loss][name][seed] < UPDATES),
            }
            for loss in LOSSES
            for name in RATES
            for seed in range(SEEDS)
        ]
    )
    return Evidence(
        "2.2.3",
        contrasts=tuple(contrasts),
        checks=tuple(_closed_forms()),
        tables={"plane": _plane(), "paths": _paths(walks), "arrivals": table},
        numbers={
            "updates_allowed": UPDATES,
            **{f"rate_{name}": rate for name, rate in RATES.items()},
            **{
                f"not_arrived_{loss}_{name}": int((arrivals[loss][name] >= UPDATES).sum())
                for loss in LOSSES
                for name in RATES
            },
        },
    )


def _starts() -> tuple[Array, Array]:
    """Draw starts `[seeds, 2]`: the true class far below the other, and level with it."""
    far, level = [], []
    for seed in range(SEEDS):
        rng = np.random.default_rng([seed, STREAM])
        far.append([rng.uniform(*FAR[0]), rng.uniform(*FAR[1])])
        first = rng.uniform(-EDGE / 2, EDGE / 2)
        level.append([first, first + rng.uniform(-LEVEL, LEVEL)])
    return np.array(far), np.array(level)


def _slope(loss: str, points: Array) -> Array:
    gradient = _surface(loss).gradient(torch.from_numpy(points))
    norms: Array = gradient.norm(dim=-1).numpy()
    return norms


def _surface(loss: str) -> SoftmaxPlane:
    return SoftmaxPlane("cross_entropy" if loss == "cross_entropy" else "squared_error")


def _walks(loss: str, starts: Array) -> Trajectory:
    """Walk from every start with every optimizer: walkers by optimizer, then by seed."""
    rows = [OPTIMIZERS[ROWS[name]] for name in RATES for _ in starts]
    rates = [rate for rate in RATES.values() for _ in starts]
    return descend(_surface(loss), np.tile(starts, (len(RATES), 1)), rows, rates, UPDATES)


def _arrivals(walk: Trajectory, loss: str) -> dict[str, Array]:
    """Give the first update with p above `ARRIVED`, by optimizer `[seeds]`."""
    p = _surface(loss).probabilities(torch.from_numpy(walk.points))[..., 0].numpy()
    updates = np.nan_to_num(walk.first(p > ARRIVED), nan=float(UPDATES))
    return dict(zip(RATES, np.split(np.maximum(updates, 1.0), len(RATES)), strict=True))


def _swapped(arms: dict[str, Array]) -> dict[str, Array]:
    """Exchange the losses: more updates speak for the other one."""
    first, second = LOSSES
    return {first: arms[second], second: arms[first]}


def _contrast(
    name: str, arms: dict[str, Array], condition: dict[str, str], measure: str, role: str = "effect"
) -> Contrast:
    """Compare the first loss with the second, as the logarithm of their ratio."""
    values = np.log(arms["cross_entropy"] / arms["squared_error"])
    return Contrast(
        name=name,
        dataset="",
        condition=condition,
        seeds=tuple(range(len(values))),
        values=tuple(values),
        role="negative control" if role == "negative control" else "effect",
        measure=measure,
    )


def _closed_forms() -> Iterator[Check]:
    gaps = np.linspace(-2 * EDGE, 2 * EDGE, 161)
    points = np.stack([gaps / 2, -gaps / 2], axis=1)
    # 1 − p by the other class, which keeps its digits
    p, rest = 1 / (1 + np.exp(-gaps)), 1 / (1 + np.exp(gaps))
    exact = {"cross_entropy": 2**0.5 * rest, "squared_error": 4 * 2**0.5 * p * rest**2}
    for loss in LOSSES:
        words = loss.replace("_", " ")
        yield Check(
            f"gradient norm of the {words} over its closed form, farthest from 1",
            1 + np.abs(_slope(loss, points) / exact[loss] - 1).max(),
            1.0,
            CLOSED_FORM,
            role="positive control",
        )


def _plane() -> pd.DataFrame:
    """Give both losses and gradient norms over the square of the notes."""
    axis = np.linspace(-EDGE, EDGE, GRID)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    table = {"y1": points[:, 0], "y2": points[:, 1]}
    for loss in LOSSES:
        table[f"{loss}_value"] = _surface(loss).value(torch.from_numpy(points)).numpy()
        table[f"{loss}_slope"] = _slope(loss, points)
    return pd.DataFrame(table)


def _paths(walks: dict[str, Trajectory]) -> pd.DataFrame:
    """Give one walker's path for each loss and optimizer, at ever longer intervals."""
    chosen = np.unique(np.geomspace(1, UPDATES + 1, 160).astype(int) - 1)
    return pd.DataFrame(
        [
            {
                "loss": loss,
                "optimizer": name,
                "update": int(walk.updates[update]),
                "y1": float(walk.points[update, walker, 0]),
                "y2": float(walk.points[update, walker, 1]),
            }
            for loss, walk in walks.items()
            for walker, name in zip(
                range(SHOWN_SEED, len(RATES) * SEEDS, SEEDS), RATES, strict=True
            )
            for update in chosen
        ]
    )
