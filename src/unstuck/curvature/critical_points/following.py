"""Search for critical points of any index, without favour for one.

Minimising |g|^2 often ends gradient-flat (Frye et al. 2021), and descent knows minima only. Here
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

from unstuck.curvature.critical_points.certificate import (
    GRADIENT_TOLERANCE,
    RELATIVE_TOLERANCE,
    certify,
)
from unstuck.curvature.critical_points.departure import loss_and_gradient
from unstuck.curvature.critical_points.polishing import CriticalPoint
from unstuck.curvature.hessian.together import Expansions, expand
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError

_CONVEX = ("cross_entropy", "squared_error")
_LEAST_NORM = 1e-13
_TAIL_STEPS = 50
_TAIL_TOLERANCE = 1e-9
_HALVINGS = 30
# by which share two ways to sum up a loss may differ
_ROUNDING = 1e-14


def follow_eigenvectors(
    problem: Problem,
    starts: Tensor,
    *,
    longest: float = 0.3,
    steps: int = 40,
    relative_tolerance: float = RELATIVE_TOLERANCE,
) -> list[CriticalPoint]:
    """Follow Newton's step from points to critical points of whatever index it leads to.

    The weights and biases of the last layer start at their minimum, whatever ``starts`` say.

    Parameters
    ----------
    problem
        The loss; its own point is not used.
    starts
        Points ``[M, P]``, which do not mix: those that have ended drop out.
    longest
        Largest length of a step along one eigenvector of the reduced Hessian.
    steps
        Most Newton steps; a search that needs more counts as not converged.

    Raises
    ------
    CurvatureError
        If the loss is not convex in the outputs, there is no weight decay, a limit is not positive,
        or the network is not fully connected or has batchnorm.
    """
    if problem.loss not in _CONVEX or not problem.weight_decay > 0:
        raise CurvatureError(
            f"loss is {problem.loss} with weight_decay {problem.weight_decay}; eliminating the "
            f"last layer needs one of {', '.join(_CONVEX)} and a positive weight decay."
        )
    if not longest > 0 or steps < 1:
        raise CurvatureError(f"longest is {longest} and steps {steps}; both must be positive.")
    theta, head = minimise_last_layer(problem, starts), last_layer(problem)
    norms: list[list[float]] = [[] for _ in starts]
    moving = torch.arange(len(starts))
    for step in range(steps + 1):
        here = expand(problem, theta[moving])
        for member, norm in zip(moving.tolist(), here.gradient.norm(dim=1).tolist(), strict=True):
            norms[member].append(norm)
        going = torch.tensor([not _ended(norms[i]) for i in moving.tolist()])
        if step == steps or not going.any():
            break
        moving, here = moving[going], here[going]
        theta[moving] = here.theta + _steps(here, head, longest)
    losses, gradients = loss_and_gradient(problem, starts)
    return [
        CriticalPoint(
            theta=end,
            certificate=certify(problem.at(end), relative_tolerance=relative_tolerance),
            start_loss=float(loss),
            start_gradient_norm=float(gradient.norm()),
            distance=float((end - start).norm()),
            gradient_norms=np.array(path),
        )
        for start, end, path, loss, gradient in zip(
            starts, theta, norms, losses, gradients, strict=True
        )
    ]


def last_layer(problem: Problem) -> int:
    """Give where the parameters of the last layer start in ``theta``."""
    layout = problem.network.layout
    layer = layout[-1].name.rpartition(".")[0]
    return min(slot.start for slot in layout if slot.name.rpartition(".")[0] == layer)


def minimise_last_layer(problem: Problem, starts: Tensor) -> Tensor:
    """Move the parameters of the last layer of points ``[M, P]`` to their minimum.

    By Newton's method, with steps that are halved until the loss does not rise.
    """
    head, theta = last_layer(problem), starts.clone()
    moving = torch.arange(len(starts))
    for _ in range(_TAIL_STEPS):
        here = expand(problem, theta[moving])
        going = here.gradient[:, head:].norm(dim=1) > _TAIL_TOLERANCE
        moving, here = moving[going], here[going]
        if not len(moving):
            break
        step = -torch.linalg.solve(here.hessian[:, head:, head:], here.gradient[:, head:])
        rising = torch.arange(len(moving))
        for halving in range(_HALVINGS):
            theta[moving[rising], head:] = here.theta[rising, head:] + 0.5**halving * step[rising]
            value = loss_and_gradient(problem, theta[moving[rising]])[0]
            rising = rising[value > here.loss[rising] * (1 + _ROUNDING)]
            if not len(rising):
                break
    return theta


def _ended(norms: list[float]) -> bool:
    """Whether the gradient is rounding, or small enough and no longer halved by a step."""
    settled = len(norms) > 1 and norms[-1] <= GRADIENT_TOLERANCE and norms[-1] > 0.5 * norms[-2]
    return norms[-1] <= _LEAST_NORM or settled


def _steps(here: Expansions, head: int, longest: float) -> Tensor:
    """Give the steps ``[M, P]``: cut Newton on the reduced problem, the last layer led along."""
    matrix, gradient = here.hessian, here.gradient
    mixed, tail = matrix[:, head:, :head], matrix[:, head:, head:]
    solved = torch.linalg.solve(tail, torch.cat([mixed, gradient[:, head:, None]], 2))
    response, settle = solved[:, :, :-1], solved[:, :, -1:]
    reduced = matrix[:, :head, :head] - mixed.mT @ response
    values, vectors = torch.linalg.eigh(0.5 * (reduced + reduced.mT))
    slope = (vectors.mT @ (gradient[:, :head, None] - mixed.mT @ settle)).squeeze(2)
    moves = torch.where(values == 0, torch.zeros_like(slope), -slope / values)
    inner = vectors @ moves.clamp(-longest, longest).unsqueeze(2)
    return torch.cat([inner, -response @ inner - settle], 1).squeeze(2)
