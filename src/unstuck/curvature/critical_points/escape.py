"""A saddle is no dead end: how the loss falls along an eigenvector of a negative eigenvalue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.objective import Objective
from unstuck.curvature.taylor import remainders
from unstuck.errors import CurvatureError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drop:
    """Change of the loss along an eigenvector of a negative eigenvalue."""

    residual: float  # |H v - eigenvalue v|
    radii: Array  # [R]
    change: Array  # [R], loss there minus loss here
    ratio: Array  # [R], change / (eigenvalue * radius^2 / 2); 1 in the limit of small radii


def drop(objective: Objective, *, direction: Tensor, eigenvalue: float, radii: Array) -> Drop:
    """Compare the loss along ``direction`` ``[P]`` with eigenvalue * radius^2 / 2.

    Raises
    ------
    CurvatureError
        If the eigenvalue is not negative.
    """
    if not eigenvalue < 0:
        raise CurvatureError(
            f"the eigenvalue is {eigenvalue}; only a negative one gives a way down from a saddle."
        )
    unit = direction / direction.norm()
    along = remainders(objective, unit, radii=radii)
    residual = float((objective.hessian_product(unit) - eigenvalue * unit).norm())
    change = along.remainders[0]
    return Drop(residual, along.radii, change, change / (0.5 * eigenvalue * along.radii**2))
