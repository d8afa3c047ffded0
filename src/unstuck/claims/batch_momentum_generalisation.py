"""Section 1.2: batch size and test accuracy at equal training loss."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, compared, evaluation_runs
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

# words of the registry's conditions, and the columns that hold their values
CONDITIONS = {"optimizer": "optimizer", "rate": "lr_policy"}
ARM = ["dataset", *CONDITIONS.values(), "batch_size", "seed"]
SHOWN = [
    *(*ARM, "lr", "edge", "arrived", "updates", "stop_loss"),
    *("train_loss", "train_accuracy", "validation_accuracy", "test_accuracy"),
]
SAME = "the rates chosen are the fixed one: the same runs, which count there"


@claim("1.2.6")
def small_generalises(easy: pd.DataFrame, hard: pd.DataFrame) -> Evidence:
    """Test accuracy of the smallest batch minus that of larger ones, in points, paired by seed.

    All runs stopped at one training loss of their dataset; an arm with a run that did not reach it
    carries no verdict. How far the losses still differ, by the last updates before they were looked
    at, stands in the tables. The negative control compares each arm with itself under other seeds.
    """
    runs = stopped_runs(easy, hard)
    contrasts: list[Contrast] = []
    pairs = []
    for (dataset, *values), part in runs.groupby(["dataset", *CONDITIONS.values()]):
        condition = dict(zip(CONDITIONS, map(str, values), strict=True))
        for large, small_arm, large_arm in against_smallest(part, str(dataset)):
            where = condition | {"against": large}
            contrasts += _contrasts(small_arm, large_arm, str(dataset), where)
            pairs.append(_pairs(small_arm, large_arm).assign(dataset=str(dataset), **where))
    together = pd.concat(pairs, ignore_index=True)
    return Evidence(
        "1.2.6",
        contrasts=tuple(contrasts),
        tables={
            "runs": runs[SHOWN].rename(columns={"lr_policy": "rate"}),
            "pairs": together,
        },
        numbers={
            "seeds": int(runs["seed"].nunique()),
            "late": int((~runs["arrived"]).sum()),
            "largest_loss_ratio": _largest_ratio(together),
            **_loss_ratios(together),
        },
    )


def stopped_runs(easy: pd.DataFrame, hard: pd.DataFrame) -> pd.DataFrame:
    """Give the evaluation runs of both experiments, sorted, with whether each run `arrived`.

    `repeated` is a run at a tuned rate that occurs at the fixed rate too, being the same one.
    """
    needed = [*ARM, "run_id", "batch", "stop_loss", "stopped_at", "updates", "train_loss", "lr"]
    tables = [evaluation_runs(table, needed) for table in (easy, hard)]
    runs = pd.concat(tables, ignore_index=True).sort_values(ARM, ignore_index=True)
    fixed = runs["lr_policy"] == "fixed"
    return runs.assign(
        arrived=runs["stopped_at"].notna(),
        repeated=~fixed & runs["run_id"].isin(runs.loc[fixed, "run_id"]),
    )


def against_smallest(
    runs: pd.DataFrame, dataset: str
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Give each larger batch size, as the registry's condition calls it, with both arms.

    Raises
    ------
    DataError
        If there are not three sizes, the largest of which is the whole training part.
    """
    arms = [arm for _, arm in runs.groupby("batch_size")]
    if len(arms) != 3 or set(arms[-1]["batch"]) != {"full"}:
        sizes = ", ".join(dict.fromkeys(map(str, runs["batch"])))
        raise DataError(
            f"runs that stop at a training loss, on {dataset}: batch sizes are {sizes}; "
            "give three, the last of them full."
        )
    yield "tenth", arms[0], arms[1]
    yield "all", arms[0], arms[2]


def why_not(*arms: pd.DataFrame) -> str:
    """Say why no verdict may rest on these arms; nothing if one may."""
    late = sum(int((~arm["arrived"]).sum()) for arm in arms)
    if late:
        runs = sum(len(arm) for arm in arms)
        return f"{late} of {runs} runs did not reach the training loss to stop at"
    if all(bool(arm["repeated"].all()) for arm in arms):
        return SAME
    return EDGE if any(bool(arm["edge"].any()) for arm in arms) else ""


def _contrasts(
    small: pd.DataFrame, large: pd.DataFrame, dataset: str, condition: dict[str, str]
) -> Iterator[Contrast]:
    name = f"batch {small['batch'].iloc[0]} against {large['batch'].iloc[0]}"
    ours, theirs = (by_seed(arm, "test_accuracy", name) for arm in (small, large))
    yield from compared(
        *(ours, theirs),
        name=name,
        dataset=dataset,
        condition=condition,
        note=why_not(small, large),
        ceiling=100 - float(theirs.mean()),
    )


def _pairs(small: pd.DataFrame, large: pd.DataFrame) -> pd.DataFrame:
    """Give both arms' accuracy in percent and training loss, a row a seed."""
    columns = ["test_accuracy", "train_loss", "arrived"]
    sides = [
        arm.set_index("seed")[columns].add_suffix(f"_{name}")
        for name, arm in (("small", small), ("large", large))
    ]
    return pd.concat(sides, axis=1).sort_index().reset_index()


def _loss_ratios(pairs: pd.DataFrame) -> dict[str, float]:
    """Give the geometric mean of the larger batch's training loss over the smallest one's."""
    ratios = {}
    arrived = pairs[pairs["arrived_small"] & pairs["arrived_large"]]
    for names, part in arrived.groupby(["dataset", *CONDITIONS, "against"]):
        logs = np.log(part["train_loss_large"] / part["train_loss_small"])
        ratios["loss_ratio_" + "_".join(map(str, names))] = float(np.exp(logs.mean()))
    return ratios


def _largest_ratio(pairs: pd.DataFrame) -> float:
    """Give the mean ratio of losses that is farthest from one, as a ratio above one."""
    return max((max(each, 1 / each) for each in _loss_ratios(pairs).values()), default=1.0)
