"""Section 3.1: features of unequal scale."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, paired, require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence, Role
from unstuck.errors import DataError
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.trajectory import descend
from unstuck.surfaces.valleys import Ellipse

EQUAL, SPREAD = 1.0, 10.0
RUN = (
    "dataset",
    "spread",
    "draw",
    "optimizer",
    "role",
    "lr",
    "edge",
    "seed",
    "arrived",
    "updates",
)
CURVATURE = ("dataset", "spread", "draw", "seed", "condition", "zero", "parameters", "classes")
#: the bowl of a regression on two uncorrelated features: its κ is the square of the ratio of scales
SHOWN_SCALES, START, STEPS = (4.0, 1.0), (-8.0, 5.0), 40


@claim("3.1.1")
def feature_scale(runs: pd.DataFrame, curvature: pd.DataFrame) -> Evidence:
    """κ of the Hessian and updates to a loss at a tenfold spread of scales, over those at none.

    Every seed draws which feature gets which scale, so that the intervals hold that choice too. κ
    is taken over the eigenvalues that are not zero; softmax gives as many zeros as there are
    weights a class, which is checked. A run that does not arrive counts its whole budget, so that
    its factor is a lower bound. Negative controls: κ and updates at a second draw of the same
    scales over those at the first.
    """
    require_columns(runs, RUN, "runs")
    require_columns(curvature, CURVATURE, "curvature")
    taken = runs[runs["role"] == "evaluation"].sort_values([*RUN[:4], "seed"])
    taken = taken.assign(
        counted=taken["arrived"].fillna(taken["updates"]).clip(lower=1),
        there=taken["arrived"].notna(),
    )
    kappa = curvature.sort_values(["dataset", "spread", "draw", "seed"])
    contrasts = [*_steeper(kappa), *_slower(taken)]
    columns = ["dataset", "spread", "draw", "optimizer", "seed", "lr", "edge", "counted", "there"]
    return Evidence(
        "3.1.1",
        contrasts=tuple(contrasts),
        checks=tuple(_zeros(kappa)),
        tables={
            "updates": taken[columns].rename(columns={"counted": "updates", "there": "arrived"}),
            "curvature": kappa[["dataset", "spread", "draw", "seed", "condition"]],
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
        for name, role, high, low in _pairs(part, str(dataset)):
            ratios = paired(_log(high, "condition"), _log(low, "condition"), name)
            yield Contrast(
                name=f"κ at the initial points, {name}",
                dataset=str(dataset),
                condition={},
                seeds=tuple(ratios.index),
                values=tuple(ratios),
                role=role,
                measure="curvature",
            )


def _slower(taken: pd.DataFrame) -> Iterator[Contrast]:
    for (dataset, optimizer), part in taken.groupby(["dataset", "optimizer"]):
        for name, role, slow, fast in _pairs(part, str(dataset)):
            ratios = paired(_log(slow, "counted"), _log(fast, "counted"), name)
            edge = bool(slow["edge"].any() or fast["edge"].any())
            never = not (slow["there"].any() or fast["there"].any())
            late = int((~slow["there"]).sum())
            notes = [EDGE] * edge + ["neither arm arrived"] * never
            bound = [f"{late} of {len(slow)} did not arrive and count their budget"] * (late > 0)
            yield Contrast(
                name=name,
                dataset=str(dataset),
                condition={"optimizer": str(optimizer)},
                seeds=tuple(ratios.index),
                values=tuple(ratios),
                role=role,
                usable=not notes,
                note="; ".join(notes + bound),
                measure="updates",
                ceiling=float(np.log(part["updates"].max()) - _log(fast, "counted").mean()),
            )


def _pairs(
    part: pd.DataFrame, dataset: str
) -> Iterator[tuple[str, Role, pd.DataFrame, pd.DataFrame]]:
    """Give the name and role of each contrast, its arm and the arm that it is held against."""
    first, second = (part[part["draw"] == draw] for draw in ("first", "second"))
    far, equal = (_at(first, spread, dataset) for spread in (SPREAD, EQUAL))
    yield f"scales spread by {SPREAD:g} over equal ones", "effect", far, equal
    again = _at(second, SPREAD, dataset)
    yield f"scales spread by {SPREAD:g}, drawn again", "negative control", again, far


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
            f"claim 3.1.1 on {dataset} needs scales spread by {spread:g}, and by {SPREAD:g} drawn "
            "a second time; see `spreads` and `redrawn`."
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
