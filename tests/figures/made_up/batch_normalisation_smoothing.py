"""Section 3.1: paths with and without batch normalisation, made up."""

import numpy as np
import pandas as pd

from made_up.batch_normalisation_depth import depth_tables
from made_up.runs import DATASETS

UPDATES = (0, 10, 40, 160)
NOISES = (0.25, 0.5)


def smoothing_tables(
    curved: float = 2.5,
    along: float = 2.5,
    faster: float = 3.0,
    noisy: float = 3.0,
    *,
    drift: float = 5.0,
    noisy_curved: float | None = None,
    seeds: int = 10,
) -> dict[str, pd.DataFrame]:
    """Tables in which paths without are so many times as curved, and slower.

    With noise they are `noisy_curved` times as curved, if it is given, and `curved` times if not.
    `faster` and `noisy` are the speed-ups without and with noise; with noise inputs drift `drift`
    times as much as without batch normalisation.
    """
    rng = np.random.default_rng([317])
    path, drifts = [], []
    for dataset in DATASETS:
        for depth in (2, 5):
            for batchnorm, noise in (
                ("off", 0.0),
                ("before", 0.0),
                *(("before", n) for n in NOISES if depth == 5),
            ):
                plain = batchnorm == "off"
                flatter = curved / noisy_curved if noisy_curved and noise else 1.0
                label = {"dataset": dataset, "depth": depth, "noise": noise}
                label |= {"batchnorm": batchnorm}
                for seed in range(seeds):
                    path += [
                        label
                        | {
                            **{"seed": seed, "update": update},
                            "loss": 2.3 * 0.99 ** (update * (1 if plain else 2)),
                            "lambda_max": (curved if plain else flatter)
                            * (4 * np.exp(rng.normal(0, 0.1))),
                            "smoothness": (along if plain else 1) * 3 * np.exp(rng.normal(0, 0.1)),
                            **{"gradient_norm": 1.0, "residual": 0.01},
                        }
                        for update in UPDATES
                    ]
                    # without batch normalisation inputs drift more than with it alone
                    times = drift if noise else 1 if plain else 0.2
                    moved = times * np.exp(rng.normal(0, 0.1))
                    drifts.append(label | {"seed": seed, "drift": 0.1 * moved})

    def shape(dataset: str, activation: str, depth: int, batchnorm: str) -> tuple[float, float]:
        return 2.5, 30.0 * (faster if batchnorm == "off" else 1)

    def with_noise(*place: object) -> tuple[float, float]:
        return 2.5, 30.0 * faster / noisy

    tables = depth_tables(shape, seeds=seeds)
    noised = depth_tables(with_noise, seeds=seeds)
    chosen = {}
    for name in ("runs", "curves"):
        table = noised[name]
        here = (table["activation"] == "relu") & (table["repeat"] == 5)
        here &= table["batchnorm"] == "before"
        parts = [table[here].assign(batchnorm_noise=noise) for noise in NOISES]
        chosen[f"noisy_{name}"] = pd.concat(parts, ignore_index=True)
    return {"path": pd.DataFrame(path), "drift": pd.DataFrame(drifts), **tables, **chosen}


TABLES = {"3.1.7": smoothing_tables}
