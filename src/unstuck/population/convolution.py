"""Convolution of stacked networks, with weights shared by all places or local to each."""

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unstuck.population.layers import Layer, Pass, Saved, Shape, Tensors
from unstuck.population.linear import Draw
from unstuck.population.products import affine, affine_gradients, affine_input_gradient
from unstuck.population.windows import Windows


class _Windowed(Layer):
    """Cross-correlation with zero padding: a linear layer on every window of the input."""

    #: whether each place has weights of its own
    local = False

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
        self._windows = Windows(input_shape, kernel=kernel, stride=stride, padding=padding)
        places = self._windows.places
        own = places if self.local else ()
        self.parameters = {
            "weight": (*own, *self._windows.patch, outputs),
            "bias": (*own, outputs),
        }
        self.output_shape = (*places, outputs)
        self.multiply_adds = math.prod(self.output_shape) * math.prod(self._windows.patch)
        self._draw = draw

    def initial_parameters(self, generator: np.random.Generator) -> list[NDArray[np.float64]]:
        # a place has the same fan-in, and an input the same fan-out, with weights shared or not
        shape = self.parameters["weight"]
        fan_in, fan_out = self._windows.area * shape[-2], self._windows.area * shape[-1]
        weight = self._draw(generator, shape, fan_in, fan_out)
        return [weight, np.zeros(self.parameters["bias"])]


class Convolution(_Windowed):
    """Weights shared by all places: one matrix product over unfolded patches per member.

    The weight is `[kernel, C_in, C_out]` or `[kernel, kernel, C_in, C_out]`, the bias `[C_out]`:
    torch's `[C_out, C_in, kernel...]` with its first axis moved last, then its second.
    """

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        weight, bias = parameters
        rows = x.shape[1] * math.prod(self._windows.places)
        patches = self._windows.unfold(x).reshape(x.shape[0], rows, -1)
        output = affine(patches, weight.flatten(1, -2), bias)
        return Pass(output.reshape(len(weight), x.shape[1], *self.output_shape), (patches,))

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        K, B, *places, outputs = upstream.shape
        rows = upstream.reshape(K, B * math.prod(places), outputs)
        gradients = affine_gradients(rows, *saved)
        if not wants_input:
            return gradients, None

        def sent(offset: tuple[int, ...]) -> Tensor:
            element = parameters[0]
            for start in offset:
                element = element.select(1, start)
            return affine_input_gradient(rows, element).reshape(K, B, *places, -1)

        return gradients, self._windows.fold(upstream, sent)


class LocalConvolution(_Windowed):
    """Convolution whose places each have weights of their own: fields without sharing.

    The weight is `[*places, *kernel, C_in, C_out]`, the bias `[*places, C_out]`.
    """

    local = True

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        weight, bias = parameters
        K, B, axes = len(weight), x.shape[1], len(self._windows.places)
        # each place of each member is a linear layer of its own: [K, *places] become one axis
        patches = self._windows.unfold(x).movedim(1, 1 + axes).flatten(2 + axes)
        patches = patches.expand(K, *patches.shape[1:]).flatten(0, axes)
        output = affine(patches, self._each(weight).flatten(1, -2), self._each(bias))
        output = output.reshape(K, *self._windows.places, B, -1).movedim(1 + axes, 1)
        return Pass(output.contiguous(), (patches,))

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        K, B, *places, outputs = upstream.shape
        # a copy even for one member, whose view other kernels would sum
        rows = upstream.movedim(1, -2).reshape(-1, B, outputs).contiguous()
        weight, bias = affine_gradients(rows, *saved)
        gradients = (
            weight.reshape(K, *self.parameters["weight"]),
            bias.reshape(K, *self.parameters["bias"]),
        )
        if not wants_input:
            return gradients, None

        def sent(offset: tuple[int, ...]) -> Tensor:
            element = self._each(parameters[0])
            for start in offset:
                element = element.select(1, start)
            back = affine_input_gradient(rows, element).reshape(K, *places, B, -1)
            return back.movedim(1 + len(places), 1)

        return gradients, self._windows.fold(upstream, sent)

    def _each(self, parameter: Tensor) -> Tensor:
        """Make the axes of members and places, `[K, *places, ...]`, one."""
        return parameter.flatten(0, len(self._windows.places))
