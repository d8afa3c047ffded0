"""Section 1.2: whether the data should be reshuffled every epoch."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, compared, evaluation_runs, require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError
from unstuck.training.order import Batches
from unstuck.training.spec import Order

# words of the registry's conditions; the parts of the data as columns name them
OTHERS = ("fixed", "sorted")
ORDERS: tuple[Order, ...] = ("reshuffled", "fixed", "sorted")
PARTS = {"training": "train", "validation": "validation"}
MEASURES = ("accuracy", "probability")
ARM = ["dataset", "lr_policy", "order", "seed"]
# samples and batch sizes of the exact checks: one that divides and one that does not
SAMPLES = 1000
CUTS = (16, 20)
EPOCHS = 3


@claim("1.2.1")
def shuffle(runs: pd.DataFrame, curves: pd.DataFrame) -> Evidence:
    """Accuracy and probability of the true class, reshuffled minus other orders, by seed.

    The probability is exp(−loss), the geometric mean over samples of what the network gives the
    true class: the loss in points, and bounded where it diverges. All arms have the same batches
    in number and size, so equal epochs are equal updates and equal time. Negative control: each
    arm under other seeds. Controls with a known answer: the loop's own batches partition
    the data in every order, recur where the order is fixed and do not where it is reshuffled.
    """
    needed = [*ARM[1:], "batch_size", *(f"{part}_loss" for part in (*PARTS.values(), "test"))]
    table = evaluation_runs(runs, needed).sort_values(ARM, kind="stable", ignore_index=True)
    for part in (*PARTS.values(), "test"):
        loss = table[f"{part}_loss"].to_numpy(dtype=np.float64)
        table[f"{part}_probability"] = 100 * np.where(table["diverged"], 0.0, np.exp(-loss))
    contrasts = [
        contrast
        for (dataset, policy), arms in table.groupby(["dataset", "lr_policy"])
        for contrast in _contrasts(arms, str(dataset), str(policy))
    ]
    return Evidence(
        "1.2.1",
        contrasts=tuple(contrasts),
        checks=tuple(_order_checks()),
        tables={"curves": _by_epoch(curves)},
        numbers={
            "seeds": int(table["seed"].nunique()),
            "batch_size": int(table["batch_size"].max()),
            "diverged": int(table["diverged"].sum()),
            **_numbers(table),
        },
    )


def _contrasts(arms: pd.DataFrame, dataset: str, policy: str) -> Iterator[Contrast]:
    shuffled = _arm(arms, "reshuffled", dataset)
    for measure in MEASURES:
        for part, prefix in PARTS.items():
            column = f"{prefix}_{measure}"
            ours = by_seed(shuffled, column, "reshuffled")
            for other in OTHERS:
                arm = _arm(arms, other, dataset)
                theirs = by_seed(arm, column, other)
                edge = bool(shuffled["edge"].any() or arm["edge"].any())
                yield from compared(
                    *(ours, theirs),
                    name=f"reshuffled against {other}",
                    dataset=dataset,
                    condition={"against": other, "rate": policy, "part": part},
                    measure=measure,
                    note=EDGE if edge else "",
                    ceiling=100 - float(theirs.mean()),
                )


def _arm(arms: pd.DataFrame, order: str, dataset: str) -> pd.DataFrame:
    arm = arms[arms["order"] == order]
    if arm.empty:
        raise DataError(f"claim 1.2.1 on {dataset}: no run has order {order!r}; add it.")
    return arm


def _order_checks() -> Iterator[Check]:
    """Draw epochs of batches as training does, and count what they hold."""
    labels = np.arange(SAMPLES) % 10
    for order in ORDERS:
        unlike = 0
        recurring = 0
        for size in CUTS:
            epochs = []
            for epoch in range(EPOCHS):
                # another object an epoch, lest a cached epoch be compared with itself
                cut = Batches(order, [labels], [0], size).epoch(epoch)
                seen = np.bincount(np.concatenate([b[0] for b in cut]), minlength=SAMPLES)
                unlike += int((seen != 1).sum())
                epochs.append({frozenset(batch[0].tolist()) for batch in cut})
            recurring += len(epochs[0] & epochs[1]) + len(epochs[1] & epochs[2])
        total = sum((EPOCHS - 1) * -(-SAMPLES // size) for size in CUTS)
        yield Check(
            f"samples that an epoch of {order} batches does not hold exactly once",
            unlike,
            0,
            0,
            role="positive control",
        )
        yield Check(
            f"share of {order} batches that come again in the next epoch",
            recurring / total,
            0.0 if order == "reshuffled" else 1.0,
            0,
            role="positive control",
        )


def _by_epoch(curves: pd.DataFrame) -> pd.DataFrame:
    """Give one row an evaluation: accuracy of each run by epoch, in percent."""
    needed = [*ARM, "epoch", "train_accuracy", "validation_accuracy"]
    require_columns(curves, needed, "curves")
    table = curves[needed].rename(columns={"lr_policy": "rate"}).copy()
    for part in PARTS.values():
        table[f"{part}_accuracy"] *= 100
    return table.sort_values(
        ["dataset", "rate", "order", "seed", "epoch"], kind="stable", ignore_index=True
    )


def _numbers(table: pd.DataFrame) -> dict[str, float]:
    """Give rates, and differences in test accuracy and probability that no rate was chosen by."""
    numbers: dict[str, float] = {}
    for (dataset, policy), arms in table.groupby(["dataset", "lr_policy"]):
        names = [f"test_{measure}" for measure in MEASURES]
        means = {str(order): arm[[*names, "lr"]].mean() for order, arm in arms.groupby("order")}
        place = f"{dataset}_{policy}"
        numbers |= {f"rate_{place}_{order}": float(mean["lr"]) for order, mean in means.items()}
        numbers |= {
            f"{name}_{place}_against_{other}": float(means["reshuffled"][name] - means[other][name])
            for other in OTHERS
            for name in names
        }
    return numbers
