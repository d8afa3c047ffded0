"""Section 1.1: critical points. The toy of the notes."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.surfaces.gallery import Toy

REACH = 2.0
GRID = 81
# the origin, and five of the minima w1 * w2 = 1
POINTS = ((0.0, 0.0), (1.0, 1.0), (0.5, 2.0), (2.0, 0.5), (-1.0, -1.0), (-0.5, -2.0))
ROUNDING = 1e-12


@claim("1.1.3")
def toy() -> Evidence:
    """Critical points of (1 − w₁w₂)², by closed form against automatic differentiation."""
    points = pd.DataFrame([_critical_point(*point) for point in POINTS])
    origin, minima = points.iloc[0], points.iloc[1:]
    sizes = minima["w1"] ** 2 + minima["w2"] ** 2
    elsewhere = Toy().gradient(torch.tensor([1.0, 0.0], dtype=torch.float64)).norm()
    checks = (
        Check("norm of the gradient at the origin", origin["gradient_norm"], 0.0, 0.0),
        Check("smaller eigenvalue at the origin", origin["eigenvalue_low"], -2.0, ROUNDING),
        Check("larger eigenvalue at the origin", origin["eigenvalue_high"], 2.0, ROUNDING),
        *_walks(origin),
        Check("largest gradient norm on the minima", minima["gradient_norm"].max(), 0.0, ROUNDING),
        Check("largest loss on the minima", minima["loss"].max(), 0.0, ROUNDING),
        Check(
            "smaller eigenvalue on the minima, largest size",
            minima["eigenvalue_low"].abs().max(),
            0.0,
            ROUNDING,
        ),
        Check(
            "larger eigenvalue on the minima less 2(w1² + w2²), largest size",
            (minima["eigenvalue_high"] - 2 * sizes).abs().max(),
            0.0,
            ROUNDING,
        ),
        Check(
            "squared norm of the gradient less 4(1 − w₁w₂)²(w₁² + w₂²), which is 0 nowhere else",
            _norm_error(),
            0.0,
            ROUNDING,
        ),
        Check(
            "norm of the gradient at (1, 0), which is not critical",
            float(elsewhere),
            2.0,
            ROUNDING,
            role="negative control",
        ),
        Check(
            "closed-form Hessian less that of automatic differentiation, largest entry",
            _hessian_error(),
            0.0,
            ROUNDING,
            role="positive control",
        ),
    )
    return Evidence(
        "1.1.3",
        checks=checks,
        tables={"surface": _surface(), "critical_points": points},
        numbers={
            "sign_test_at_the_origin": _sign_test(origin),
            "sign_test_on_the_minima": _sign_test(minima.iloc[0]),
        },
    )


def _critical_point(w1: float, w2: float) -> dict[str, Any]:
    """Give loss, gradient, eigenvalues and eigenvectors (first component not negative) there."""
    surface = Toy()
    place = torch.tensor([w1, w2], dtype=torch.float64)
    values, vectors = np.linalg.eigh(surface.hessian(place).numpy())
    low, high = (vector * (1.0 if vector[0] >= 0 else -1.0) for vector in vectors.T)
    return {
        "w1": w1,
        "w2": w2,
        "kind": "saddle" if values[0] < -ROUNDING else "degenerate minimum",
        "loss": float(surface.value(place)),
        "gradient_norm": float(surface.gradient(place).norm()),
        "eigenvalue_low": float(values[0]),
        "eigenvalue_high": float(values[1]),
        "low_1": low[0],
        "low_2": low[1],
        "high_1": high[0],
        "high_2": high[1],
    }


def _sign_test(point: "pd.Series[Any]") -> str:
    """Say what the signs of the eigenvalues alone tell."""
    low, high = point["eigenvalue_low"], point["eigenvalue_high"]
    if low < -ROUNDING and high > ROUNDING:
        return "saddle"
    if min(abs(low), abs(high)) <= ROUNDING:
        return "inconclusive: an eigenvalue is 0"
    return "minimum" if low > 0 else "maximum"


def _walks(origin: "pd.Series[Any]", step: float = 0.1) -> list[Check]:
    """Check the loss a step along each eigenvector: (1 ± step²/2)²."""
    checks = []
    for which, sign, way in (("low", -1, "negative"), ("high", 1, "positive")):
        vector = torch.tensor([origin[f"{which}_1"], origin[f"{which}_2"]], dtype=torch.float64)
        loss = float(Toy().value(step * vector))
        name = f"loss {step} from the origin along the {way} eigenvalue's direction"
        checks.append(Check(name, loss, (1 + sign * step**2 / 2) ** 2, ROUNDING))
    return checks


def _norm_error() -> float:
    """Give the largest error of ‖∇L‖² = 4(1 − w₁w₂)²(w₁² + w₂²) over the grid, relative to it.

    The right side is 0 at the origin and on w₁w₂ = 1 alone, so nothing else is critical.
    """
    places = _grid()
    squared = Toy().gradient(places).square().sum(dim=-1)
    expected = 4 * Toy().value(places) * places.square().sum(dim=-1)
    return float(((squared - expected).abs() / expected.clamp(min=1.0)).max())


def _grid() -> torch.Tensor:
    axis = torch.linspace(-REACH, REACH, GRID, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def _hessian_error() -> float:
    surface = Toy()
    axis = torch.linspace(-REACH, REACH, 5, dtype=torch.float64)
    places = torch.cartesian_prod(axis, axis)
    automatic = torch.stack([torch.func.hessian(surface.value)(place) for place in places])
    return float((surface.hessian(places) - automatic).abs().max())


def _surface() -> pd.DataFrame:
    places = _grid()
    w1, w2 = places.T.numpy()
    return pd.DataFrame({"w1": w1, "w2": w2, "loss": Toy().value(places).numpy()})
