"""Search for critical points of any index, without favour for one.

Minimising |g|^2 mostly ends gradient-flat (Frye et al. 2021), and descent knows minima only. Here
Newton's step is taken in the eigenbasis of the Hessian, each component cut to a largest length: up
along negative eigenvalues, down along positive ones, so that no index is preferred. That is the
eigenvector following of chemistry (Cerjan and Miller 1981, Wales 1994) with every direction free.

The weights of the last layer are eliminated (variable projection, Golub and Pereyra 1973): given
the others, a convex loss with weight decay has one minimum over them, W -> R(W). The loss and R
have the same critical points, and by Haynsworth's inertia additivity the same index there, since
the eliminated block is positive definite. R has far fewer dimensions to get lost in.
"""

import numpy as np
import torch
from torch import Tensor

from unstuck.curvature import dense
from unstuck.curvature.certificate import GRADIENT_TOLERANCE, RELATIVE_TOLERANCE, certify
from unstuck.curvature.critical import CriticalPoint
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError

_CONVEX = ("cross_entropy", "squared_error")
_LEAST_NORM = 1e-13
_TAIL_STEPS = 50
_TAIL_TOLERANCE = 1e-9


def follow_eigenvectors(
    problem: Problem,
    *,
    longest: float = 0.3,
    steps: int = 40,
    gradient_tolerance: float = GRADIENT_TOLERANCE,
    relative_tolerance: float = RELATIVE_TOLERANCE,
) -> CriticalPoint:
    """Follow Newton's step from a point to a critical point of whatever index it leads to.

    The weights and biases of the last layer start at their minimum, whatever ``theta`` says.

    Parameters
    ----------
    longest
        Largest length of a step along one eigenvector of the reduced Hessian.
    steps
        Most Newton steps; a search that needs more counts as not converged.

    Raises
    ------
    CurvatureError
        If the loss is not convex in the outputs, there is no weight decay, or a limit is not
        positive.
    """
    if problem.loss not in _CONVEX or not problem.weight_decay > 0:
        raise CurvatureError(
            f"loss is {problem.loss} with weight_decay {problem.weight_decay}; eliminating the "
            f"last layer needs one of {', '.join(_CONVEX)} and a positive weight decay."
        )
    if not longest > 0 or steps < 1:
        raise CurvatureError(f"longest is {longest} and steps {steps}; both must be positive.")
    start_loss, start_gradient = problem.loss_and_gradient()
    here, head = minimise_last_layer(problem), last_layer(problem)
    norms = []
    for step in range(steps + 1):
        gradient = here.gradient()
        norms.append(float(gradient.norm()))
        if norms[-1] <= _LEAST_NORM or step == steps or _settled(norms, gradient_tolerance):
            break
        here = here.at(here.theta + _step(dense.hessian(here), gradient, head, longest))
    return CriticalPoint(
        theta=here.theta,
        certificate=certify(
            here, gradient_tolerance=gradient_tolerance, relative_tolerance=relative_tolerance
        ),
        start_loss=start_loss,
        start_gradient_norm=float(start_gradient.norm()),
        distance=float((here.theta - problem.theta).norm()),
        gradient_norms=np.array(norms),
        evaluations=len(norms),
    )


def last_layer(problem: Problem) -> int:
    """Give where the parameters of the last layer start in ``theta``."""
    layout = problem.network.layout
    layer = layout[-1].name.rpartition(".")[0]
    return min(slot.start for slot in layout if slot.name.rpartition(".")[0] == layer)


def minimise_last_layer(problem: Problem) -> Problem:
    """Move the parameters of the last layer to their minimum, by Newton with halved steps."""
    head, here = last_layer(problem), problem
    for _ in range(_TAIL_STEPS):
        loss, gradient = here.loss_and_gradient()
        slope = gradient[head:]
        if float(slope.norm()) <= _TAIL_TOLERANCE:
            break
        step = -torch.linalg.solve(dense.hessian(here)[head:, head:], slope)
        there = here
        for halving in range(30):
            theta = here.theta.clone()
            theta[head:] += 0.5**halving * step
            there = here.at(theta)
            if there.value() <= loss:
                break
        here = there
    return here


def _settled(norms: list[float], gradient_tolerance: float) -> bool:
    """Whether the point is critical and a step no longer halves the gradient."""
    return len(norms) > 1 and norms[-1] <= gradient_tolerance and norms[-1] > 0.5 * norms[-2]


def _step(matrix: Tensor, gradient: Tensor, head: int, longest: float) -> Tensor:
    """Give the step: cut Newton on the reduced problem, and the last layer led along with it."""
    mixed, tail = matrix[head:, :head], matrix[head:, head:]
    right = torch.cat([mixed, gradient[head:, None]], 1)
    solved = torch.linalg.solve(tail, right)
    response, settle = solved[:, :-1], solved[:, -1]
    reduced = matrix[:head, :head] - mixed.mT @ response
    values, vectors = torch.linalg.eigh(0.5 * (reduced + reduced.mT))
    slope = vectors.mT @ (gradient[:head] - mixed.mT @ settle)
    moves = torch.where(values == 0, torch.zeros_like(slope), -slope / values)
    inner = vectors @ moves.clamp(-longest, longest)
    return torch.cat([inner, -response @ inner - settle])
