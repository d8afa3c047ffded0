"""Section 1.1: the Taylor expansion of the loss."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.curvature.objective import Surface
from unstuck.curvature.taylor import remainders
from unstuck.errors import DataError

TOLERANCE = 0.05
GRADIENT_TOLERANCE = 1e-10
# a remainder counts where it stands so many times above its rounding error
ABOVE_ROUNDING = 100.0
RADII = 3  # the slope is that over the smallest so many radii that count
ORDERS = ("constant", "gradient", "curvature")
PLACES = {
    "initial": "initial point",
    "endpoint": "endpoint",
    "critical": "critical point",
    "kink": "kink",
}
LINE = ["case", "point", "direction", "order"]

Array = NDArray[np.float64]


@claim("1.1.1")
def taylor(points: pd.DataFrame, remainders: pd.DataFrame) -> Evidence:
    """Order in the radius of what the expansion leaves out, after each of its terms.

    A kink is no place for an expansion: there the second derivatives do not exist.

    Controls: a cubic whose remainder is the cube of the radius, and the expansion of a network
    with half its Hessian, whose remainder is of order 2 whatever the network.
    """
    require_columns(points, ["case", "point", "kind", "gradient_norm"], "points")
    needed = [*LINE, "shown", "radius", "remainder", "rounding", "slope", "curvature"]
    require_columns(remainders, needed, "remainders")
    slopes = _slopes(remainders)
    critical = points[points["point"] == "critical"]
    if critical.empty:
        raise DataError("table points has no critical point; add one to a case of the analysis.")
    along = remainders[remainders["point"] == "critical"]["slope"]
    smooth = {"place": "smooth"}
    checks = (
        *_order_checks(slopes),
        Check(
            "norm of the gradient at critical points, the largest",
            critical["gradient_norm"].max(),
            0.0,
            GRADIENT_TOLERANCE,
            smooth,
        ),
        Check(
            "gradient term at critical points, along any direction, by radius",
            along.abs().max(),
            0.0,
            GRADIENT_TOLERANCE,
            smooth,
        ),
        *_controls(remainders),
    )
    return Evidence(
        "1.1.1",
        checks=checks,
        tables={"lines": _lines(remainders), "slopes": slopes.dropna(), "points": points},
        numbers={
            "networks": points["case"].nunique(),
            "points": len(points),
            "directions_a_point": remainders["direction"].nunique(),
            "slopes_measured": int(slopes["slope"].notna().sum()),
            "slopes_lost_in_rounding": int(slopes["slope"].isna().sum()),
        },
    )


def slope_of(radii: Array, sizes: Array, rounding: Array) -> float:
    """Give the slope of log size against log radius in the limit of small radii.

    A remainder is c rⁿ(1 + d r + ...), so n is solved for from log c + n log r + d r at the
    smallest radii whose size stands above rounding; d matters where c happens to be small.
    It is nan where too few radii do, as along a direction in which the remainder is zero.
    """
    order = np.argsort(radii)
    usable = [i for i in order if sizes[i] > ABOVE_ROUNDING * rounding[i]][:RADII]
    if len(usable) < RADII:
        return float("nan")
    r = radii[usable]
    system = np.stack([np.ones(RADII), np.log(r), r / r.max()], axis=1)
    return float(np.linalg.solve(system, np.log(sizes[usable]))[1])


def _slopes(table: pd.DataFrame) -> pd.DataFrame:
    """Give one row per point, direction and order, with the slope of its remainder."""
    rows = [
        dict(zip(LINE, key, strict=True))
        | {
            "slope": slope_of(
                part["radius"].to_numpy(),
                part["remainder"].abs().to_numpy(),
                part["rounding"].to_numpy(),
            )
        }
        for key, part in table.groupby(LINE, sort=True)
    ]
    return pd.DataFrame(rows)


def _order_checks(slopes: pd.DataFrame) -> Iterator[Check]:
    """Give the slope that is furthest from what theory says, at every point and order."""
    for key, part in slopes.groupby(["case", "point", "order"], sort=True):
        case, point, order = str(key[0]), str(key[1]), int(part["order"].iloc[0])
        # at a critical point the term of first order is gone, so the first two are alike
        expected = max(order + 1, 2) if point == "critical" else order + 1
        found = part["slope"].dropna().to_numpy()
        furthest = found[np.abs(found - expected).argmax()] if found.size else float("nan")
        place = "kink" if point == "kink" else "smooth"
        yield Check(
            f"{case}, {PLACES[point]}: slope after the {ORDERS[order]} term, "
            f"furthest of {len(part)}",
            furthest,
            expected,
            TOLERANCE,
            {"place": place},
        )


def _controls(table: pd.DataFrame) -> Iterator[Check]:
    cubic = Surface(
        function=lambda t: t[0] ** 3 + 2 * t[0] ** 2 - t[0],
        theta=torch.zeros(1, dtype=torch.float64),
    )
    radii = np.logspace(-4, -2, 5)
    known = remainders(cubic, torch.ones(1, dtype=torch.float64), radii=radii).remainders[2]
    yield Check(
        "remainder of r³ + 2r² − r after its second-order term, over r³",
        float((known / radii**3).mean()),
        1.0,
        1e-6,
        role="positive control",
    )
    # the direction of largest curvature, in which half a Hessian is most wrong
    wrong = table[(table["direction"] == "highest") & (table["point"] == "initial")]
    wrong = wrong[(wrong["order"] == 2) & (wrong["case"] == wrong["case"].min())]
    radius = wrong["radius"].to_numpy()
    sizes = np.abs(wrong["remainder"] + 0.25 * radius**2 * wrong["curvature"]).to_numpy()
    yield Check(
        "slope after the curvature term with half the Hessian, which is too little",
        slope_of(radius, sizes, wrong["rounding"].to_numpy()),
        2.0,
        TOLERANCE,
        role="negative control",
    )


def _lines(table: pd.DataFrame) -> pd.DataFrame:
    """Give the remainders along one direction of every point, where they are more than rounding."""
    shown = table[table["shown"]]
    terms = shown["order"].map(dict(enumerate(ORDERS)))
    shown = shown.assign(size=shown["remainder"].abs(), term=terms)
    shown = shown[shown["size"] > ABOVE_ROUNDING * shown["rounding"]]
    return shown[["case", "point", "term", "radius", "size"]]
