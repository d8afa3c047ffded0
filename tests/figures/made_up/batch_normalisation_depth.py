"""Section 3.1: deep networks with and without batch normalisation, made up."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, RUN

RATES = tuple(10.0 ** np.arange(-3, 2.5, 0.5))
UPDATES = np.arange(0, 168, 8)
DEPTHS = (2, 5, 10)
GUESS = 0.1

# decades of usable rates, and updates to four fifths of the way; 0 stays at the guess
Shape = Callable[[str, str, int, str], tuple[float, float]]


def default_shape(dataset: str, activation: str, depth: int, batchnorm: str) -> tuple[float, float]:
    """Deep sigmoids need batch normalisation; the others gain by depth."""
    if batchnorm == "before":
        return 2.5, 40.0
    if activation == "sigmoid" and depth == max(DEPTHS):
        return 0.0, 0.0
    return 2.5 - 0.1 * depth, 40.0 + 4 * depth


def depth_tables(
    shape: Shape = default_shape, *, seeds: int = 10, edge: bool = False
) -> dict[str, pd.DataFrame]:
    """Tables in which an arm has so many decades of usable rates, and takes so many updates."""
    rng = np.random.default_rng([316])
    rates, runs, curves = [], [], []
    for dataset in DATASETS:
        for activation in ("sigmoid", "tanh", "relu"):
            for depth in DEPTHS:
                for batchnorm in ("off", "before"):
                    arm = {"dataset": dataset, "activation": activation, "repeat": depth}
                    arm |= {"batchnorm": batchnorm}
                    width, taken = shape(dataset, activation, depth, batchnorm)
                    for seed in (*range(seeds), 1000, 1001):
                        own = width + rng.normal(0, 0.03) if width else 0.0
                        late = taken * np.exp(rng.normal(0, 0.03))
                        course = _course(late)
                        role = "tuning" if seed >= 1000 else "evaluation"
                        end = RUN | arm | {"seed": seed, "role": role, "edge": edge, "updates": 160}
                        end["validation_accuracy"] = end["test_accuracy"] = course[-1]
                        runs.append(end | {"train_accuracy": course[-1]})
                        if role == "tuning":
                            continue
                        for rate in RATES:
                            height = _height(np.log10(rate), own)
                            rates.append(end | {"lr": rate, "train_accuracy": height})
                        curves += [
                            arm | {"seed": seed, "update": int(update), "train_accuracy": value}
                            for update, value in zip(UPDATES, course, strict=True)
                        ]
    return {
        name: pd.DataFrame(rows)
        for name, rows in (("rates", rates), ("runs", runs), ("curves", curves))
    }


def _course(taken: float) -> np.ndarray:
    """A straight climb from a guess, four fifths of it done after so many updates."""
    climbed = 0.8 * UPDATES / taken if taken else np.zeros(len(UPDATES))
    return GUESS + 0.85 * np.minimum(climbed, 1.0)


def _height(place: float, width: float) -> float:
    """A tent about rate 0.1 that is usable, at a third of its height, on so many decades."""
    if not width:
        return GUESS
    inside = 1 - (2 / 3) * abs(place + 1) / (width / 2)
    return GUESS + 0.85 * max(0.0, inside)


TABLES = {"3.1.6": depth_tables}
