"""Section 1.2: batch size and momentum."""

from collections.abc import Iterator

import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, compared, evaluation_runs
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

# words of the registry's condition `accuracy`, and the column of the table of runs
PARTS = {"training": "train_accuracy", "validation": "validation_accuracy"}
ARM = ["dataset", "budget", "lr_policy", "batch_size", "seed"]


@claim("1.2.5")
def small_trains_better(epochs: pd.DataFrame, updates: pd.DataFrame) -> Evidence:
    """Accuracy of the smallest batch minus that of the largest, in points, paired by seed.

    The verdict is on training and validation accuracy; test accuracy is quoted beside it, since
    the validation part chose the rates. The negative control compares each of the two batch sizes
    with itself under other seeds.
    """
    runs = pd.concat(
        [
            evaluation_runs(table, ARM[2:]).assign(budget=budget)
            for budget, table in (("epochs", epochs), ("updates", updates))
        ],
        ignore_index=True,
    ).sort_values(ARM, kind="stable", ignore_index=True)
    contrasts = [
        contrast
        for (dataset, budget, policy), part in runs.groupby(["dataset", "budget", "lr_policy"])
        for contrast in _contrasts(part, str(dataset), {"budget": str(budget), "rate": str(policy)})
    ]
    accuracy = runs[[*ARM, *PARTS.values(), "test_accuracy", "lr", "edge", "diverged"]]
    fractions = {
        name: accuracy[name] / 100 for name in accuracy.columns if name.endswith("_accuracy")
    }
    return Evidence(
        "1.2.5",
        contrasts=tuple(contrasts),
        tables={"accuracy": accuracy.assign(**fractions).rename(columns={"lr_policy": "rate"})},
        numbers={
            "seeds": int(runs["seed"].nunique()),
            "diverged": int(runs["diverged"].sum()),
            **_test_differences(runs),
        },
    )


def _contrasts(runs: pd.DataFrame, dataset: str, condition: dict[str, str]) -> Iterator[Contrast]:
    small, large = _extremes(runs, dataset)
    name = f"batch {small['batch_size'].iloc[0]} against {large['batch_size'].iloc[0]}"
    edge = bool(small["edge"].any() or large["edge"].any())
    for part, column in PARTS.items():
        ours, theirs = by_seed(small, column, name), by_seed(large, column, name)
        yield from compared(
            *(ours, theirs),
            name=name,
            dataset=dataset,
            condition={**condition, "accuracy": part},
            note=EDGE if edge else "",
            ceiling=100 - float(theirs.mean()),
        )


def _extremes(runs: pd.DataFrame, dataset: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    sizes = sorted(runs["batch_size"].unique())
    if len(sizes) < 2:
        raise DataError(
            f"claim 1.2.5 on {dataset}: all runs have batch size {sizes[0]}; give two or more."
        )
    return runs[runs["batch_size"] == sizes[0]], runs[runs["batch_size"] == sizes[-1]]


def _test_differences(runs: pd.DataFrame) -> dict[str, float]:
    """Give the mean difference in test accuracy of the same two arms, in points."""
    differences = {}
    for (dataset, budget, policy), part in runs.groupby(["dataset", "budget", "lr_policy"]):
        small, large = _extremes(part, str(dataset))
        difference = small["test_accuracy"].mean() - large["test_accuracy"].mean()
        differences[f"test_{dataset}_{budget}_{policy}"] = float(difference)
    return differences
