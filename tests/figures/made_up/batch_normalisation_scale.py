"""Section 3.1: softmax regressions on features of equal and unequal scale, made up."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

DATASETS = ("digits_pca8", "mnist1d_pca8")
SPREADS = (1.0, 3.0, 10.0, 30.0)
SEEDS, BUDGET = 20, 2000


def scale_tables(
    slower: Mapping[str, float] | None = None, steeper: float = 40.0, redrawn: float = 1.0
) -> dict[str, pd.DataFrame]:
    """Runs and Hessians at every spread.

    Parameters
    ----------
    slower
        Factor of the updates at a tenfold spread, by optimizer.
    steeper
        Factor of κ at a tenfold spread.
    redrawn
        Factor of κ and of the updates when the scales are drawn a second time.
    """
    slower = slower or {"sgd": 8.0, "adam": 1.3}
    rng = np.random.default_rng([31, 1])
    runs, curvature = [], []
    for dataset in DATASETS:
        for seed in range(SEEDS):
            own = rng.normal(0, 0.05)
            for spread in SPREADS:
                power = np.log10(spread)
                for draw in ("first", "second") if spread == 10 else ("first",):
                    more = redrawn if draw == "second" else 1.0
                    for optimizer, factor in slower.items():
                        at = 40 * np.exp(own + rng.normal(0, 0.03)) * factor**power * more
                        runs.append(
                            {
                                "dataset": dataset,
                                "spread": spread,
                                "draw": draw,
                                "optimizer": optimizer,
                                "role": "evaluation",
                                "lr": 0.1,
                                "edge": False,
                                "seed": seed,
                                "arrived": at if at <= BUDGET else np.nan,
                                "updates": BUDGET,
                            }
                        )
                    curvature.append(
                        {
                            "dataset": dataset,
                            "spread": spread,
                            "draw": draw,
                            "seed": seed,
                            "condition": 12 * np.exp(own) * steeper**power * more,
                            "zero": 9,
                            "parameters": 90,
                            "classes": 10,
                        }
                    )
    return {"runs": pd.DataFrame(runs), "curvature": pd.DataFrame(curvature)}


TABLES = {"3.1.1": scale_tables}
