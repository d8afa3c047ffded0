"""Section 1.1: ways down from saddles."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.curvature.critical_points.escape import descend, drop, escape_times
from unstuck.curvature.objective import Surface
from unstuck.errors import DataError

RATIO = 1e-3  # of the change of the loss to that of the quadratic, at the smallest radius
SLOPE = 0.02  # of the measured slope to the one that the eigenvalue foretells
STRAIGHT = 1.0  # updates from the straight line: they are whole numbers
STAYS = 1e-10  # distance from the saddle
ROUNDING = 1e-9
SADDLE = ["dataset", "seed", "width", "rung"]
# the saddle whose curves are drawn
SHOWN_RUNG = 2
DRAWN = 400
TOY_RADII = (1e-3, 1e-2, 1e-1)
TOY_EXPONENTS = (2, 4, 6, 8)
TOY_RATE = 0.025


@claim("1.1.4")
def escape(
    points: pd.DataFrame, drops: pd.DataFrame, times: pd.DataFrame, curves: pd.DataFrame
) -> Evidence:
    """Loss along the lowest eigenvector of every saddle, and updates to leave it.

    Controls: a minimum has no way down, neither those of the ladder nor that of the toy.
    """
    require_columns(points, [*SADDLE, "converged", "kind", "eigenvalues"], "points")
    require_columns(drops, [*SADDLE, "radius", "ratio"], "drops")
    needed = [*SADDLE, "exponent", "updates", "observed", "farthest", "predicted_slope"]
    require_columns(times, needed, "times")
    require_columns(curves, [*SADDLE, "exponent", "update", "loss"], "curves")
    if drops.empty or times.empty:
        raise DataError(
            "the ladder has no certified saddle to leave; give it a width of 1 or more."
        )
    certified = points[points["converged"]]
    minima = certified[certified["kind"] == "minimum"]
    saddles = certified[certified["kind"] == "saddle"]
    slopes = _slopes(times)
    exact = times[times["exponent"] == 0]
    checks = [*_toy_checks(), *_minimum_checks(minima)]
    smallest = drops[drops["radius"] == drops["radius"].min()]
    for dataset, part in smallest.groupby("dataset"):
        place = f"on {dataset}"
        left = slopes[slopes["dataset"] == dataset]
        still = exact[exact["dataset"] == dataset]
        checks += [
            Check(
                f"saddles of the ladder {place} without a step along their lowest eigenvector",
                len(saddles[saddles["dataset"] == dataset]) - len(part),
                0,
                0,
            ),
            Check(
                f"change of the loss over ½λε² at ε = {part['radius'].iloc[0]:g} {place}, "
                "farthest from 1",
                _farthest(part["ratio"], 1.0),
                1.0,
                RATIO,
            ),
            Check(
                f"starts off a saddle {place} that gradient descent did not leave",
                int(left["stuck"].sum()),
                0,
                0,
            ),
            Check(
                f"updates for each unit of k over ln 10 / ln(1 − ηλ) {place}, farthest from 1",
                _farthest(left["slope"] / left["predicted_slope"], 1.0),
                1.0,
                SLOPE,
            ),
            Check(
                f"updates from the straight line in k {place}, the most",
                left["deviation"].max(),
                0.0,
                STRAIGHT,
            ),
            Check(
                f"distance from a saddle {place} after starting on it, the largest",
                still["farthest"].max(),
                0.0,
                STAYS,
            ),
        ]
    return Evidence(
        "1.1.4",
        checks=tuple(checks),
        tables={
            "drops": drops[[*SADDLE, "radius", "ratio"]],
            "slopes": slopes.drop(columns="stuck"),
            "plateau": _plateau(curves, points),
        },
        numbers={
            "points": len(points),
            "not_certified": int((~points["converged"]).sum()),
            "saddles": len(saddles),
            "left": len(slopes),
            "fewest_updates_on_it": int(exact["observed"].min()),
            "largest_gradient_norm": float(points["gradient_norm"].max()),
        },
    )


def _farthest(values: "pd.Series[float]", goal: float) -> float:
    """Give the value that is farthest from a goal."""
    array = values.to_numpy(dtype=np.float64)
    return float(array[np.argmax(np.abs(array - goal))])


def _slopes(times: pd.DataFrame) -> pd.DataFrame:
    """Fit updates to leave against k, a straight line a saddle; starts that never left count."""
    rows = []
    off = times[times["exponent"] > 0]
    for key, part in off.groupby(SADDLE):
        k = part["exponent"].to_numpy(dtype=np.float64)
        updates = part["updates"].to_numpy(dtype=np.float64)
        stuck = ~np.isfinite(updates)
        slope, deviation = np.nan, np.nan
        if not stuck.any():
            line = np.polyfit(k, updates, 1)
            slope = float(line[0])
            deviation = float(np.abs(np.polyval(line, k) - updates).max())
        rows.append(
            dict(zip(SADDLE, key, strict=True))
            | {
                "slope": slope,
                "predicted_slope": float(part["predicted_slope"].iloc[0]),
                "deviation": deviation,
                "stuck": int(stuck.sum()),
            }
        )
    return pd.DataFrame(rows)


def _plateau(curves: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Give the curves of one saddle, thinned, with the loss of the saddle."""
    first = curves.sort_values([*SADDLE, "exponent", "update"], kind="stable", ignore_index=True)
    head = first.iloc[0]
    rung = min(SHOWN_RUNG, int(first["rung"].max()))
    one = first[
        (first["dataset"] == head["dataset"])
        & (first["seed"] == head["seed"])
        & (first["width"] == head["width"])
        & (first["rung"] == rung)
    ]
    every = max(1, int(one["update"].max()) // DRAWN)
    kept = one[one["update"] % every == 0]
    losses = points.set_index(SADDLE)["loss"]
    key = (head["dataset"], head["seed"], head["width"], rung)
    plateau: pd.DataFrame = kept.assign(saddle_loss=float(losses.loc[key]))
    return plateau


def _minimum_checks(minima: pd.DataFrame) -> list[Check]:
    lowest = [float(np.min(values)) for values in minima["eigenvalues"]]
    return [
        Check(
            "minima of the ladder with a negative eigenvalue",
            sum(value <= 0 for value in lowest),
            0,
            0,
            role="negative control",
        )
    ]


def _toy_checks() -> list[Check]:
    """Step off the toy's saddle, where the loss is (1 − ε²/2)², and off its minimum (1, 1)."""
    origin = Surface(function=_toy, theta=torch.zeros(2, dtype=torch.float64))
    down = torch.ones(2, dtype=torch.float64)
    found = drop(origin, direction=down, eigenvalue=-2.0, radii=np.array(TOY_RADII))
    left = escape_times(
        origin,
        direction=down,
        eigenvalue=-2.0,
        exponents=TOY_EXPONENTS,
        rate=TOY_RATE,
        fall=1e-3,
        max_updates=2_000,
    )
    minimum = Surface(function=_toy, theta=torch.ones(2, dtype=torch.float64))
    near = descend(
        minimum, start=minimum.theta + 0.01 * down, rate=TOY_RATE, threshold=-1.0, max_updates=400
    )
    return [
        Check(
            "change of the toy's loss over ½λε² less 1 − ε²/4, largest size",
            float(np.abs(found.ratio - (1 - found.radii**2 / 4)).max()),
            0.0,
            ROUNDING,
        ),
        Check(
            "updates for each unit of k over ln 10 / ln(1 − ηλ) on the toy",
            left.slope / left.predicted_slope,
            1.0,
            SLOPE,
        ),
        Check(
            "updates from the straight line in k on the toy, the most",
            left.largest_deviation,
            0.0,
            STRAIGHT,
        ),
        Check(
            "distance from the toy's saddle after starting on it",
            float(left.stays.distances.max()),
            0.0,
            STAYS,
        ),
        Check(
            "loss of the toy after 400 updates that started beside its minimum (1, 1)",
            float(near.losses[-1]),
            0.0,
            ROUNDING,
            role="negative control",
        ),
    ]


def _toy(point: Tensor) -> Tensor:
    return (1 - point.prod()) ** 2
