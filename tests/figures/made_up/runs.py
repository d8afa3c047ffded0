"""What tables of runs of several sections have in common."""

import numpy as np

DATASETS = {"digits": 95.0, "mnist1d": 62.0}
RUN = {"role": "evaluation", "edge": False, "diverged_at": np.nan, "lr": 0.1}


def run(accuracy: float, **columns: object) -> dict[str, object]:
    """One run that ends with about this accuracy, in percent."""
    share = min(accuracy, 100.0) / 100
    accuracies = {
        "train_accuracy": min(1.0, share + 0.03),
        "validation_accuracy": share,
        "test_accuracy": share,
    }
    return RUN | accuracies | columns


def stopped(
    dataset: str, arm: tuple[str, str], size: int, batch: str, seed: int, **columns: object
) -> dict[str, object]:
    """One run that has come to its training loss, of an arm: its optimizer, and whence its rate."""
    optimizer, rate = arm
    named = {
        "run_id": f"{dataset}{optimizer}{rate}{seed}{batch}",
        "dataset": dataset,
        "optimizer": optimizer,
        "lr_policy": rate,
        "batch": batch,
        "batch_size": size,
        "seed": seed,
    }
    arrived = {"stop_loss": 0.1, "stopped_at": 70.0, "updates": 70, "train_loss": 0.1}
    return RUN | named | arrived | {"train_accuracy": 0.99} | columns
