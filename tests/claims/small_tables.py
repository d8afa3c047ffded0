"""Small made-up tables of runs, on which what a comparison must give is known."""

import numpy as np
import pandas as pd

UNITS = 12


def runs(effect: float = 0.1, noise: float = 0.01, units: int = UNITS) -> pd.DataFrame:
    """A table of runs of two datasets and two batch sizes, tuned among three finalists.

    At the best rate of batch 8 the accuracy is that of the full batch plus `effect`, at the others
    0.2 less. Units 0 to 3 ran in the heat, at one rate more.
    """
    rng = np.random.default_rng(7)
    rows = []
    for dataset in ("easy", "hard"):
        level = 0.6 if dataset == "easy" else 0.4
        shift = rng.normal(size=units) * 0.02
        for batch in ("8", "full"):
            for rate in (0.01, 0.03, 0.1, 0.3):
                for unit in range(units):
                    role = "heat" if unit < 4 else "finalist"
                    if rate == 0.01 and role == "finalist":
                        continue
                    accuracy = level + shift[unit] + noise * rng.normal()
                    accuracy += effect * (batch == "8") - 0.2 * (rate != 0.1)
                    rows.append(
                        {
                            "run_id": f"{dataset}{batch}{rate}{unit}",
                            "cell": f"{dataset}{batch}",
                            "role": role,
                            "dataset": dataset,
                            "batch": batch,
                            "lr_policy": "tuned",
                            "lr": rate,
                            "chosen": rate == 0.1,
                            "score": -accuracy,
                            "seed": unit,
                            "train_accuracy": accuracy,
                            "test_accuracy": accuracy - 0.05,
                        }
                    )
    return pd.DataFrame(rows)
