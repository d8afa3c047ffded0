"""Every surface by name, with its default coefficients and a sentence about it."""

from __future__ import annotations

from types import MappingProxyType

from unstuck.surfaces.gallery import MonkeySaddle, Quadratic, QuarticBowl, Toy
from unstuck.surfaces.hill import Hill
from unstuck.surfaces.softmax_plane import SoftmaxPlane
from unstuck.surfaces.surface import Surface
from unstuck.surfaces.terrain import ChangingSteepness
from unstuck.surfaces.valleys import Ellipse, Regression

SURFACES: MappingProxyType[str, Surface] = MappingProxyType(
    {
        "bowl": Quadratic((1.0, 1.0)),
        "dome": Quadratic((-1.0, -1.0)),
        "saddle": Quadratic((1.0, -1.0)),
        "monkey_saddle": MonkeySaddle(),
        "quartic_bowl": QuarticBowl(),
        "toy": Toy(),
        "ellipse": Ellipse(),
        "regression": Regression(),
        "hill": Hill(),
        "changing_steepness": ChangingSteepness(),
        "softmax_cross_entropy": SoftmaxPlane("cross_entropy"),
        "softmax_squared_error": SoftmaxPlane("squared_error"),
    }
)
"""Named surfaces."""

SURFACE_DESCRIPTIONS: MappingProxyType[str, str] = MappingProxyType(
    {
        "bowl": "½(x² + y²): a minimum, both eigenvalues positive.",
        "dome": "−½(x² + y²): a maximum, both eigenvalues negative.",
        "saddle": "½(x² − y²): a saddle, one eigenvalue of each sign.",
        "monkey_saddle": "x³ − 3xy²: a saddle whose Hessian is 0, so its signs do not tell.",
        "quartic_bowl": "x⁴ + y⁴: a minimum whose Hessian is 0, so its signs do not tell.",
        "toy": "(1 − w₁w₂)²: two weights in a row fitted to one example; a saddle at the origin, "
        "minima along w₁w₂ = 1.",
        "ellipse": "½(u² + κv²): a bowl κ times as steep across as along, turned by any angle.",
        "regression": "Squared error of a line through ten examples whose inputs are in the "
        "hundreds, so that the weight is some 3·10⁵ times as steep as the bias.",
        "hill": "A bowl with a small hill on its slope, and a shallow valley before the hill.",
        "changing_steepness": "A slope steep at first and gentle later, on the way to a minimum.",
        "softmax_cross_entropy": "Cross-entropy of a softmax over two outputs, the third at −1000.",
        "softmax_squared_error": "Squared error of a softmax over two outputs, the third at −1000.",
    }
)
"""One sentence for each of `SURFACES`, for the documentation."""
