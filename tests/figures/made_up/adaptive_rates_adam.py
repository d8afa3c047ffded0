"""Section 2.1: Adam at its defaults and five tuned optimizers, made up."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from made_up.runs import DATASETS, run

ORDER = ("adam", "momentum", "sgd", "adagrad", "rmsprop")
BUDGETS = {"short": 256, "ordinary": 1280}


def defaults_runs(
    gain: Callable[[str, str], float] = lambda budget, against: -20.0 * (budget == "short"),
    *,
    slow: float = 30.0,
    noise: float = 0.4,
) -> pd.DataFrame:
    """Runs whose defaults are better than each tuned optimizer by so many points.

    Gradient descent at Adam's rate is worse by ``slow`` points than at its own.
    """
    rng = np.random.default_rng([217])
    rows = []
    for dataset, level in DATASETS.items():
        for budget, updates in BUDGETS.items():
            for seed in range(30):
                own = level - 25 + rng.normal(0, noise)
                ends = {(name, "tuned"): own - gain(budget, name) for name in ORDER}
                ends |= {("adam", "fixed"): own, ("sgd", "fixed"): ends["sgd", "tuned"] - slow}
                rows += [
                    run(
                        end + rng.normal(0, noise),
                        dataset=dataset,
                        updates=updates,
                        optimizer=name,
                        lr_policy=policy,
                        seed=seed,
                    )
                    | {"lr": 0.001 if policy == "fixed" else 0.1}
                    for (name, policy), end in ends.items()
                ]
    table = pd.DataFrame(rows)
    tried = table[(table["seed"] < 2) & (table["lr_policy"] == "tuned")].assign(role="tuning")
    return pd.concat([table, tried], ignore_index=True)


TABLES = {"2.1.7": lambda: {"runs": defaults_runs()}}
