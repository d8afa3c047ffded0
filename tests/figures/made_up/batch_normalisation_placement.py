"""Section 3.1: runs with batch normalisation before and after the activation, made up."""

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, run

GAINS = {"relu": 0.2, "tanh": 3.0, "sigmoid": 1.5}


def placed_runs() -> pd.DataFrame:
    """Runs that end better by so many points with batch normalisation before the activation."""
    rng = np.random.default_rng([31])
    return pd.DataFrame(
        [
            run(
                level - 3 + (gain if place == "before" else 0) + rng.normal(0, 0.5),
                dataset=dataset,
                activation=activation,
                batchnorm=place,
                seed=seed,
            )
            for dataset, level in DATASETS.items()
            for activation, gain in GAINS.items()
            for place in ("before", "after")
            for seed in range(12)
        ]
    )


TABLES = {"3.1.4": lambda: {"runs": placed_runs()}}
