"""Section 1.2: runs that stopped at a training loss, made up."""

import numpy as np
import pandas as pd

from made_up.runs import run

LEVELS = {"digits_half": (93.0, 0.02), "mnist1d_half": (32.0, 0.2)}
ARMS = (("adam", "fixed"), ("adam", "tuned"), ("sgd", "tuned"))
SIZES = {16: "16", 48: "48", 512: "full"}


def stopped_runs(dataset: str) -> pd.DataFrame:
    """Runs of three batch sizes, the smaller the better but with SGD."""
    rng = np.random.default_rng([126])
    level, loss = LEVELS[dataset]
    return pd.DataFrame(
        [
            run(
                level - (0.6 if optimizer == "adam" else -0.2) * index + rng.normal(0, 0.6),
                dataset=dataset,
                optimizer=optimizer,
                lr_policy=rate,
                run_id=f"{dataset} {optimizer} {rate} {name} {seed}",
                batch=name,
                batch_size=size,
                seed=seed,
                stop_loss=loss,
                stopped_at=100.0,
                updates=100,
                train_loss=loss * rng.uniform(0.9, 1),
            )
            for optimizer, rate in ARMS
            for index, (size, name) in enumerate(SIZES.items())
            for seed in range(12)
        ]
    )


TABLES = {
    "1.2.6": lambda: {"easy": stopped_runs("digits_half"), "hard": stopped_runs("mnist1d_half")}
}
