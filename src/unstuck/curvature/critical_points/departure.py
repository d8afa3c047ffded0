"""Gradient descent from many places at once: how long each takes to leave a critical point."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Departures:
    """Runs of gradient descent side by side."""

    losses: Array  # [T + 1, M], NaN from where a run was ended after its escape
    escaped_at: Array  # [M], first update with the loss below the threshold; NaN if there is none
    farthest: Array  # [M], largest distance from the start


def descend_together(
    problems: Sequence[Problem],
    *,
    starts: Tensor,
    rates: Tensor,
    thresholds: Tensor,
    max_updates: int,
    afterwards: Tensor | None = None,
    stay: Tensor | None = None,
    momenta: Tensor | None = None,
) -> Departures:
    """Descend from every start until its loss is below its threshold, and some way on.

    Parameters
    ----------
    problems
        The loss of each start: of one network, criterion and weight decay, over as many samples,
        which may be others. Their own points are not used.
    starts, rates, thresholds
        Points ``[M, P]``, learning rates ``[M]`` and losses ``[M]``.
    afterwards
        Updates ``[M]`` for which a run goes on after that; none by default.
    stay
        Which starts ``[M]`` are not expected to escape: they run for as long as any other does.
    momenta
        Share of the step before ``[M]`` that each keeps (heavy ball); none by default.

    Raises
    ------
    CurvatureError
        If shapes disagree, or a rate or the number of updates is not positive.
    """
    size, parameters = len(problems), problems[0].parameter_count
    shapes = {tuple(rates.shape), tuple(thresholds.shape)}
    if starts.shape != (size, parameters) or shapes != {(size,)}:
        raise CurvatureError(
            f"starts have shape {tuple(starts.shape)}, rates {tuple(rates.shape)} and thresholds "
            f"{tuple(thresholds.shape)}; expected [{size}, {parameters}], [{size}] and [{size}]."
        )
    if not bool((rates > 0).all()) or max_updates < 1:
        raise CurvatureError("rates and max_updates must be positive.")
    waits = torch.zeros(size, dtype=torch.bool) if stay is None else stay
    more = torch.zeros(size, dtype=torch.float64) if afterwards is None else afterwards.double()
    kept = torch.zeros(size, dtype=torch.float64) if momenta is None else momenta.double()
    theta, step = starts.clone(), torch.zeros_like(starts)
    escaped = torch.full((size,), torch.nan, dtype=torch.float64)
    farthest = torch.zeros(size, dtype=torch.float64)
    ends = torch.full((size,), float(max_updates), dtype=torch.float64)
    curves = []
    x, y = (torch.stack([getattr(problem, name) for problem in problems]) for name in "xy")
    held, here = torch.arange(size), (x, y)
    for update in range(max_updates + 1):
        active = torch.nonzero(ends >= update).squeeze(1)
        if bool((waits[active]).all()):
            break
        if len(active) < len(held):
            held, here = active, (x[active], y[active])
        loss, gradient = loss_and_gradient(problems[0], theta[active], *here)
        curve = np.full(size, np.nan)
        curve[active.numpy()] = loss.numpy()
        curves.append(curve)
        moved = (theta[active] - starts[active]).norm(dim=1)
        farthest[active] = torch.maximum(farthest[active], moved)
        new = active[(loss < thresholds[active]) & escaped[active].isnan()]
        escaped[new] = float(update)
        ends[new] = (update + more[new]).clamp(max=max_updates)
        step[active] = kept[active, None] * step[active] + rates[active, None] * gradient
        theta[active] -= step[active]
    return Departures(np.array(curves), escaped.numpy(), farthest.numpy())


def loss_and_gradient(
    problem: Problem, theta: Tensor, x: Tensor | None = None, y: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Give losses ``[M]`` and gradients ``[M, P]`` at many points ``[M, P]``.

    Parameters
    ----------
    problem
        The loss; its own point is not used.
    x, y
        Samples ``[M, N, *shape]`` and classes ``[M, N]`` of each point; by default the problem's.
    """
    size = len(theta)
    loss, _, gradient, _ = problem.network.loss_and_gradient(
        theta,
        problem.x.expand(size, *problem.x.shape) if x is None else x,
        problem.y.expand(size, -1) if y is None else y,
        problem.loss,
        problem.buffers_of(size),
        problem.training,
        count_correct=False,
    )
    decay = problem.weight_decay
    return loss + 0.5 * decay * theta.square().sum(1), gradient + decay * theta
