"""Batchnorm at inference, folded into the weights of its neighbours, and derivatives unfolded.

At inference batchnorm is an affine map with fixed statistics, so a fully connected network with it
is one without it whose weights are a smooth function f of the parameters. With H' and g' the
Hessian and gradient by f(theta), the chain rule gives

    H = J^T H' J + sum_k g'_k d2 f_k,   J = df / dtheta,

and J^T is applied to whole rows at once by reverse differentiation of f, without forming J.
"""

from functools import partial

import torch
from torch import Tensor

from unstuck.curvature.problem import Problem
from unstuck.population.normalisation import EPSILON

# Rows that one reverse pass through the folding handles at once.
_ROWS = 256


def fold(problem: Problem, theta: Tensor) -> Tensor:
    """Give the parameters ``[P']`` of the network without batchnorm that computes the same."""
    slots = problem.network.layout
    tensors = {slot.name: theta[slot.start : slot.stop].view(slot.shape) for slot in slots}
    behind: tuple[Tensor, Tensor] | None = None  # factor and shift of what the last layer gives
    folded = []
    for name in [key.removesuffix(".weight") for key in tensors if key.endswith(".weight")]:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        if behind:
            weight, bias = weight * behind[0].unsqueeze(1), bias + behind[1] @ weight
        behind = _normalisation(problem, tensors, name)
        if behind and problem.network.spec.batchnorm == "before":
            weight, bias = weight * behind[0], bias * behind[0] + behind[1]
            behind = None
        folded += [weight.flatten(), bias]
    return torch.cat(folded)


def unfold(problem: Problem, matrix: Tensor, gradient: Tensor | None) -> Tensor:
    """Pull a matrix ``[P', P']`` by the folded parameters back to the parameters, ``[P, P]``.

    ``gradient`` ``[P']`` adds the second derivatives of the folding, as a Hessian needs them and
    a Gauss-Newton matrix does not.
    """
    if problem.network.spec.batchnorm == "off":
        return matrix

    folding = partial(fold, problem)
    pull = torch.func.vjp(folding, problem.theta)[1]
    rows = torch.func.vmap(lambda row: pull(row)[0], chunk_size=_ROWS)
    result: Tensor = rows(rows(matrix).mT.contiguous())
    if gradient is not None:
        slope = torch.func.grad(lambda theta: gradient @ folding(theta))
        bend = torch.func.vjp(slope, problem.theta)[1]
        identity = torch.eye(len(result), dtype=result.dtype, device=result.device)
        result += torch.func.vmap(lambda row: bend(row)[0], chunk_size=_ROWS)(identity)
    return 0.5 * (result + result.mT)


def _normalisation(
    problem: Problem, tensors: dict[str, Tensor], layer: str
) -> tuple[Tensor, Tensor] | None:
    """Factor and shift of the batchnorm that follows ``layer``, if one does."""
    name = layer.replace("linear", "batchnorm")
    if f"{name}.gamma" not in tensors:
        return None
    assert problem.buffers is not None
    statistics = {
        slot.name: problem.buffers[slot.start : slot.stop] for slot in problem.network.buffer_layout
    }
    inverse = torch.rsqrt(statistics[f"{name}.running_variance"] + EPSILON)
    scale = tensors[f"{name}.gamma"] * inverse
    return scale, tensors[f"{name}.beta"] - scale * statistics[f"{name}.running_mean"]
