"""Section 1.2: batch size and sharpness at equal training loss."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import by_seed, paired, require_columns, under_other_seeds
from unstuck.claims.batch_momentum_generalisation import CONDITIONS, stopped_runs, why_not
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError

SHARPNESS = ("lambda_max", "trace", "sam")
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
        ratios = paired(logs[0], logs[1], name)
        yield Contrast(
            name=name,
            dataset=dataset,
            condition=condition,
            seeds=tuple(ratios.index),
            values=tuple(ratios),
            usable=not note,
            note=note,
            measure=measure,
        )
        yield under_other_seeds(
            *logs, name=name, dataset=dataset, condition=condition, measure=measure
        )


def _correlations(runs: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    """Compare the ranks of sharpness and accuracy over the runs of a seed, and of another seed."""
    distinct = runs.drop_duplicates("run_id").sort_values(["seed", "optimizer", "lr", "batch_size"])
    seeds = [each.reset_index(drop=True) for _, each in distinct.groupby("seed")]
    shift = [_rank(own["lambda_max"], _next(seeds, i)) for i, own in enumerate(seeds)]
    own = [_rank(each["lambda_max"], each["test_accuracy"]) for each in seeds]
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
    yield Contrast(
        name="λ_max and test accuracies of another seed, in random order",
        dataset=dataset,
        condition={},
        seeds=numbers,
        values=tuple(shift),
        role="negative control",
        measure="correlation",
    )


def _next(seeds: list[pd.DataFrame], index: int) -> pd.Series:
    """Give the test accuracies of the seed that follows, in a random order."""
    other = seeds[(index + 1) % len(seeds)]["test_accuracy"]
    order = np.random.default_rng([index, 12071]).permutation(len(other))
    return other.iloc[order].reset_index(drop=True)


def _rank(sharpness: pd.Series, accuracy: pd.Series) -> float:
    """Give minus the rank correlation; 0 where one of them does not vary."""
    found = sharpness.rank().corr(accuracy.rank())
    return 0.0 if np.isnan(found) else -float(found)


def _within_arms(runs: pd.DataFrame) -> dict[str, float]:
    """Give minus the mean rank correlation over the seeds of an arm, by dataset.

    Within an arm optimizer, rate and batch size are the same.
    """
    distinct = runs.drop_duplicates("run_id")
    found: dict[str, list[float]] = {}
    for (dataset, *_), arm in distinct.groupby(["dataset", *CONDITIONS.values(), "batch_size"]):
        rank = _rank(arm["lambda_max"], arm["test_accuracy"])
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
