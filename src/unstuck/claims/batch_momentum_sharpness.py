"""Section 1.2: batch size and sharpness at equal training loss."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import by_seed, compared, require_columns
from unstuck.claims.batch_momentum_generalisation import CONDITIONS, stopped_runs, why_not
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.claims.other_seeds import Array, correlation_across_seeds
from unstuck.errors import DataError
from unstuck.statistics.ranks import rank_correlation

SHARPNESS = ("lambda_max", "trace", "sam")
ARM = [*CONDITIONS.values(), "batch_size"]
#: largest relative change of an output that rescaling may make
SAME_FUNCTION = 1e-6


@claim("1.2.7")
def flat_minima(easy: pd.DataFrame, hard: pd.DataFrame) -> Evidence:
    """Sharpness of full-batch endpoints over that of small-batch ones, as log ratios by seed.

    A second effect asks whether sharpness foretells the test accuracy: minus the rank correlation
    of both over the runs of a seed. These differ in optimizer and rate too, which may move both;
    the numbers give the correlation within arms, over seeds, where neither varies. A positive
    control rescales layers: the function must stay.
    """
    for table in (easy, hard):
        require_columns(table, [*SHARPNESS, "factor", "output_change", "run_id"], "sharpness")
    measured = stopped_runs(easy, hard)
    runs = measured[measured["factor"] == 1].reset_index(drop=True)
    contrasts: list[Contrast] = []
    for (dataset, *values), part in runs.groupby(["dataset", *CONDITIONS.values()]):
        condition = dict(zip(CONDITIONS, map(str, values), strict=True))
        contrasts += _ratios(part, str(dataset), condition)
    for dataset, part in runs.groupby("dataset"):
        contrasts += _correlations(part, str(dataset))
    change = float(measured["output_change"].max())
    shown = ["dataset", *CONDITIONS.values(), "batch_size", "seed", "lr", "factor"]
    columns = [*shown, "lambda_max", "test_accuracy", "train_loss"]
    return Evidence(
        "1.2.7",
        contrasts=tuple(contrasts),
        checks=(
            Check(
                "largest change of an output by rescaling layers",
                value=change,
                expected=0.0,
                tolerance=SAME_FUNCTION,
                role="positive control",
            ),
        ),
        tables={"sharpness": measured[columns].rename(columns={"lr_policy": "rate"})},
        numbers={
            "seeds": int(runs["seed"].nunique()),
            "rescaled_times": _rescaled_times(measured),
            **_within_arms(runs),
            **_edges(runs),
        },
    )


def _ratios(part: pd.DataFrame, dataset: str, condition: dict[str, str]) -> Iterator[Contrast]:
    arms = [arm for _, arm in part.groupby("batch_size")]
    if len(arms) != 2:
        raise DataError(
            f"claim 1.2.7 on {dataset}: endpoints of {len(arms)} batch sizes; give two."
        )
    small, large = arms
    note = why_not(small, large)
    name = f"batch {large['batch'].iloc[0]} over {small['batch'].iloc[0]}"
    for measure in SHARPNESS:
        logs = [
            by_seed(arm.assign(log=np.log(arm[measure])), "log", name) for arm in (large, small)
        ]
        yield from compared(
            *logs, name=name, dataset=dataset, condition=condition, measure=measure, note=note
        )


def _correlations(runs: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    """Compare the ranks of sharpness and accuracy over the runs of a seed, and across seeds."""
    distinct = runs.sort_values(["seed", *ARM]).drop_duplicates("run_id")
    seeds = [each for _, each in distinct.groupby("seed")]
    own = [_rank(*_pair(each)) for each in seeds]
    numbers = tuple(int(each["seed"].iloc[0]) for each in seeds)
    note = why_not(runs)
    yield Contrast(
        name="λ_max and test accuracy over runs at equal loss",
        dataset=dataset,
        condition={},
        seeds=numbers,
        values=tuple(own),
        usable=not note,
        note=note,
        measure="correlation",
    )
    sharpness, accuracy = (
        distinct.pivot(index="seed", columns=ARM, values=column)
        for column in ("lambda_max", "test_accuracy")
    )
    nothing = correlation_across_seeds(sharpness, accuracy, _rank)
    yield Contrast(
        name="λ_max and test accuracy of other seeds, arm by arm",
        dataset=dataset,
        condition={},
        seeds=tuple(nothing.index),
        values=tuple(nothing),
        role="negative control",
        usable=not nothing.empty,
        note="fewer than four seeds" if nothing.empty else "",
        measure="correlation",
    )


def _rank(sharpness: Array, accuracy: Array) -> float:
    """Give minus the rank correlation; 0 where one of them does not vary."""
    return -float(rank_correlation(sharpness, accuracy))


def _pair(runs: pd.DataFrame) -> tuple[Array, Array]:
    return runs["lambda_max"].to_numpy(), runs["test_accuracy"].to_numpy()


def _within_arms(runs: pd.DataFrame) -> dict[str, float]:
    """Give minus the mean rank correlation over the seeds of an arm, by dataset.

    Within an arm optimizer, rate and batch size are the same.
    """
    distinct = runs.drop_duplicates("run_id")
    found: dict[str, list[float]] = {}
    for (dataset, *_), arm in distinct.groupby(["dataset", *CONDITIONS.values(), "batch_size"]):
        rank = _rank(*_pair(arm))
        found.setdefault(f"correlation_within_arms_{dataset}", []).append(rank)
    return {name: float(np.mean(ranks)) for name, ranks in found.items()}


def _rescaled_times(measured: pd.DataFrame) -> float:
    """Give the median factor by which rescaling, at its most, multiplies the largest eigenvalue."""
    largest = measured.groupby("run_id")["lambda_max"].max()
    plain = measured[measured["factor"] == 1].groupby("run_id")["lambda_max"].first()
    others = measured.loc[measured["factor"] != 1, "run_id"].unique()
    if not len(others):
        return 1.0
    return float((largest[others] / plain[others]).median())


def _edges(runs: pd.DataFrame) -> dict[str, float]:
    """Give the median of η λ_max / 2 at the endpoints of full-batch gradient descent."""
    descent = runs[(runs["batch"] == "full") & (runs["optimizer"] == "sgd")]
    edge = descent["lr"] * descent["lambda_max"] / 2
    return {
        f"edge_{name}": float(v) for name, v in edge.groupby(descent["dataset"]).median().items()
    }
