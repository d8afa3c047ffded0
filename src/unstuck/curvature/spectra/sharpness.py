"""Measures of sharpness, and the rescaling under which most of them mean nothing."""

import torch

from unstuck.curvature.objective import Objective
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError


def sam_sharpness(objective: Objective, *, radius: float) -> float:
    """Estimate max over |e| <= radius of L(theta + e) - L(theta) by one normalised step.

    The estimate of Foret et al. 2021 (eq. 2), e = radius * g / |g|.
    """
    if not radius > 0:
        raise CurvatureError(f"radius is {radius}; expected a positive one.")
    loss, gradient = objective.loss_and_gradient()
    norm = float(gradient.norm())
    if norm == 0:
        return 0.0
    offset = radius / norm * gradient
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
