"""Section 2.2: classes as one-hot vectors, and as numbers."""

from collections.abc import Iterator

import pandas as pd

from unstuck.claims.arms import (
    EDGE,
    by_seed,
    evaluation_runs,
    paired,
    require_columns,
    under_other_seeds,
)
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence, Role
from unstuck.errors import DataError

CODES = {"squared_error": "one-hot", "class_number": "number"}
ARM = ["dataset", "loss", "relabel", "seed"]
SCORE = "test_accuracy"
#: how the names of datasets end whose classes have an order
ORDERED = "_brightness"
GIVEN = 0

Arms = dict[tuple[str, int], pd.DataFrame]


@claim("2.2.1")
def one_hot(runs: pd.DataFrame) -> Evidence:
    """Test accuracy with one-hot targets minus that with class numbers, in points.

    Both are trained by squared error. Numbers are also permuted, which changes nothing for one-hot
    targets but the names of the outputs: the negative control. Where classes have an order the
    numbers are expected to keep up, and to fall behind once permuted: the positive control.
    """
    require_columns(runs, ["loss", "relabel"], "runs")
    chosen = evaluation_runs(runs[runs["loss"].isin(CODES)], ARM)
    chosen = chosen.sort_values(ARM, kind="stable", ignore_index=True)
    contrasts: list[Contrast] = []
    for dataset, part in chosen.groupby("dataset"):
        arms = {
            (CODES[loss], relabel): part[(part["loss"] == loss) & (part["relabel"] == relabel)]
            for loss, relabel in sorted(set(zip(part["loss"], part["relabel"], strict=True)))
        }
        contrasts += _contrasts(arms, str(dataset))
    table = chosen[[*ARM, SCORE, "train_accuracy", "lr", "edge", "diverged"]]
    return Evidence(
        "2.2.1",
        contrasts=tuple(contrasts),
        tables={
            "accuracy": table.assign(
                code=table["loss"].map(CODES),
                ordered=table["dataset"].str.endswith(ORDERED),
            )
        },
        numbers={
            "seeds": int(chosen["seed"].nunique()),
            "numberings": int(chosen["relabel"].nunique()),
            "diverged": int(chosen["diverged"].sum()),
        },
    )


def _contrasts(arms: Arms, dataset: str) -> Iterator[Contrast]:
    if not {("one-hot", GIVEN), ("number", GIVEN)} <= set(arms):
        raise DataError(
            f"claim 2.2.1 on {dataset} needs runs with one-hot targets (squared_error) and with "
            "class numbers (class_number), both with relabel 0."
        )
    reference = arms["one-hot", GIVEN]
    numbers = {relabel: arm for (code, relabel), arm in arms.items() if code == "number"}
    permuted = {relabel: arm for relabel, arm in numbers.items() if relabel != GIVEN}
    if dataset.endswith(ORDERED):
        yield _contrast(
            "class numbers in order, against one-hot",
            dataset,
            [arms["number", GIVEN]],
            [reference],
            measure="ordered",
        )
        yield under_other_seeds(
            *(by_seed(arm, SCORE, dataset) for arm in (arms["number", GIVEN], reference)),
            name="class numbers in order and one-hot",
            dataset=dataset,
            condition={},
            measure="ordered",
        )
        if permuted:
            yield _contrast(
                "one-hot against permuted numbers of ordered classes",
                dataset,
                [reference],
                list(permuted.values()),
                role="positive control",
            )
        return
    yield _contrast("one-hot against class numbers", dataset, [reference], list(numbers.values()))
    for (code, relabel), arm in arms.items():
        if code == "one-hot" and relabel != GIVEN:
            yield _contrast(
                f"one-hot of permuted class numbers ({relabel}) against one-hot",
                dataset,
                [arm],
                [reference],
                role="negative control",
            )


def _contrast(
    name: str,
    dataset: str,
    better: list[pd.DataFrame],
    worse: list[pd.DataFrame],
    *,
    measure: str = "unordered",
    role: Role = "effect",
) -> Contrast:
    """Compare two arms seed by seed, each the mean over its numberings."""
    first, second = (_mean([by_seed(arm, SCORE, name) for arm in side]) for side in (better, worse))
    differences = paired(first, second, name)
    edge = any(arm["edge"].any() for arm in (*better, *worse))
    return Contrast(
        name=name,
        dataset=dataset,
        condition={},
        seeds=tuple(differences.index),
        values=tuple(differences),
        role=role,
        usable=not edge,
        note=EDGE if edge else "",
        measure=measure,
        ceiling=float(100 - second.mean()),
    )


def _mean(arms: "list[pd.Series[float]]") -> "pd.Series[float]":
    if len({tuple(arm.index) for arm in arms}) > 1:
        raise DataError("numberings of one arm have different seeds; give all the same.")
    mean: pd.Series[float] = sum(arms[1:], arms[0]) / len(arms)
    return mean
