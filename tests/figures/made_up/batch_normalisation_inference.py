"""Section 3.1: scores with running averages, made up."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from made_up.runs import DATASETS

SIZES, UPDATES = (16, 64, 256), (1, 10, 300)
MOMENTA = (0.5, 0.9, 0.99, 0.999)

# points of running averages above population statistics: dataset, batch size, update, p
Gap = Callable[[str, int, int, float], float]


def short_memory(dataset: str, size: int, update: int, momentum: float) -> float:
    """Averages of long memory lag, and all do early on."""
    return -60 * momentum**update


def inference_scores(
    gap: Gap = short_memory, *, batch: float = 0.0, seeds: int = 20
) -> pd.DataFrame:
    """Scores that differ by `gap` from those of population statistics, and those by `batch`."""
    rng = np.random.default_rng([315])
    rows = []
    for dataset, level in DATASETS.items():
        for size in SIZES:
            for update in UPDATES:
                for seed in range(seeds):
                    own = level - 60 * 0.97**update + rng.normal(0, 1)
                    kinds = [("population", -1.0, own), ("batch", -1.0, own - batch)]
                    kinds += [("running", p, own + gap(dataset, size, update, p)) for p in MOMENTA]
                    rows += [
                        {
                            **{"dataset": dataset, "batch_size": size, "update": update},
                            **{"seed": seed, "kind": kind, "momentum": momentum},
                            "accuracy": (points + rng.normal(0, 0.3)) / 100,
                            "loss": 1.0,
                        }
                        for kind, momentum, points in kinds
                    ]
    return pd.DataFrame(rows)


TABLES = {"3.1.5": lambda: {"scores": inference_scores()}}
