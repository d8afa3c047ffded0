"""The toy of two weights in a row, (1 − w₁w₂)², against its closed forms."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.objective import Surface
from unstuck.study.analyses.critical_points.ladder import (
    FALL,
    along_a_line,
    steps_off,
    updates_a_decade,
)
from unstuck.surfaces.gallery import Toy

REACH, GRID = 2.0, 81
ORIGIN = (0.0, 0.0)
#: five of the minima w₁w₂ = 1
MINIMA = ((1.0, 1.0), (0.5, 2.0), (2.0, 0.5), (-1.0, -1.0), (-0.5, -2.0))
STEP = 0.1
RADII, EXPONENTS, RATE, UPDATES = (1e-3, 1e-2, 1e-1), np.array([2.0, 4.0, 6.0, 8.0]), 0.025, 2_000
ROUNDING = 1e-12
LABEL = {"dataset": "toy"}
#: eigenvalue of the saddle at the origin
LOWEST = -2.0

Array = NDArray[np.float64]


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


def escape() -> pd.DataFrame:
    """Step off the saddle along the lowest eigenvector, where the loss is (1 − r²/2)²."""
    found = steps_off(_surface(ORIGIN), _DOWN, LOWEST, RADII)
    return pd.DataFrame([LABEL | row for row in found])


def leaving() -> pd.DataFrame:
    """Leave the saddle by gradient descent from 10^-k off, and from the saddle itself."""
    threshold = _surface(ORIGIN).value() - FALL
    unit = _DOWN / _DOWN.norm()
    updates = np.full(len(EXPONENTS), np.nan)
    for index, k in enumerate(EXPONENTS):
        losses, _ = _descent(10.0**-k * unit, UPDATES)
        if losses.min() < threshold:
            updates[index] = np.argmax(losses < threshold)
    # as long as the farthest start took twice
    _, places = _descent(_tensor(ORIGIN), 2 * int(updates.max()))
    found = along_a_line(EXPONENTS, updates, updates_a_decade(RATE, LOWEST))
    farthest = float(np.linalg.norm(places, axis=1).max())
    return pd.DataFrame([LABEL | found | {"farthest": farthest}])


def _descent(start: Tensor, updates: int) -> tuple[Array, Array]:
    """Give the losses ``[T + 1]`` and places ``[T + 1, 2]`` of gradient descent."""
    losses, places = [], []
    theta = start
    for _ in range(updates + 1):
        loss, gradient = Surface(function=Toy().value, theta=theta).loss_and_gradient()
        losses.append(loss)
        places.append(theta.numpy())
        theta = theta - RATE * gradient
    return np.array(losses), np.array(places)


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
    near, _ = _descent(1.01 * _tensor(place), 400)
    for name, value, expected in (
        ("loss", float(Toy().value(_tensor(place))), 0.0),
        ("gradient norm", _gradient(place), 0.0),
        ("smaller eigenvalue", float(values[0]), 0.0),
        ("larger eigenvalue", float(values[1]), 2 * size),
        ("loss 400 updates after a start beside it", float(near[-1]), 0.0),
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


def _surface(place: tuple[float, float]) -> Surface:
    return Surface(function=Toy().value, theta=_tensor(place))
