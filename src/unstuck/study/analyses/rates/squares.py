"""Adagrad's sum of squares against the mean at a decaying rate, and against closed forms."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES
from unstuck.optim.trajectory import descend
from unstuck.surfaces.surface import Surface
from unstuck.surfaces.valleys import Ellipse, Regression

SURFACES: dict[str, tuple[Surface, tuple[float, float]]] = {
    "regression": (Regression(), (-120.0, 2.0)),
    "straight": (Ellipse(condition=1e4), (-7.0, 4.0)),
    "turned": (Ellipse(condition=1e4, degrees=45.0), (-7.0, 4.0)),
}
RATES, UPDATES = (0.1, 1.0, 10.0), 2_000

Array = NDArray[np.float64]


def adagrad() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `adagrad`.

    The sum of t squares is t times their mean, so that η/√t on the mean is η on the sum. On a
    straight bowl x_{t+1} = x_t − η λ x_t / (λ √Σ x²) has no λ left.
    """
    rows = []
    for name, (surface, start) in SURFACES.items():
        walkers = [("adagrad", "constant"), ("adagrad_mean", "inverse_sqrt")]
        walkers.append(("adagrad_mean", "constant"))
        for rate in RATES:
            points = descend(
                surface,
                [start] * len(walkers),
                [OPTIMIZERS[optimizer] for optimizer, _ in walkers],
                rate,
                UPDATES,
                schedules=[SCHEDULES[schedule] for _, schedule in walkers],
            )
            summed = points[:, 0]
            others = {"mean, decayed": points[:, 1], "mean": points[:, 2]}
            if name == "straight":
                others["recurrence"] = _without_curvature(start, rate)
            for rule, other in others.items():
                gap = float(np.abs(other - summed).max() / np.abs(summed).max())
                rows.append({"surface": name, "rate": rate, "rule": rule, "gap": gap})
    return pd.DataFrame(rows)


def _without_curvature(start: tuple[float, float], rate: float) -> Array:
    """Give the path ``[T, 2]`` of the recurrence x ← x − η x / √Σ x²."""
    place, squares = np.array(start), np.zeros(2)
    path = [place]
    for _ in range(UPDATES):
        squares = squares + place**2
        place = place - rate * place / np.sqrt(squares)
        path.append(place)
    return np.stack(path)
