"""Section 3.1: features of unequal scale."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import by_seed, paired, require_columns, under_other_seeds
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.trajectory import descend
from unstuck.surfaces.valleys import Ellipse

EQUAL, SPREAD = 1.0, 10.0
RUN = (
    "dataset",
    "spread",
    "order",
    "optimizer",
    "role",
    "lr",
    "edge",
    "seed",
    "arrived",
    "updates",
)
CURVATURE = ("dataset", "spread", "seed", "condition", "zero", "parameters", "classes")
EDGE = "the best rate lies on the edge of its grid"
#: the bowl of a regression on two uncorrelated features: its κ is the square of the ratio of scales
SHOWN_SCALES, START, STEPS = (4.0, 1.0), (-8.0, 5.0), 40


@claim("3.1.1")
def feature_scale(runs: pd.DataFrame, curvature: pd.DataFrame) -> Evidence:
    """κ of the Hessian and updates to a loss at a tenfold spread of scales, over those at none.

    κ is taken over the eigenvalues that are not zero; softmax gives as many zeros as there are
    weights a class, which is checked. A run that does not arrive counts its whole budget, so that
    its factor is a lower bound. Negative controls: equal scales with the features in another
    order; κ under other seeds.
    """
    require_columns(runs, RUN, "runs")
    require_columns(curvature, CURVATURE, "curvature")
    taken = runs[runs["role"] == "evaluation"].sort_values([*RUN[:4], "seed"])
    taken = taken.assign(
        counted=taken["arrived"].fillna(taken["updates"]).clip(lower=1),
        there=taken["arrived"].notna(),
    )
    kappa = curvature.sort_values(["dataset", "spread", "seed"])
    contrasts = [*_steeper(kappa), *_slower(taken)]
    columns = ["dataset", "spread", "order", "optimizer", "seed", "lr", "edge", "counted", "there"]
    return Evidence(
        "3.1.1",
        contrasts=tuple(contrasts),
        checks=tuple(_zeros(kappa)),
        tables={
            "updates": taken[columns].rename(columns={"counted": "updates", "there": "arrived"}),
            "curvature": kappa[["dataset", "spread", "seed", "condition"]],
            "paths": _paths(),
        },
        numbers={
            "seeds": int(taken["seed"].nunique()),
            "budget": int(taken["updates"].max()),
            "not_arrived": int((~taken["there"]).sum()),
        },
    )


def _steeper(kappa: pd.DataFrame) -> Iterator[Contrast]:
    for dataset, part in kappa.groupby("dataset"):
        name = f"κ at the initial points, scales spread by {SPREAD:g} over equal ones"
        far, equal = (
            _log(_at(part, spread, str(dataset)), "condition") for spread in (SPREAD, EQUAL)
        )
        ratios = paired(far, equal, name)
        yield Contrast(
            name=name,
            dataset=str(dataset),
            condition={},
            seeds=tuple(ratios.index),
            values=tuple(ratios),
            measure="curvature",
        )
        yield under_other_seeds(
            *(far, equal),
            name="κ at the initial points",
            dataset=str(dataset),
            condition={},
            measure="curvature",
        )


def _slower(taken: pd.DataFrame) -> Iterator[Contrast]:
    for (dataset, optimizer), part in taken.groupby(["dataset", "optimizer"]):
        given = part[part["order"] == "given"]
        far, equal = (_at(given, spread, str(dataset)) for spread in (SPREAD, EQUAL))
        other = part[part["order"] != "given"]
        for name, slow, role in (
            (f"scales spread by {SPREAD:g} over equal ones", far, "effect"),
            ("equal scales with the features in another order", other, "negative control"),
        ):
            ratios = paired(_log(slow, "counted"), _log(equal, "counted"), name)
            edge = bool(slow["edge"].any() or equal["edge"].any())
            never = not (slow["there"].any() or equal["there"].any())
            late = int((~slow["there"]).sum())
            notes = [EDGE] * edge + ["neither arm arrived"] * never
            bound = [f"{late} of {len(slow)} did not arrive and count their budget"] * (late > 0)
            yield Contrast(
                name=name,
                dataset=str(dataset),
                condition={"optimizer": str(optimizer)},
                seeds=tuple(ratios.index),
                values=tuple(ratios),
                role="effect" if role == "effect" else "negative control",
                usable=not notes,
                note="; ".join(notes + bound),
                measure="updates",
                ceiling=float(np.log(part["updates"].max()) - _log(equal, "counted").mean()),
            )


def _zeros(kappa: pd.DataFrame) -> Iterator[Check]:
    for dataset, part in kappa.groupby("dataset"):
        weights = part["parameters"] / part["classes"]
        yield Check(
            f"zero eigenvalues on {dataset} less those that softmax makes, at most",
            float((part["zero"] - weights).abs().max()),
            0.0,
            0.0,
            role="positive control",
        )


def _at(part: pd.DataFrame, spread: float, dataset: str) -> pd.DataFrame:
    chosen = part[np.isclose(part["spread"], spread)]
    if chosen.empty:
        raise DataError(
            f"claim 3.1.1 on {dataset} needs scales spread by {spread:g}; add it to `spreads`."
        )
    return chosen


def _log(arm: pd.DataFrame, column: str) -> "pd.Series[float]":
    logarithms: pd.Series[float] = np.log(by_seed(arm, column, "an arm"))
    return logarithms


def _paths() -> pd.DataFrame:
    """Give descents on the bowls of two features, each at its best rate, 2 / (λmin + λmax)."""
    parts = []
    for ratio in SHOWN_SCALES:
        bowl = Ellipse(condition=ratio**2)
        walk = descend(bowl, [START], OPTIMIZERS["sgd"], 2 / sum(bowl.curvatures), STEPS)
        parts.append(
            pd.DataFrame(
                {
                    "ratio": ratio,
                    "update": walk.updates,
                    "x": walk.points[:, 0, 0],
                    "y": walk.points[:, 0, 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
