"""Section 2.2: runs with one-hot targets and with class numbers, made up."""

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, run

SEEDS = 12


def coded_runs(loss: float = 20.0, ordered: float = 3.0, permuted: float = 40.0) -> pd.DataFrame:
    """Runs that lose so many points with class numbers.

    Parameters
    ----------
    loss
        Points that numbers of unordered classes lose.
    ordered
        Points that numbers of ordered classes gain, in order.
    permuted
        Points that they lose when permuted.
    """
    rng = np.random.default_rng([22, 1])
    rows = []
    for dataset, level in DATASETS.items():
        for seed in range(SEEDS):
            own = level - 8 + rng.normal(0, 0.4)
            unordered = {("squared_error", 0): 0.0, ("squared_error", 1): 0.0}
            unordered |= {("class_number", relabel): -loss for relabel in range(4)}
            changes = {"squared_error": 0.0, "class_number": ordered}
            of_order = {(code, 0): change for code, change in changes.items()}
            of_order[("class_number", 1)] = -permuted
            for name, arms in ((dataset, unordered), (f"{dataset}_brightness", of_order)):
                rows += [
                    run(
                        own + change + rng.normal(0, 0.3),
                        dataset=name,
                        loss=code,
                        relabel=relabel,
                        seed=seed,
                    )
                    for (code, relabel), change in arms.items()
                ]
    return pd.DataFrame(rows)


TABLES = {"2.2.1": lambda: {"runs": coded_runs()}}
