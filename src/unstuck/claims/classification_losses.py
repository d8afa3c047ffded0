"""Section 2.2: how many updates networks take with one loss and with another."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, halves, paired, require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError
from unstuck.statistics.arrival import arrivals

REFERENCE = "cross_entropy"
RIVALS = ("softmax_squared_error", "squared_error")
PLACE = ["dataset", "optimizer", "start"]
CURVE = {"run_id", "update", "train_accuracy", "train_loss", "dataset", "optimizer", "loss"} | {
    *("initial_bias", "target", "lr", "edge", "seed"),
}


@claim("2.2.4")
def loss_function(curves: pd.DataFrame, control: pd.DataFrame) -> Evidence:
    """Updates to a training accuracy with squared errors over those with cross-entropy.

    A run that does not arrive counts its whole budget, so that a ratio above 1 against such an arm
    is a lower bound. The negative control holds ten seeds of cross-entropy against ten others.
    """
    taken, again = _taken(curves), _taken(control)
    contrasts: list[Contrast] = []
    for place, part in taken.groupby(PLACE):
        contrasts += _contrasts(part, dict(zip(PLACE, map(str, place), strict=True)))
    for place, part in again[again["loss"] == REFERENCE].groupby(PLACE):
        contrasts.append(_control(part, dict(zip(PLACE, map(str, place), strict=True))))
    starts = curves[(curves["update"] == 0) & (curves["loss"] == REFERENCE)]
    sure = starts[starts["initial_bias"] > 0]["train_loss"]
    return Evidence(
        "2.2.4",
        contrasts=tuple(contrasts),
        tables={"updates": taken},
        numbers={
            "seeds": int(taken["seed"].nunique()),
            "not_arrived": int((~taken["arrived"]).sum()),
            "p_true_sure_and_wrong": float(np.exp(-sure.mean())) if len(sure) else "none",
            **{
                f"target_{name}": at
                for name, at in taken.groupby("dataset")["target"].max().items()
            },
        },
    )


def _taken(curves: pd.DataFrame) -> pd.DataFrame:
    """Give the updates that each run took, whole budgets for those that did not arrive."""
    require_columns(curves, CURVE, "curves")
    parts = []
    for dataset, part in curves.groupby("dataset"):
        target = float(part["target"].iloc[0])
        last = part.loc[part.groupby("run_id")["update"].idxmax()].set_index("run_id")
        at = arrivals(part, "updates_to_accuracy", target).reindex(last.index)
        parts.append(
            pd.DataFrame(
                {
                    "dataset": dataset,
                    "optimizer": last["optimizer"],
                    "start": np.where(last["initial_bias"] > 0, "wrong", "even"),
                    "loss": last["loss"],
                    "seed": last["seed"],
                    "target": target,
                    "lr": last["lr"],
                    "edge": last["edge"].astype(bool),
                    "updates": at.fillna(last["update"]).clip(lower=1),
                    "arrived": at.notna(),
                    "budget": last["update"],
                }
            )
        )
    if not parts:
        raise DataError("the curves of claim 2.2.4 are empty; train its experiment first.")
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values([*PLACE, "loss", "seed"], kind="stable", ignore_index=True)


def _contrasts(part: pd.DataFrame, place: dict[str, str]) -> Iterator[Contrast]:
    arms = {str(loss): arm for loss, arm in part.groupby("loss")}
    for rival in RIVALS:
        for needed in (rival, REFERENCE):
            if needed not in arms:
                raise DataError(
                    f"claim 2.2.4 has no runs with loss {needed!r} on {place['dataset']} by "
                    f"{place['optimizer']} from the {place['start']} start; add them."
                )
        name = f"{rival.replace('_', ' ')} over cross-entropy"
        slow, fast = arms[rival], arms[REFERENCE]
        ratios = paired(_logarithms(slow, name), _logarithms(fast, name), name)
        edge = bool(slow["edge"].any() or fast["edge"].any())
        never = not (slow["arrived"].any() or fast["arrived"].any())
        late = int((~slow["arrived"]).sum())
        notes = [EDGE] * edge + ["neither arm arrived"] * never
        bound = [f"{late} of {len(slow)} runs did not arrive and count their budget"] * (late > 0)
        yield Contrast(
            name=name,
            dataset=place["dataset"],
            condition={"loss": rival, "start": place["start"], "optimizer": place["optimizer"]},
            seeds=tuple(ratios.index),
            values=tuple(ratios),
            usable=not notes,
            note="; ".join(notes + bound),
            ceiling=float(np.log(slow["budget"].max()) - _logarithms(fast, name).mean()),
        )


def _control(arm: pd.DataFrame, place: dict[str, str]) -> Contrast:
    other = halves(_logarithms(arm, "cross-entropy"))
    return Contrast(
        name="cross-entropy under other seeds",
        dataset=place["dataset"],
        condition={"start": place["start"], "optimizer": place["optimizer"]},
        seeds=tuple(other.index),
        values=tuple(other),
        role="negative control",
        usable=not other.empty,
        note="a single seed has no other half" if other.empty else "",
    )


def _logarithms(arm: pd.DataFrame, name: str) -> "pd.Series[float]":
    logarithms: pd.Series[float] = np.log(by_seed(arm, "updates", name))
    return logarithms
