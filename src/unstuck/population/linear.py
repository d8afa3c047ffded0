"""The fully connected layer of stacked networks."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unstuck.population.layers import Layer, Pass, Saved, Shape, Tensors
from unstuck.population.products import affine, affine_gradients, affine_input_gradient

Draw = Callable[[np.random.Generator, Shape, int, int], NDArray[np.float64]]
"""Draws weights from a generator, a shape, a fan-in and a fan-out."""


class Linear(Layer):
    """`y = x W + b` with `W` `[in, out]` and `b` `[out]` for every member.

    The bias is kept before batch normalisation too, where the loss does not depend on it in
    training: an exact direction of zero gradient and curvature.
    """

    def __init__(self, inputs: int, outputs: int, draw: Draw) -> None:
        self.parameters = {"weight": (inputs, outputs), "bias": (outputs,)}
        self.output_shape = (outputs,)
        self.multiply_adds = inputs * outputs
        self._draw = draw

    def initial_parameters(self, generator: np.random.Generator) -> list[NDArray[np.float64]]:
        shape = self.parameters["weight"]
        return [self._draw(generator, shape, *shape), np.zeros(self.output_shape)]

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        return Pass(affine(x, *parameters), (x,))

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        gradients = affine_gradients(upstream, *saved)
        return gradients, affine_input_gradient(upstream, parameters[0]) if wants_input else None
