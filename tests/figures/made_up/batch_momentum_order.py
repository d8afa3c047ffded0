"""Section 1.2: runs by the order of the data, and variances of gradients, made up."""

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, run

EPOCHS = 6


def order_tables() -> dict[str, pd.DataFrame]:
    """Runs in three orders, those sorted by class the worst, with their curves."""
    rng = np.random.default_rng([2])
    runs, curves = [], []
    for dataset, level in DATASETS.items():
        for policy in ("fixed", "tuned"):
            for order, loss in (("reshuffled", 0.0), ("fixed", 0.4), ("sorted", 30.0)):
                for seed in range(10):
                    ends = level - loss + rng.normal(0, 0.5)
                    names = {"lr_policy": policy, "order": order, "batch_size": 16, "seed": seed}
                    row = run(ends, dataset=dataset, **names)
                    losses = {
                        f"{part}_loss": -np.log(row[f"{part}_accuracy"])
                        for part in ("train", "validation", "test")
                    }
                    runs.append(row | losses)
                    for epoch in range(EPOCHS + 1):
                        share = 1 - 0.9 * np.exp(-epoch)
                        curves.append(
                            run(ends * share, dataset=dataset, **names) | {"epoch": float(epoch)}
                        )
    return {"runs": pd.DataFrame(runs), "curves": pd.DataFrame(curves)}


def variances() -> pd.DataFrame:
    """Variances by the law, and too large ones where batches are sorted."""
    samples = 1024
    rng = np.random.default_rng([3])
    rows = []
    for dataset in DATASETS:
        for updates in (0, 1000):
            for seed in range(3):
                for size in (1, 4, 16, 64, 256, samples):
                    for draw in ("reshuffled", "replaced", "sorted"):
                        law = size ** (-0.5 if draw == "sorted" else -1.0)
                        if draw != "replaced":
                            law *= (samples - size) / (samples - 1)
                        rows.append(
                            {
                                "dataset": dataset,
                                "updates": updates,
                                "seed": seed,
                                "samples": samples,
                                "draw": draw,
                                "batch_size": size,
                                "variance": 25 * law * np.exp(rng.normal(0, 0.05)),
                                "bias": 0.0,
                                "single_variance": 25.0,
                                "gradient_norm": 1.0 if updates == 0 else 0.2,
                            }
                        )
    return pd.DataFrame(rows)


TABLES = {"1.2.1": order_tables, "1.2.2": lambda: {"variance": variances()}}
