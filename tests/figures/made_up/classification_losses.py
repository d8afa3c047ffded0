"""Section 2.2: curves of networks trained with one loss and with another, made up."""

from collections.abc import Callable

import numpy as np
import pandas as pd

TARGETS = {"digits": 0.9, "mnist1d": 0.5}
LOSSES = ("cross_entropy", "softmax_squared_error", "squared_error")
STEP, BUDGET = 2, 400


def curves(
    factor: Callable[[str, str, str], float], seeds: int = 10, later: float = 1.0
) -> pd.DataFrame:
    """Curves that reach their target after some forty updates.

    Parameters
    ----------
    factor
        Of the updates of a loss that is no cross-entropy, by loss, start and optimizer.
    seeds
        Of every arm.
    later
        Factor of the updates of all seeds from 10 on.
    """
    rng = np.random.default_rng([22, 4])
    update = np.arange(0, BUDGET + 1, STEP)
    parts = []
    for dataset, target in TARGETS.items():
        for optimizer in ("sgd", "adam"):
            for start, bias in (("even", 0.0), ("wrong", 10.0)):
                own = 60 * np.exp(rng.normal(0, 0.05, seeds))
                for loss in LOSSES:
                    more = 1.0 if loss == LOSSES[0] else factor(loss, start, optimizer)
                    for seed in range(seeds):
                        time = own[seed] * more * (later if seed >= 10 else 1.0)
                        accuracy = np.minimum(1.0, target * update / time)
                        parts.append(
                            pd.DataFrame(
                                {
                                    "run_id": f"{dataset}{optimizer}{start}{loss}{seed}",
                                    "dataset": dataset,
                                    "optimizer": optimizer,
                                    "initial_bias": bias,
                                    "loss": loss,
                                    "seed": seed,
                                    "target": target,
                                    "lr": 0.1,
                                    "edge": False,
                                    "update": update,
                                    "train_accuracy": accuracy,
                                    "train_loss": np.where(update == 0, 9.0 if bias else 2.3, 0.5),
                                }
                            )
                        )
    return pd.concat(parts, ignore_index=True)


def _slower(loss: str, start: str, optimizer: str) -> float:
    return {"softmax_squared_error": 1.3, "squared_error": 2.2}[loss] * (
        1.8 if start == "wrong" else 1
    )


TABLES = {
    "2.2.4": lambda: {"curves": curves(_slower), "control": curves(lambda *place: 1.0, seeds=20)}
}
