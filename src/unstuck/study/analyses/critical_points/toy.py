"""The toy of two weights in a row, (1 − w₁w₂)², against its closed forms."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from unstuck.curvature.critical_points.escape import descend, drop, escape_times
from unstuck.curvature.objective import Surface
from unstuck.surfaces.gallery import Toy

REACH, GRID = 2.0, 81
ORIGIN = (0.0, 0.0)
#: five of the minima w₁w₂ = 1
MINIMA = ((1.0, 1.0), (0.5, 2.0), (2.0, 0.5), (-1.0, -1.0), (-0.5, -2.0))
STEP = 0.1
RADII, EXPONENTS, RATE, FALL, UPDATES = (1e-3, 1e-2, 1e-1), (2, 4, 6, 8), 0.025, 1e-3, 2_000
ROUNDING = 1e-12
LABEL = {"dataset": "toy"}


def quantities() -> pd.DataFrame:
    """Give what `GalleryAnalysis.run` says of the table `toy`."""
    rows = [*_at_the_origin(), *(row for place in MINIMA for row in _at_a_minimum(place))]
    rows += [
        # elsewhere nothing is critical: the right side is 0 at the origin and on w₁w₂ = 1 alone
        _row("grid", ORIGIN, "squared gradient norm over 4(1 − w₁w₂)²(w₁² + w₂²)", _norms(), 1.0),
        _row("(1, 0)", (1.0, 0.0), "gradient norm", _gradient((1.0, 0.0)), 2.0),
        _row("grid", ORIGIN, "Hessian less that of automatic differentiation", _hessians(), 0.0),
    ]
    return pd.DataFrame(rows)


def axes() -> pd.DataFrame:
    """Give what `GalleryAnalysis.run` says of the table `axes`."""
    rows = []
    for place in (ORIGIN, *MINIMA):
        values, vectors = np.linalg.eigh(Toy().hessian(_tensor(place)).numpy())
        low, high = (vector * (1.0 if vector[0] >= 0 else -1.0) for vector in vectors.T)
        rows.append(
            {
                "w1": place[0],
                "w2": place[1],
                "kind": "saddle" if values[0] < -ROUNDING else "minimum",
                "loss": float(Toy().value(_tensor(place))),
                "eigenvalue_low": float(values[0]),
                "eigenvalue_high": float(values[1]),
                **{"low_1": low[0], "low_2": low[1], "high_1": high[0], "high_2": high[1]},
            }
        )
    return pd.DataFrame(rows)


def escape() -> pd.DataFrame:
    """Step off the saddle along the lowest eigenvector, where the loss is (1 − r²/2)²."""
    found = drop(_origin(), direction=_DOWN, eigenvalue=-2.0, radii=np.array(RADII))
    return pd.DataFrame(
        LABEL
        | {
            "eigenvalue": found.eigenvalue,
            "residual": found.residual,
            "radius": found.radii,
            "change": found.change,
            "ratio": found.ratio,
        }
    )


def leaving() -> pd.DataFrame:
    """Leave the saddle by gradient descent from 10^-k off, and from the saddle itself."""
    found = escape_times(
        _origin(),
        direction=_DOWN,
        eigenvalue=-2.0,
        exponents=EXPONENTS,
        rate=RATE,
        fall=FALL,
        max_updates=UPDATES,
    )
    return pd.DataFrame(
        [
            LABEL
            | {
                "slope": found.slope,
                "predicted_slope": found.predicted_slope,
                "ratio": found.slope / found.predicted_slope,
                "deviation": found.largest_deviation,
                "stuck": int(np.isnan(found.updates).sum()),
                "farthest": float(found.stays.distances.max()),
            }
        ]
    )


def _at_the_origin() -> Iterator[dict[str, Any]]:
    values, vectors = torch.linalg.eigh(Toy().hessian(_tensor(ORIGIN)))
    yield _row("origin", ORIGIN, "gradient norm", _gradient(ORIGIN), 0.0)
    yield _row("origin", ORIGIN, "smaller eigenvalue", float(values[0]), -2.0)
    yield _row("origin", ORIGIN, "larger eigenvalue", float(values[1]), 2.0)
    for index, (sign, way) in enumerate(((-1, "smaller"), (1, "larger"))):
        loss = float(Toy().value(STEP * vectors[:, index]))
        name = f"loss {STEP:g} off along the {way} eigenvalue's direction"
        yield _row("origin", ORIGIN, name, loss, (1 + sign * STEP**2 / 2) ** 2)


def _at_a_minimum(place: tuple[float, float]) -> Iterator[dict[str, Any]]:
    values = np.linalg.eigvalsh(Toy().hessian(_tensor(place)).numpy())
    size = place[0] ** 2 + place[1] ** 2
    near = descend(
        Surface(function=_loss, theta=_tensor(place)),
        start=1.01 * _tensor(place),
        rate=RATE,
        threshold=-1.0,
        max_updates=400,
    )
    for name, value, expected in (
        ("loss", float(Toy().value(_tensor(place))), 0.0),
        ("gradient norm", _gradient(place), 0.0),
        ("smaller eigenvalue", float(values[0]), 0.0),
        ("larger eigenvalue", float(values[1]), 2 * size),
        ("loss 400 updates after a start beside it", float(near.losses[-1]), 0.0),
    ):
        yield _row("minimum", place, name, value, expected)


def _row(
    where: str, place: tuple[float, float], quantity: str, value: float, expected: float
) -> dict[str, Any]:
    return {
        **{"place": where, "w1": place[0], "w2": place[1], "quantity": quantity},
        **{"value": value, "expected": expected, "error": abs(value - expected)},
    }


def _norms() -> float:
    """Give the ratio farthest from 1, over a grid."""
    axis = torch.linspace(-REACH, REACH, GRID, dtype=torch.float64)
    places = torch.cartesian_prod(axis, axis)
    squared = Toy().gradient(places).square().sum(dim=-1)
    expected = 4 * Toy().value(places) * places.square().sum(dim=-1)
    # near the critical points both are rounding
    ratios = 1 + (squared - expected) / expected.clamp(min=1.0)
    return float(ratios[(ratios - 1).abs().argmax()])


def _hessians() -> float:
    surface = Toy()
    axis = torch.linspace(-REACH, REACH, 5, dtype=torch.float64)
    places = torch.cartesian_prod(axis, axis)
    automatic = torch.stack([torch.func.hessian(surface.value)(place) for place in places])
    return float((surface.hessian(places) - automatic).abs().max())


def _gradient(place: tuple[float, float]) -> float:
    return float(Toy().gradient(_tensor(place)).norm())


def _tensor(place: tuple[float, float]) -> Tensor:
    return torch.tensor(place, dtype=torch.float64)


_DOWN = torch.ones(2, dtype=torch.float64)


def _origin() -> Surface:
    return Surface(function=_loss, theta=_tensor(ORIGIN))


def _loss(point: Tensor) -> Tensor:
    return (1 - point.prod()) ** 2
