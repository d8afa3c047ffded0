"""How fast the remainders of the Taylor expansion shrink with the radius.

Along a unit direction v, R_0 = L(theta + e v) - L(theta), R_1 = R_0 - e g.v and
R_2 = R_1 - e^2/2 v.Hv are of order e, e^2 and e^3; where the term of the leading order vanishes
(the gradient at a critical point, the third derivative along a symmetric direction) the slope is
larger by one.

A difference of two losses loses the digits that the remainder is made of. So the remainders are
integrals of the slope, R_0 = e int_0^1 g(theta + s e v).v ds and so on, by Gauss quadrature, which
is exact to rounding for analytic losses at small radii.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.objective import Objective
from unstuck.errors import CurvatureError

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1), 0.5 * _WEIGHTS


@dataclass(frozen=True)
class Remainders:
    """Remainders after the terms of order 0, 1 and 2 along one direction."""

    radii: Array  # [R], ascending
    remainders: Array  # [3, R], signed
    floor: Array  # [3, R], estimated rounding error of each
    gradient: float  # slope of the loss along the direction
    curvature: float  # second derivative along the direction


def remainders(objective: Objective, direction: Tensor, *, radii: Array) -> Remainders:
    """Measure the remainders along ``direction`` ``[P]``, which is normalised.

    Raises
    ------
    CurvatureError
        If the direction is zero or not finite, or the radii are not positive and ascending.
    """
    radii = np.asarray(radii, dtype=np.float64)
    norm = float(direction.norm())
    if not 0 < norm < float("inf"):
        raise CurvatureError(f"the direction has norm {norm}; expected a finite non-zero vector.")
    if len(radii) < 3 or not (np.diff(radii) > 0).all() or not radii[0] > 0:
        raise CurvatureError(f"radii are {radii}; expected three or more, positive and ascending.")
    unit = (direction / norm).to(objective.theta)
    product = objective.hessian_product(unit)
    gradient = float(objective.loss_and_gradient()[1] @ unit)
    curvature = float(product @ unit)
    # a point is stored rounded, which moves the slope along the direction by so much
    misplaced = float((product * objective.theta).norm())
    found = np.zeros((3, len(radii)))
    floor = np.zeros((3, len(radii)))
    for index, radius in enumerate(radii):
        slopes = np.array([_slope(objective, unit, radius * node) for node in _NODES])
        linear = slopes - gradient
        quadratic = linear - radius * _NODES * curvature
        for order, values in enumerate((slopes, linear, quadratic)):
            found[order, index] = radius * float(_WEIGHTS @ values)
            floor[order, index] = radius * 1e-16 * max(float(np.abs(slopes).max()), misplaced, 1.0)
    return Remainders(radii, found, floor, gradient, curvature)


def _slope(objective: Objective, unit: Tensor, distance: float) -> float:
    gradient = objective.at(objective.theta + distance * unit).loss_and_gradient()[1]
    return float(gradient @ unit)
