"""Section 3.1: whether batch normalisation smooths the loss, and what drift does to its gain."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.arms import EDGE, by_seed, compared, paired, require_columns, under_other_seeds
from unstuck.claims.batch_normalisation_arms import (
    WITH,
    WITHOUT,
    Pair,
    pairs_of,
    speed_up,
    updates_to,
)
from unstuck.claims.batch_normalisation_depth import TARGET
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

#: what is measured of the surface, by effect of the registry
SURFACE = {"curvature": "lambda_max", "along": "smoothness"}
PATH = ["dataset", "depth", "batchnorm", "noise", "seed", "update", "loss", *SURFACE.values()]
SCORE = "train_accuracy"

Array = NDArray[np.float64]


@claim("3.1.7")
def smoothing(
    path: pd.DataFrame,
    drift: pd.DataFrame,
    rates: pd.DataFrame,
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    noisy_runs: pd.DataFrame,
    noisy_curves: pd.DataFrame,
) -> Evidence:
    """Curvature, change of the gradient and updates to a target, without over with, by noise.

    All are logarithms of ratios. Negative controls: the arms of each comparison under other seeds.
    Positive: noise makes layers' inputs drift, the most of it more than no normalisation does.
    """
    require_columns(path, PATH, "path")
    require_columns(drift, ["dataset", "depth", "batchnorm", "noise", "seed", "drift"], "drift")
    contrasts: list[Contrast] = []
    for (dataset, depth), part in path.groupby(["dataset", "depth"]):
        plain = part["batchnorm"] == WITHOUT
        for noise in sorted(set(part.loc[~plain, "noise"])):
            # the plain arm has no noise, and stands beside every arm with it
            both = part[plain | (part["noise"] == noise)]
            contrasts += _surface(both, str(dataset), {"depth": str(depth), "noise": f"{noise:g}"})
    courses: list[dict[str, object]] = []
    for pair in _noisy_pairs(rates, runs, curves, noisy_runs):
        contrasts += _speeds(pair, noisy_runs, noisy_curves)
        courses += _courses(pair, noisy_curves)
    for (dataset, _), part in drift[drift["depth"] == drift["depth"].max()].groupby(
        ["dataset", "depth"]
    ):
        contrasts += _drifts(part, str(dataset))
    return Evidence(
        "3.1.7",
        contrasts=tuple(contrasts),
        tables={
            "path": _mean_path(path),
            "courses": pd.DataFrame(courses),
            "ratios": _ratios(contrasts),
            "drift": drift.groupby(["dataset", "depth", "batchnorm", "noise"])["drift"]
            .mean()
            .reset_index(),
        },
        numbers={
            "seeds": int(path["seed"].nunique()),
            "largest_residual": float((path["residual"] / path["lambda_max"]).max()),
        },
    )


def _mean_path(path: pd.DataFrame) -> pd.DataFrame:
    """Give the measures of the surface over updates: means of logarithms over seeds."""
    columns = list(SURFACE.values())
    logs = path.assign(**{name: np.log(path[name]) for name in columns})
    means = logs.groupby(["dataset", "depth", "batchnorm", "noise", "update"])[columns].mean()
    return means.apply(np.exp).reset_index()


def at_loss(losses: Array, values: Array, level: float) -> float:
    """Give a value where the loss of a path first falls to a level, between points by a line.

    Parameters
    ----------
    losses, values
        On the path `[E]`; some loss is at the level or below.
    """
    first = int(np.flatnonzero(losses <= level)[0])
    if first == 0:
        return float(values[0])
    ends = slice(first, first - 2 if first > 1 else None, -1)
    return float(np.interp(level, losses[ends], values[ends]))


def _surface(part: pd.DataFrame, dataset: str, place: dict[str, str]) -> Iterator[Contrast]:
    """Compare the paths without and with, at equal updates and at equal loss."""
    loss = {arm: _paths(part, arm, "loss") for arm in (WITHOUT, WITH)}
    # where the slower of the two ends
    level = pd.concat([each.min(axis=1) for each in loss.values()], axis=1).max(axis=1)
    for measure, column in SURFACE.items():
        logs = {arm: _paths(part, arm, column).clip(lower=1e-12).apply(np.log) for arm in loss}
        for match in ("updates", "loss"):
            plain, normed = (
                logs[arm].mean(axis=1)
                if match == "updates"
                else _at_levels(loss[arm], logs[arm], level)
                for arm in (WITHOUT, WITH)
            )
            yield from compared(
                *(plain, normed),
                name=f"{column.replace('_', ' ')} without over with",
                dataset=dataset,
                condition=place | {"match": match},
                measure=measure,
            )


def _paths(part: pd.DataFrame, arm: str, column: str) -> pd.DataFrame:
    """Give a column of the path `[seed, update]`."""
    table = part[part["batchnorm"] == arm].pivot(index="seed", columns="update", values=column)
    if table.empty:
        raise DataError(f"claim 3.1.7: the path has no arm with batchnorm {arm!r}; measure both.")
    return table.sort_index(axis=1)


def _at_levels(
    loss: pd.DataFrame, values: pd.DataFrame, level: "pd.Series[float]"
) -> "pd.Series[float]":
    found = [
        at_loss(losses, row, height)
        for losses, row, height in zip(
            loss.to_numpy(), values.to_numpy(), level.loc[loss.index], strict=True
        )
    ]
    return pd.Series(found, index=loss.index)


def _noisy_pairs(
    rates: pd.DataFrame, runs: pd.DataFrame, curves: pd.DataFrame, noisy: pd.DataFrame
) -> Iterator[Pair]:
    """Give the pair of arms that each noisy one belongs to."""
    require_columns(noisy, ["dataset", "activation", "repeat", "batchnorm_noise", "edge"], "noisy")
    places = set(zip(noisy["dataset"], noisy["activation"], noisy["repeat"], strict=True))
    for pair in pairs_of(rates, runs, curves):
        if (pair.dataset, pair.activation, pair.depth) in places:
            yield pair


def _noisy(table: pd.DataFrame, pair: Pair) -> Iterator[tuple[float, pd.DataFrame]]:
    """Give the rows of a noisy table that belong to a pair, by noise."""
    here = (table["dataset"] == pair.dataset) & (table["activation"] == pair.activation)
    for noise, part in table[here & (table["repeat"] == pair.depth)].groupby("batchnorm_noise"):
        yield float(str(noise)), part


def _speeds(pair: Pair, noisy_runs: pd.DataFrame, noisy_curves: pd.DataFrame) -> Iterator[Contrast]:
    """Compare updates to a target, without over with, by noise.

    The target is set by the arm without, which comes there whatever noise does to the others.
    """
    target = pair.target(TARGET, of=pair.arms[WITHOUT])
    plain = pair.arms[WITHOUT].curve
    normed = {0.0: pair.arms[WITH].curve}
    edges = {0.0: pair.arms[WITH].edge}
    for noise, part in _noisy(noisy_curves, pair):
        table = part.pivot(index="seed", columns="update", values=SCORE)
        normed[noise] = 100 * table.sort_index(axis=1)
    for noise, part in _noisy(noisy_runs, pair):
        edges[noise] = bool(part.loc[part["role"] == "evaluation", "edge"].any())
    for noise, curve in normed.items():
        gain, ceiling, late = speed_up(plain, curve, target)
        edge = edges[noise] or pair.arms[WITHOUT].edge
        condition = {"noise": f"{noise:g}"}
        yield Contrast(
            name="updates to the target, without over with",
            dataset=pair.dataset,
            condition=condition,
            seeds=tuple(gain.index),
            values=tuple(gain),
            usable=not edge,
            note="; ".join([EDGE] * edge + [late] * bool(late)),
            measure="speed",
            ceiling=ceiling,
        )
        yield under_other_seeds(
            *(np.log(updates_to(each, target)[0]) for each in (plain, curve)),
            name="updates to the target",
            dataset=pair.dataset,
            condition=condition,
            measure="speed",
        )


def _courses(pair: Pair, noisy_curves: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Give mean training accuracy against updates of every arm of a pair; noise −1 is without."""
    arms = {-1.0: pair.arms[WITHOUT].curve.mean(), 0.0: pair.arms[WITH].curve.mean()}
    for noise, part in _noisy(noisy_curves, pair):
        arms[noise] = 100 * part.groupby("update")[SCORE].mean()
    for noise, course in arms.items():
        for update, accuracy in course.items():
            yield {
                **{"dataset": pair.dataset, "depth": pair.depth, "noise": noise},
                **{"update": int(str(update)), "accuracy": float(accuracy)},
            }


def _drifts(part: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    """Hold the drift of layers' inputs with noise against that of batch normalisation alone.

    And with the most noise against that without batch normalisation.
    """
    noisy = part["noise"] > 0
    plain = part["batchnorm"] == WITHOUT
    alone = part[~noisy & ~plain]
    most = part["noise"].max()
    for noise in sorted(set(part.loc[noisy, "noise"])):
        logs = np.log(by_seed(part[part["noise"] == noise], "drift", "with noise"))
        others = [("batch normalisation alone", alone)]
        others += [("none at all", part[plain])] * int(noise == most)
        for name, other in others:
            ratio = paired(logs, np.log(by_seed(other, "drift", name)), "drift")
            yield Contrast(
                name=f"drift of the layers' inputs, noisy batch normalisation over {name}",
                dataset=dataset,
                condition={"noise": f"{noise:g}"},
                seeds=tuple(ratio.index),
                values=tuple(ratio),
                role="positive control",
                measure="speed",
            )


def _ratios(contrasts: list[Contrast]) -> pd.DataFrame:
    """Give the mean ratio of every effect, with its conditions."""
    keys = ("depth", "match", "noise")
    return pd.DataFrame(
        [
            {"measure": each.measure, "dataset": each.dataset}
            | {key: each.condition.get(key, "") for key in keys}
            | {"ratio": float(np.exp(np.mean(each.values)))}
            for each in contrasts
            if each.role == "effect"
        ]
    )
