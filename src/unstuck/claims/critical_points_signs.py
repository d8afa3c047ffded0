"""Section 1.1: what the signs of the eigenvalues tell about a critical point."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.errors import DataError
from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.surface import CriticalPoint, Surface

GALLERY = ("bowl", "dome", "saddle", "monkey_saddle", "quartic_bowl", "toy")
PROBES = 1000
PROBE_STREAM = 7101
RADIUS = 0.1  # of probes on the gallery
ROUNDING = 1e-12
GRADIENT_TOLERANCE = 1e-10
REACH = 1.5
GRID = 31
REGULAR, SINGULAR = {"hessian": "regular"}, {"hessian": "semidefinite"}

Array = NDArray[np.float64]


@claim("1.1.2")
def signs(points: pd.DataFrame, probes: pd.DataFrame) -> Evidence:
    """Compare what the signs of the eigenvalues say with known kinds, and with random probes.

    The signs name a kind where all eigenvalues are above or below zero, or some are of each sign.
    A semi-definite Hessian is called degenerate, and no kind is guessed.

    Controls: a point that is not critical, from which probes go both ways though its Hessian is
    positive; and the known change of the loss along the eigenvectors, λr²/2.
    """
    needed = ["point", "certain", "loss", "gradient_norm", "negative", "zero", "positive"]
    require_columns(points, [*needed, "lambda_min", "lambda_max", "radius"], "points")
    require_columns(probes, ["point", "direction", "change"], "probes")
    gallery = pd.DataFrame([_on_surface(*each) for each in _known_points()])
    networks = _networks(points, probes)
    checks = (
        *_gallery_checks(gallery),
        *_network_checks(networks),
        Check(
            "norm of the gradient at the networks' critical points, the largest",
            networks["gradient_norm"].max(),
            0.0,
            GRADIENT_TOLERANCE,
        ),
        *_controls(networks),
    )
    return Evidence(
        "1.1.2",
        checks=checks,
        tables={
            "gallery": gallery,
            "surfaces": _heights(),
            "networks": networks,
            "probes": _shown(networks, probes),
        },
        numbers={
            "networks_points": len(networks),
            "probes_a_point": int((probes["direction"] == "random").sum() / len(points)),
            "points_left_out_as_not_critical": len(points) - len(networks),
            "saddles": int((networks["said"] == "saddle").sum()),
            "saddles_that_no_probe_found": int(
                ((networks["said"] == "saddle") & (networks["down"] == 0)).sum()
            ),
            "degenerate_points": int((networks["said"] == "degenerate").sum()),
        },
    )


def said_by_signs(negative: int, zero: int, positive: int) -> str:
    """Say what the numbers of negative, zero and positive eigenvalues tell."""
    if negative and positive:
        return "saddle"
    if zero:
        return "degenerate"
    return "maximum" if negative else "minimum"


def _known_points() -> Iterator[tuple[str, Surface, CriticalPoint]]:
    for name in GALLERY:
        for point in SURFACES[name].critical_points():
            yield name, SURFACES[name], point


def _on_surface(name: str, surface: Surface, known: CriticalPoint) -> dict[str, Any]:
    """Give what the signs say of a known critical point, and what probes around it see."""
    place = torch.tensor(known.point, dtype=torch.float64)
    values = np.linalg.eigvalsh(surface.hessian(place).numpy())
    counts = [int((sign * values > ROUNDING).sum()) for sign in (-1, 1)]
    said = said_by_signs(counts[0], len(values) - sum(counts), counts[1])
    changes = _probed(surface, place)
    bound = ROUNDING * RADIUS**2
    return {
        "surface": name,
        "x": known.point[0],
        "y": known.point[1],
        "kind": known.kind,
        "said": said,
        "gradient_norm": float(surface.gradient(place).norm()),
        "lambda_min": float(values[0]),
        "lambda_max": float(values[-1]),
        "down": float((changes < -bound).mean()),
        "up": float((changes > bound).mean()),
    }


def _probed(surface: Surface, place: torch.Tensor) -> Array:
    """Give the changes of height over steps of one length in random directions."""
    rng = np.random.default_rng([0, PROBE_STREAM])
    steps = torch.from_numpy(rng.standard_normal((PROBES, surface.dimension)))
    steps = RADIUS * steps / steps.norm(dim=1, keepdim=True)
    changes: Array = (surface.value(place + steps) - surface.value(place)).numpy()
    return changes


def _networks(points: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Give one row per certified point: what the signs say, and what the probes saw."""
    certified = points[(points["gradient_norm"] <= GRADIENT_TOLERANCE) & points["certain"]]
    if certified.empty:
        raise DataError("table points has no certified critical point; polish longer.")
    rows = []
    for point in certified.to_dict("records"):
        around = probes[probes["point"] == point["point"]]
        random = around[around["direction"] == "random"]["change"].to_numpy()
        # a change of the loss is a difference of two, so it is known to rounding of the loss
        bound = ROUNDING * max(1.0, abs(point["loss"]))
        along = {
            way: float(around[around["direction"] == way]["change"].iloc[0])
            for way in ("lowest", "highest")
        }
        rows.append(
            {
                "point": point["point"],
                "said": said_by_signs(point["negative"], point["zero"], point["positive"]),
                "gradient_norm": point["gradient_norm"],
                **{name: point[name] for name in ("negative", "zero", "positive")},
                **{name: point[name] for name in ("lambda_min", "lambda_max", "radius")},
                "down": int((random < -bound).sum()),
                "up": int((random > bound).sum()),
                "lowest_change": along["lowest"],
                "highest_change": along["highest"],
            }
        )
    return pd.DataFrame(rows)


def _gallery_checks(gallery: pd.DataFrame) -> Iterator[Check]:
    told = gallery["said"] != "degenerate"
    yield Check(
        "points of the gallery that the signs name rightly, where they name a kind",
        (gallery["said"] == gallery["kind"])[told].sum(),
        told.sum(),
        0.0,
        REGULAR,
    )
    flat = gallery[(gallery["lambda_min"].abs() <= ROUNDING) & (gallery["lambda_max"] <= ROUNDING)]
    yield Check(
        "kinds among the gallery's points whose eigenvalues are all 0; signs that tell would give",
        flat["kind"].nunique(),
        1.0,
        0.0,
        SINGULAR,
    )
    for row in gallery.to_dict("records"):
        where = f"{row['surface'].replace('_', ' ')} at ({row['x']:g}, {row['y']:g})"
        seen = {(True, False): "maximum", (False, True): "minimum", (True, True): "saddle"}
        yield Check(
            f"{where}: {PROBES} probes see the {row['kind']} that it is known to be",
            int(seen.get((row["down"] > 0, row["up"] > 0)) == row["kind"]),
            1.0,
            0.0,
            role="positive control",
        )


def _network_checks(networks: pd.DataFrame) -> Iterator[Check]:
    for row in networks.to_dict("records"):
        name, said = row["point"], row["said"]
        if said == "minimum":
            yield Check(f"{name}, a minimum: probes that go down", row["down"], 0, 0, REGULAR)
        elif said == "saddle":
            both = row["down"] > 0 and row["up"] > 0
            ends = row["lowest_change"] < 0 < row["highest_change"]
            title = f"{name}, a saddle: probes or extreme eigenvectors go both ways"
            yield Check(title, int(both or ends), 1, 0, REGULAR)


def _controls(networks: pd.DataFrame) -> Iterable[Check]:
    slope = SURFACES["bowl"]
    beside = _probed(slope, torch.tensor([1.0, 0.0], dtype=torch.float64))
    foretold = 0.5 * networks["radius"] ** 2
    ratio = pd.concat(
        [
            networks["highest_change"] / (foretold * networks["lambda_max"]),
            (networks["lowest_change"] / (foretold * networks["lambda_min"]))[
                networks["said"] != "degenerate"
            ],
        ]
    )
    return (
        Check(
            "beside the minimum of the bowl, where both eigenvalues are positive: ways probes go",
            int((beside < 0).any()) + int((beside > 0).any()),
            2.0,
            0.0,
            role="negative control",
        ),
        Check(
            "change along the extreme eigenvectors over λr²/2, furthest from 1",
            float(ratio.iloc[int((ratio - 1).abs().to_numpy().argmax())]),
            1.0,
            0.05,
            role="positive control",
        ),
    )


def _heights() -> pd.DataFrame:
    axis = torch.linspace(-REACH, REACH, GRID, dtype=torch.float64)
    places = torch.cartesian_prod(axis, axis)
    x, y = places.T.numpy()
    return pd.concat(
        [
            pd.DataFrame(
                {"surface": name, "x": x, "y": y, "height": SURFACES[name].value(places).numpy()}
            )
            for name in GALLERY
        ],
        ignore_index=True,
    )


def _shown(networks: pd.DataFrame, probes: pd.DataFrame) -> pd.DataFrame:
    """Give the curvature that each probe saw, 2 change / r²."""
    kept = probes.merge(networks[["point", "radius"]], on="point")
    return kept.assign(curvature=2 * kept["change"] / kept["radius"] ** 2)[
        ["point", "direction", "curvature"]
    ]
