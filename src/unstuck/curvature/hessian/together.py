"""Loss, gradient and Hessian of one small network at many points at once.

A Hessian of some sixty parameters is so small that the calls which make it cost more than their
arithmetic. So all points go through the layers side by side, by the formulas of ``layerwise``, in
fully connected networks without batchnorm.
"""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from unstuck.curvature.hessian.activations import way_through
from unstuck.curvature.hessian.layerwise import affine_layers
from unstuck.curvature.hessian.output_hessian import output_hessian
from unstuck.curvature.objective import finite
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError

# Bytes of the temporaries that the points of one pass may fill, so that they stay in cache.
_PASS_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Expansions:
    """Taylor expansions to second order at M points."""

    theta: Tensor  # [M, P]
    loss: Tensor  # [M]
    gradient: Tensor  # [M, P]
    hessian: Tensor  # [M, P, P]

    def __len__(self) -> int:
        """M."""
        return len(self.theta)

    def __getitem__(self, chosen: Tensor) -> "Expansions":
        """Give those of some points, by a mask or by indices."""
        return Expansions(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @classmethod
    def joined(cls, parts: "list[Expansions]") -> Self:
        """Put several after one another."""
        names = [each.name for each in fields(cls)]
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


def expand(problem: Problem, theta: Tensor) -> Expansions:
    """Expand a loss at points ``[M, P]``; its own point is not used.

    Raises
    ------
    CurvatureError
        If the network is not fully connected or has batchnorm, or a Hessian is not finite.
    """
    if problem.network.spec.kind != "dense" or problem.network.buffer_count:
        raise CurvatureError("points are expanded together in dense networks without batchnorm.")
    rows = problem.samples * _numbers_a_sample(problem) * theta.element_size()
    size = max(1, _PASS_BYTES // rows)
    found = Expansions.joined(
        [
            _side_by_side(problem, theta[start : start + size])
            for start in range(0, len(theta), size)
        ]
    )
    finite("a Hessian", found.hessian)
    return found


def _numbers_a_sample(problem: Problem) -> int:
    """Count what the largest temporary holds of one sample at one point."""
    sides = [layer.weights.shape for layer in affine_layers(problem.network, problem.theta)]
    return max(max(i * p, p * q * o) for i, o in sides for p, q in sides)


def _side_by_side(problem: Problem, theta: Tensor) -> Expansions:
    """Expand at points ``[M, P]`` in one pass; letters of indices are those of ``layerwise``."""
    layers = affine_layers(problem.network, problem.theta)
    weights = [
        theta[:, layer.start : layer.stop].reshape(-1, *layer.weights.shape) for layer in layers
    ]
    x = problem.x.flatten(1).expand(len(theta), -1, -1)
    inputs, slopes, bends, outputs = way_through(weights, x, problem.network.spec.activation)
    y = problem.y.expand(len(theta), -1)
    value, upstream = problem.criterion.value_and_gradient(outputs, y)
    gradients = [upstream]
    hessians = [output_hessian(problem.loss, outputs, y) / problem.samples]
    for weight, slope, bend in zip(weights[:0:-1], slopes[::-1], bends[::-1], strict=True):
        above = gradients[0] @ weight[:, :-1].mT
        mixed = _through(_through(hessians[0], weight).mT, weight)
        mixed = mixed * slope.unsqueeze(3) * slope.unsqueeze(2)
        if bend is not None:
            mixed.diagonal(dim1=2, dim2=3).add_(above * bend)
        gradients.insert(0, above * slope)
        hessians.insert(0, mixed)
    hessian = theta.new_empty(*theta.shape, theta.shape[1])
    for second, layer in enumerate(layers):
        mixed, reach = hessians[second], inputs[second].new_empty(0)
        columns = slice(layer.start, layer.stop)
        for first in range(second, -1, -1):
            if first < second:
                slope = slopes[first].unsqueeze(2)
                mixed = _through(mixed, weights[first + 1]) * slope
            block = _first_order(inputs[first], inputs[second], mixed)
            if first == second - 1:
                _bend_neighbour(block, inputs[first], slopes[first], gradients[second])
                reach = torch.diag_embed(slopes[first])
            elif first < second:
                reach = _through(reach, weights[first + 1]) * slope
                _bend(block, inputs[first], reach, gradients[second])
            rows_of = slice(layers[first].start, layers[first].stop)
            flat = block.permute(0, 1, 4, 2, 3).reshape(
                len(theta), layers[first].weights.numel(), -1
            )
            hessian[:, rows_of, columns] = flat
            hessian[:, columns, rows_of] = flat.mT
    hessian.diagonal(dim1=1, dim2=2).add_(problem.weight_decay)
    slope_of = torch.cat([(a.mT @ g).flatten(1) for a, g in zip(inputs, gradients, strict=True)], 1)
    return Expansions(
        theta,
        value.mean(1) + 0.5 * problem.weight_decay * theta.square().sum(1),
        slope_of + problem.weight_decay * theta,
        hessian,
    )


def _through(derivatives: Tensor, weight: Tensor) -> Tensor:
    """Take derivatives ``[M, N, q, r]`` back through a layer ``[M, o + 1, r]`` to its inputs."""
    rows = derivatives.flatten(1, 2) @ weight[:, :-1].mT
    return rows.view(*derivatives.shape[:3], -1)


def _first_order(lower: Tensor, upper: Tensor, mixed: Tensor) -> Tensor:
    """Give sum_n a[i] a[p] R[q, o], ``[M, i, p, q, o]``.

    Inputs of the two layers are ``[M, N, i]`` and ``[M, N, p]``, derivatives of the upper gradient
    by the lower pre-activations ``[M, N, q, o]``.
    """
    pairs = (lower.unsqueeze(3) * upper.unsqueeze(2)).flatten(2)
    block = pairs.mT @ mixed.flatten(2)
    return block.view(len(lower), lower.shape[2], upper.shape[2], *mixed.shape[2:])


def _bend(block: Tensor, lower: Tensor, reach: Tensor, gradient: Tensor) -> None:
    """Add sum_n a[i] D[p, o] g[q]; D ``[M, N, p - 1, o]`` is of the upper inputs."""
    bent = reach.unsqueeze(3) * gradient[:, :, None, :, None]
    block[:, :, :-1] += (lower.mT @ bent.flatten(2)).view_as(block[:, :, :-1])


def _bend_neighbour(block: Tensor, lower: Tensor, slope: Tensor, gradient: Tensor) -> None:
    """Add the same between neighbours, where D is diagonal: p and o are one unit."""
    bent = lower.mT @ (gradient.unsqueeze(3) * slope.unsqueeze(2)).flatten(2)
    diagonal = block[:, :, :-1].diagonal(dim1=2, dim2=4)
    diagonal += bent.view_as(diagonal)
