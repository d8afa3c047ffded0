"""Section 1.2: walks over hills and departures from saddles, made up."""

import numpy as np
import pandas as pd

from made_up.walks import walk
from unstuck.study.analyses.rates.departures import growth

HILLS = ("none", "low", "middle", "high")
RATES = (0.003, 0.01, 0.1, 1.0, 2.1)
SEEDS = 40
CASES = (
    (0.0, 1.9, "first"),
    (0.0, 1.9, "other"),
    (0.0, 1.0, "first"),
    (0.9, 0.1, "first"),
    (0.9, 1.0, "first"),
    (0.9, 3.61, "first"),
)
CURVATURE = -0.03


def walks(plain: float = 0.3, ball: float = 0.7, best: float = 0.8) -> pd.DataFrame:
    """Walks of which these shares cross, at small rates and at the best one."""
    rng = np.random.default_rng([8])
    cases = [(walker, rate) for walker in ("momentum_0", "momentum_90") for rate in RATES] + [
        (walker, 0.01) for walker in ("ball_0", "momentum_50", "momentum_99")
    ]
    rows = []
    for hill in HILLS:
        for walker, rate in cases:
            share = ball if walker in ("momentum_90", "momentum_99") else plain
            share = best if rate == 1.0 else share
            for seed in (*range(SEEDS), 1000, 1001):
                # a start that crosses less often crosses in no arm that crosses less
                ease = (seed * 0.618) % 1 if seed < 1000 else 0.0
                crosses = hill == "none" or ease < share
                settled = (20.0 if rate == 1.0 else 100.0) + rng.integers(5)
                arrived = settled if crosses else np.nan
                made = walk(hill, walker, rate, seed, arrived, late=1e-3)
                rows.append(made | {"updates": 1000})
    return pd.DataFrame(rows)


def paths() -> pd.DataFrame:
    """One walk that stops before the hill, and one that does not."""
    times = np.arange(200)
    frames = []
    for walker, end in (("momentum_0", -2.5), ("momentum_90", 0.0)):
        frames.append(
            pd.DataFrame(
                {
                    "surface": "middle",
                    "walker": walker,
                    "rate": 0.01,
                    "seed": 0,
                    "role": "evaluation",
                    "update": times,
                    "x": end + (-4 - end) * np.exp(-times / 30),
                    "distance": 1.0,
                    "farthest": 1.0,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def times(gain: float = 4.0) -> pd.DataFrame:
    """Departures, so many times as fast with momentum at every rate."""
    rng = np.random.default_rng([9])
    rows = []
    for dataset in ("digits_pca8", "mnist1d_pca8"):
        for seed in range(10):
            for momentum, rate, start in CASES:
                plain = 8 / np.log(growth(min(rate, 1.9) * CURVATURE, 0.0))
                if momentum:
                    plain = 8 / np.log(growth((1.9 if rate == 3.61 else 1.0) * CURVATURE, 0.0))
                taken = plain / (gain if momentum else 1.0) * np.exp(rng.normal(0, 0.02))
                rows.append(
                    {
                        "dataset": dataset,
                        "seed": seed,
                        "momentum": momentum,
                        "rate": rate,
                        "start": start,
                        "updates": taken,
                        "budget": 2000,
                        "lowest": CURVATURE,
                        "steepest": 1.0,
                        "growth": growth(rate * CURVATURE, momentum),
                    }
                )
    return pd.DataFrame(rows)


def tables(**planted: float) -> dict[str, pd.DataFrame]:
    """Walks, paths and departures."""
    gain = planted.pop("gain", 4.0)
    return {"walks": walks(**planted), "paths": paths(), "times": times(gain)}


TABLES = {"1.2.8": tables}
