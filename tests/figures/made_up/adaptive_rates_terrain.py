"""Section 2.1: walks over a slope of changing steepness, made up."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from made_up.walks import walk

UPDATES = 10_000
RATES = (0.01, 0.1, 1.0, 10.0)
ALPHAS = (0.5, 0.9, 0.99, 0.999)
WALKERS = ("adagrad", *(f"rmsprop_{alpha:g}" for alpha in ALPHAS), "rmsprop_0.9_decayed")
SURFACES = ("changing", "even")
Number = Callable[[str, float], float]


def updates_to_settle(walker: str, rate: float) -> float:
    """Adagrad four times as slow, and best in the middle of the rates."""
    return (4 if walker == "adagrad" else 1) * 500 * (1 + abs(np.log10(rate)))


def walks(
    settle: Number = updates_to_settle,
    late: Number = lambda walker, rate: rate * (1e-4 if "decayed" in walker else 1e-3),
) -> pd.DataFrame:
    """One row a surface, walker, rate and start."""
    rng = np.random.default_rng([6])
    rows = []
    for surface in SURFACES:
        for walker in WALKERS:
            for rate in RATES:
                for seed in (*range(20), 1000, 1001):
                    taken = settle(walker, rate) * np.exp(rng.normal(0, 0.1))
                    settled = np.round(taken) if taken < UPDATES else np.nan
                    far = late(walker, rate) * np.exp(rng.normal(0, 0.05))
                    made = walk(surface, walker, rate, seed, settled, arrived=taken, late=far)
                    rows.append(made | {"updates": UPDATES})
    return pd.DataFrame(rows)


def paths() -> pd.DataFrame:
    """The first start's paths, straight to the goal."""
    times = np.array([0, *np.unique(np.geomspace(1, UPDATES, 60).round())])
    left = np.exp(-times / 1500)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "surface": "changing",
                    "walker": walker,
                    "rate": rate,
                    "seed": 0,
                    "role": "evaluation",
                    "update": times.astype(int),
                    "x": 10 - 25 * left,
                    "y": 5 * left,
                    "distance": left,
                    "farthest": left,
                }
            )
            for walker in WALKERS
            for rate in RATES
        ],
        ignore_index=True,
    )


def both() -> dict[str, pd.DataFrame]:
    """Walks and their paths."""
    return {"walks": walks(), "paths": paths()}


TABLES = {"2.1.6": both}
