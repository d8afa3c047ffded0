"""Convolution of stacked networks, over one or two axes of places."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from unstuck.population.layers import Layer, Pass, Saved, Shape, Tensors
from unstuck.population.linear import Draw
from unstuck.population.products import affine, affine_gradients, affine_input_gradient


def map_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return the places along one axis of a convolution's output."""
    return (size + 2 * padding - kernel) // stride + 1


class Convolution(Layer):
    """Cross-correlation with zero padding, as one matrix product over unfolded patches per member.

    The weight is `[kernel, C_in, C_out]` or `[kernel, kernel, C_in, C_out]`, the bias `[C_out]`:
    torch's `[C_out, C_in, kernel...]` with its first axis moved last, then its second.
    """

    def __init__(
        self,
        input_shape: Shape,
        outputs: int,
        *,
        kernel: int,
        stride: int,
        padding: int,
        draw: Draw,
    ) -> None:
        *places, inputs = input_shape
        self._padded = tuple(size + 2 * padding for size in places)
        self._kernel, self._stride, self._padding = kernel, stride, padding
        self._patch = (*(kernel for _ in places), inputs)
        self._map = tuple(map_size(size, kernel, stride, padding) for size in places)
        self.parameters = {"weight": (*self._patch, outputs), "bias": (outputs,)}
        self.output_shape = (*self._map, outputs)
        self._draw = draw

    def initial_parameters(self, generator: np.random.Generator) -> list[NDArray[np.float64]]:
        shape = self.parameters["weight"]
        area = math.prod(self._patch[:-1])
        fan_in, fan_out = area * shape[-2], area * shape[-1]
        return [self._draw(generator, shape, fan_in, fan_out), np.zeros(shape[-1])]

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        weight, bias = parameters
        patches = self._unfold(x)
        output = affine(patches, weight.flatten(1, -2), bias)
        return Pass(output.reshape(len(weight), x.shape[1], *self.output_shape), (patches,))

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        K, B = upstream.shape[:2]
        rows = upstream.reshape(K, B * math.prod(self._map), upstream.shape[-1])
        gradients = affine_gradients(rows, *saved)
        return gradients, self._input_gradient(rows, B, parameters[0]) if wants_input else None

    def _unfold(self, x: Tensor) -> Tensor:
        """Return the patches `[K, B * places, patch]` of maps `[K, B, *places, C]`."""
        axes = len(self._map)
        if self._padding:
            x = pad(x, (0, 0) + (self._padding, self._padding) * axes)
        for axis in range(2, 2 + axes):
            x = x.unfold(axis, self._kernel, self._stride)
        patches = x.movedim(2 + axes, -1)  # channels innermost: copies run over whole rows
        rows = x.shape[1] * math.prod(self._map)
        return patches.reshape(x.shape[0], rows, math.prod(self._patch))

    def _input_gradient(self, rows: Tensor, samples: int, weight: Tensor) -> Tensor:
        """Add up what each element of the kernel sends back to the places that it touched.

        One product per element reads and writes maps; one product for all would write patches,
        many times their size, and spend longer on adding them up.
        """
        K, inputs = rows.shape[0], self._patch[-1]
        padded = rows.new_zeros((K, samples, *self._padded, inputs))
        for offset in itertools.product(range(self._kernel), repeat=len(self._map)):
            touched, element = padded, weight
            for axis, (start, size) in enumerate(zip(offset, self._map, strict=True), start=2):
                stop = start + self._stride * (size - 1) + 1
                touched = touched[(slice(None),) * axis + (slice(start, stop, self._stride),)]
                element = element.select(1, start)
            sent = affine_input_gradient(rows, element)
            touched += sent.reshape(K, samples, *self._map, inputs)
        for axis, size in enumerate(self._padded, start=2):
            padded = padded.narrow(axis, self._padding, size - 2 * self._padding)
        return padded
