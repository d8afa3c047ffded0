"""Section 2.1: a factorial, made up."""

import itertools

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, run


def grid_runs(optimizers: tuple[str, ...] = ("sgd", "momentum", "adam")) -> pd.DataFrame:
    """Runs of a full factorial."""
    rng = np.random.default_rng([2])
    axes = (
        DATASETS,
        optimizers,
        (("16", 16), ("full", 1024)),
        ("constant", "cosine"),
        ("off", "before"),
        range(10),
    )
    return pd.DataFrame(
        [
            run(
                DATASETS[dataset] - 3 * (batch == "full") + optimizers.index(name) + rng.normal(),
                dataset=dataset,
                optimizer=name,
                batch=batch,
                batch_size=size,
                schedule=schedule,
                batchnorm=norm,
                seed=seed,
            )
            for dataset, name, (batch, size), schedule, norm, seed in itertools.product(*axes)
        ]
    )


TABLES = {"2.1.11": dict, "2.1.12": lambda: {"runs": grid_runs()}}
