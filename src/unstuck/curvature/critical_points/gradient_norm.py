"""Minimisation of |g|^2 / 2: the usual search for critical points, and how it is caught.

f = |g|^2 / 2 is least where g = 0, at critical points of any index. But its own gradient is H g,
which vanishes as well where g lies in the kernel of H: at *gradient-flat* points, most of which are
minima of f and no critical points (Frye et al. 2021). Which of the two a descent of f ends at is a
matter of where it starts.

Newton's method on f needs its Hessian, H^2 + dH/dg: a difference quotient of two Hessians along
the gradient gives the second term. With the absolute values of its eigenvalues (Dauphin et al.
2014) every step descends, and near its end it gets to rounding in a few.
"""

import numpy as np
import torch
from torch import Tensor

from unstuck.curvature.critical_points.certificate import (
    GRADIENT_TOLERANCE,
    RELATIVE_TOLERANCE,
    certify,
)
from unstuck.curvature.critical_points.polishing import CriticalPoint
from unstuck.curvature.hessian.together import Expansions, expand
from unstuck.curvature.objective import Objective
from unstuck.errors import CurvatureError

_LEAST_NORM = 1e-13
# |H g| / (|H| |g|) at which g counts as in the kernel: some hundred roundings
_IN_KERNEL = 1e-13
_QUOTIENT_STEP = 1e-4
_FIRST_DAMPING = 1e-3
_LARGEST_DAMPING = 1e6
_SMALLEST_DAMPING = 1e-14
# share of f below which a foretold gain drowns in the rounding of f
_DROWNED = 1e-12


def minimise_gradient_norm(
    objective: Objective,
    starts: Tensor,
    *,
    steps: int = 200,
    gradient_tolerance: float = GRADIENT_TOLERANCE,
    relative_tolerance: float = RELATIVE_TOLERANCE,
) -> list[CriticalPoint]:
    """Minimise |g|^2 / 2 from points, by Newton's method with |eigenvalues|.

    Parameters
    ----------
    objective
        The function whose gradient is g; its own point is not used.
    starts
        Points ``[M, P]``, which do not mix.
    steps
        Most steps, refused ones included. A search that needs more ends where it is; its
        certificate says whether that is critical, gradient-flat or neither.

    Raises
    ------
    CurvatureError
        If the points are not float64, or a Hessian on the way is not finite.
    """
    if starts.dtype != torch.float64:
        raise CurvatureError(f"the starts are {starts.dtype}; a search to rounding needs float64.")
    here = expand(objective, starts)
    first_loss, first_norm = here.loss.clone(), here.gradient.norm(dim=1)
    norms = [[norm] for norm in first_norm.tolist()]
    damping = torch.full_like(here.loss, _FIRST_DAMPING)
    for _ in range(steps):
        moving = torch.nonzero(~_ended(here) & (damping <= _LARGEST_DAMPING)).squeeze(1)
        if not len(moving):
            break
        place = here[moving]
        trial, foretold = _trial(objective, place, damping[moving])
        gain = (_height(place) - _height(trial)) / foretold
        drowned = foretold <= _DROWNED * _height(place)
        better = torch.where(drowned, _slope_norm(trial) < _slope_norm(place), gain > 0.1)
        here.put(moving[better], trial[better])
        lower = torch.where(drowned, better, gain > 0.75)
        higher = torch.where(drowned, ~better, gain < 0.25)
        factor = torch.where(lower, 0.1, torch.where(higher, 10.0, 1.0))
        damping[moving] = (factor * damping[moving]).clamp_min(_SMALLEST_DAMPING)
        for member in moving[better].tolist():
            norms[member].append(float(here.gradient[member].norm()))
    return [
        CriticalPoint(
            theta=here.theta[member],
            certificate=certify(
                objective.at(here.theta[member]),
                gradient_tolerance=gradient_tolerance,
                relative_tolerance=relative_tolerance,
            ),
            start_loss=float(first_loss[member]),
            start_gradient_norm=path[0],
            distance=float((here.theta[member] - starts[member]).norm()),
            gradient_norms=np.array(path),
            evaluations=len(path),
        )
        for member, path in enumerate(norms)
    ]


def _trial(objective: Objective, here: Expansions, damping: Tensor) -> tuple[Expansions, Tensor]:
    """Give where a damped step leads, and by how much the quadratic model of f foretells a fall."""
    slope = _slope(here)
    curvature = here.hessian @ here.hessian + _along_gradient(objective, here)
    values, vectors = torch.linalg.eigh(curvature)
    values = values.abs()
    values += damping.unsqueeze(1) * values.amax(1, keepdim=True)
    step = -(vectors @ ((vectors.mT @ slope.unsqueeze(2)) / values.unsqueeze(2))).squeeze(2)
    bent = (curvature @ step.unsqueeze(2)).squeeze(2)
    return expand(objective, here.theta + step), -((slope + 0.5 * bent) * step).sum(1)


def _along_gradient(objective: Objective, here: Expansions) -> Tensor:
    """Give the derivatives of the Hessians along the gradients, ``[M, P, P]``."""
    norm = here.gradient.norm(dim=1, keepdim=True)
    move = _QUOTIENT_STEP * here.gradient / norm
    ahead, behind = (expand(objective, here.theta + sign * move).hessian for sign in (1, -1))
    derivative: Tensor = (ahead - behind) * (norm / (2 * _QUOTIENT_STEP)).unsqueeze(2)
    return derivative


def _height(here: Expansions) -> Tensor:
    """Give f, ``[M]``."""
    height: Tensor = 0.5 * here.gradient.square().sum(1)
    return height


def _slope(here: Expansions) -> Tensor:
    """Give the gradient of f, ``[M, P]``."""
    slope: Tensor = (here.hessian @ here.gradient.unsqueeze(2)).squeeze(2)
    return slope


def _slope_norm(here: Expansions) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(_slope(here), dim=1)
    return norm


def _ended(here: Expansions) -> Tensor:
    """Whether g is rounding, or in the kernel of the Hessian to rounding, ``[M]``."""
    norm = here.gradient.norm(dim=1)
    scale = torch.linalg.matrix_norm(here.hessian) * norm
    ended: Tensor = (norm <= _LEAST_NORM) | (_slope_norm(here) <= _IN_KERNEL * scale)
    return ended
