"""Section 2.1: deep networks at rising rates, with a warm-up and without, made up."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, run
from unstuck.claims.adaptive_rates_warm_up import peak_factor

RATES = np.geomspace(0.01, 1.58, 12).round(4)
ARMS = (
    ("adam", "constant"),
    ("adam", "warmup"),
    ("adam", "long_warmup"),
    ("adam", "transformer"),
    ("radam", "constant"),
    ("sgd", "constant"),
    ("sgd", "warmup"),
    ("sgd", "long_warmup"),
)
UPDATES = 300


def rising_runs(
    gain: Callable[[str, str], float] = lambda optimizer, schedule: 1.5, *, limit: float = 0.12
) -> pd.DataFrame:
    """Runs that learn up to a peak rate of their seed, which every remedy multiplies by a gain."""
    rng = np.random.default_rng([2110])
    rows = []
    for dataset in DATASETS:
        for seed in range(20):
            own = limit * np.exp(rng.normal(0, 0.15))
            for optimizer, schedule in ARMS:
                plain = (optimizer, schedule) in (("adam", "constant"), ("sgd", "constant"))
                mine = own * (1 if plain else gain(optimizer, schedule))
                mine *= np.exp(rng.normal(0, 0.1)) / peak_factor(optimizer, UPDATES)
                rows += [
                    run(
                        60.0 if rate <= mine else 8.0,
                        dataset=dataset,
                        optimizer=optimizer,
                        schedule=schedule,
                        updates=UPDATES,
                        seed=seed,
                    )
                    | {"lr": rate, "diverged_at": 7.0 if rate > 5 * mine else np.nan}
                    for rate in RATES
                ]
    return pd.DataFrame(rows)


def early_sigma(power: float = 1.2) -> pd.DataFrame:
    """Relative variances of 1/σ that fall with a power of the updates."""
    updates = (2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50, 70, 100)
    return pd.DataFrame(
        [
            {
                "dataset": name,
                "seed": seed,
                "update": n,
                "relative_variance": n**-power * (1 + seed),
            }
            for name in DATASETS
            for seed in range(3)
            for n in updates
        ]
    )


TABLES = {"2.1.10": lambda: {"runs": rising_runs(), "sigma": early_sigma()}}
