"""Section 1.2: runs by batch size, made up."""

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, run


def batch_runs(policies: tuple[str, ...] = ("fixed", "tuned")) -> pd.DataFrame:
    """Runs of several batch sizes, the smaller the better."""
    rng = np.random.default_rng([1])
    return pd.DataFrame(
        [
            run(
                level - 2 * index + rng.normal(0, 0.5),
                dataset=dataset,
                lr_policy=policy,
                batch_size=size,
                seed=seed,
            )
            for dataset, level in DATASETS.items()
            for policy in policies
            for index, size in enumerate((8, 32, 1024))
            for seed in range(10)
        ]
    )


TABLES = {"1.2.5": lambda: {"epochs": batch_runs(), "updates": batch_runs()}}
