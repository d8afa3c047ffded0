"""Measures of sharpness, and the rescaling under which most of them mean nothing."""

from dataclasses import dataclass

import numpy as np
import torch

from unstuck.curvature.objective import Objective
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra import trace
from unstuck.curvature.spectra.lanczos import extreme_eigenpairs
from unstuck.errors import CurvatureError

EXACT_TRACE_LIMIT = 4_000
"""Parameters up to which the trace is exact."""


@dataclass(frozen=True)
class Sharpness:
    """Sharpness of one point."""

    lambda_max: float
    residual: float  # of the top eigenpair
    trace: float
    trace_error: float  # standard error, 0 if exact
    sam: float  # loss at the adversarial point minus loss
    radius: float  # of the SAM ball
    converged: bool


def sharpness(
    objective: Objective,
    *,
    generator: np.random.Generator,
    radius: float = 0.05,
    tolerance: float = 1e-6,
    probes: int = 90,
) -> Sharpness:
    """Give the largest eigenvalue, the trace and the SAM sharpness of a point.

    Parameters
    ----------
    radius
        Radius of the SAM ball; 0.05 is the default of Foret et al. 2021.
    probes
        Products for the trace of objectives that are too large for the dense route.
    """
    top = extreme_eigenpairs(objective, highest=1, tolerance=tolerance, generator=generator)
    small = objective.theta.numel() <= EXACT_TRACE_LIMIT
    total = (
        trace.exact(objective)
        if small
        else trace.hutch_plus_plus(objective, probes=probes, generator=generator)
    )
    return Sharpness(
        lambda_max=float(top.values[-1]),
        residual=float(top.residuals[-1]),
        trace=total.value,
        trace_error=total.error,
        sam=sam_sharpness(objective, radius=radius),
        radius=radius,
        converged=top.converged and (small or total.converged),
    )


def sam_sharpness(objective: Objective, *, radius: float, steps: int = 1) -> float:
    """Give max over |e| <= radius of L(theta + e) - L(theta), by normalised gradient ascent.

    One step is the estimate of Foret et al. 2021 (eq. 2), e = radius * g / |g|; more steps are
    gradient ascent with projection on the sphere, from there.
    """
    if not radius > 0 or steps < 1:
        raise CurvatureError(
            f"radius is {radius} and steps {steps}; expected a positive radius and 1 or more steps."
        )
    loss, gradient = objective.loss_and_gradient()
    norm = float(gradient.norm())
    if norm == 0:
        return 0.0
    offset = radius / norm * gradient
    for _ in range(steps - 1):
        ascent = objective.at(objective.theta + offset).loss_and_gradient()[1]
        offset = offset + radius * ascent / ascent.norm()
        offset = radius * offset / offset.norm()
    return objective.at(objective.theta + offset).value() - loss


def rescale_relu(problem: Problem, *, layer: int, factor: float) -> Problem:
    """Multiply the weights into hidden layer ``layer`` (1, 2, ...) and divide those out of it.

    A ReLU network with positive ``factor`` computes the same function afterwards, but its Hessian
    has other eigenvalues (Dinh et al. 2017, theorem 2): sharpness is no property of the function.

    Raises
    ------
    CurvatureError
        If the network is not a fully connected ReLU network without batchnorm or weight decay, or
        has no such layer, or the factor is not positive.
    """
    spec = problem.network.spec
    if (spec.kind, spec.activation, spec.batchnorm) != ("dense", "relu", "off"):
        raise CurvatureError(
            f"the network is {spec.kind}, {spec.activation}, batchnorm {spec.batchnorm}; only a "
            "dense relu network with batchnorm off keeps its function under rescaling."
        )
    if not 1 <= layer <= len(spec.widths) or not 0 < factor < float("inf"):
        raise CurvatureError(
            f"layer is {layer} and factor {factor}; expected a hidden layer from 1 to "
            f"{len(spec.widths)} and a positive factor."
        )
    slots = problem.network.layout
    weight, bias, following = slots[2 * layer - 2], slots[2 * layer - 1], slots[2 * layer]
    theta = problem.theta.clone()
    theta[weight.start : bias.stop] *= factor
    theta[following.start : following.stop] /= factor
    return problem.at(theta)


def largest_output_change(first: Problem, second: Problem) -> float:
    """Largest difference of two problems' outputs, relative to the largest absolute output."""
    outputs = first.logits()
    scale = float(outputs.abs().max())
    return float((second.logits() - outputs).abs().max()) / max(
        scale, torch.finfo(outputs.dtype).tiny
    )
