"""Every surface by name, with its default coefficients."""

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
