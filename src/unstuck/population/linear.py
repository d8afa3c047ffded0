"""The fully connected layer of stacked networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.population.layers import Layer, Pass, Saved, Shape, Tensors

Draw = Callable[[np.random.Generator, Shape, int, int], NDArray[np.float64]]
"""Draws weights from a generator, a shape, a fan-in and a fan-out."""


def rows_forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return `x W + b` of rows `x` `[K or 1, R, in]`; `W` `[K, in, out]`, `b` `[K, out]`."""
    return torch.baddbmm(bias.unsqueeze(1), x.expand(weight.shape[0], -1, -1), weight)


def rows_backward(upstream: Tensor, x: Tensor, weight_out: Tensor, bias_out: Tensor) -> None:
    """Write the gradients of `rows_forward` by weight `[K, in, out]` and bias `[K, out]`."""
    K, R, _ = upstream.shape
    if R == 1:  # an outer product, written in place without a matrix product
        torch.mul(x.mT, upstream, out=weight_out)
        bias_out.copy_(upstream.squeeze(1))
        return
    weight_out.copy_(torch.bmm(x.mT.expand(K, -1, -1), upstream))
    torch.sum(upstream, 1, out=bias_out)


class Linear(Layer):
    """`y = x W + b` with `W` `[in, out]` and `b` `[out]` for every member.

    The bias is kept before batch normalisation too, where the loss does not depend on it in
    training: an exact direction of zero gradient and curvature.
    """

    def __init__(self, inputs: int, outputs: int, draw: Draw) -> None:
        self.parameters = {"weight": (inputs, outputs), "bias": (outputs,)}
        self.output_shape = (outputs,)
        self._draw = draw

    def initial_parameters(self, generator: np.random.Generator) -> list[NDArray[np.float64]]:
        shape = self.parameters["weight"]
        return [self._draw(generator, shape, *shape), np.zeros(self.output_shape)]

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        return Pass(rows_forward(x, *parameters), (x,))

    def backward(
        self,
        upstream: Tensor,
        saved: Saved,
        parameters: Tensors,
        gradients: Tensors,
        wants_input: bool,
    ) -> Tensor | None:
        rows_backward(upstream, saved[0], *gradients)
        return torch.bmm(upstream, parameters[0].mT) if wants_input else None
