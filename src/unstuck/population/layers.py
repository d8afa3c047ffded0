"""What a layer of stacked networks is, and the layers without parameters.

Between layers, features come last: `[K, B, C]`, or `[K, B, *places, C]` for maps, so that a layer
acts on rows of features whether a row is a sample or a place of a map.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Shape = tuple[int, ...]
Tensors = Sequence[Tensor]
Saved = tuple[Any, ...]
"""What a layer's `backward` needs of its `forward`, in the layer's own order."""


class Pass(NamedTuple):
    """What a layer returns on the way forward."""

    output: Tensor  # [K, B, *output_shape]
    saved: Saved = ()
    buffers: tuple[Tensor, ...] = ()  # new values [K, *shape], one per buffer of the layer


class Layer(ABC):
    """One layer of K networks.

    A new kind of layer is one subclass. `forward` must be pure and traceable by autograd and
    torch.func; `backward` must equal its derivative. Neither may mix members.
    """

    parameters: Mapping[str, Shape] = {}
    """Name and shape of each parameter tensor of one member, in the order of the flat vector."""

    buffers: Mapping[str, Shape] = {}
    """Name and shape of each buffer of one member."""

    output_shape: Shape
    """Shape of one sample's output, features last."""

    multiply_adds: int = 0
    """Multiplications in the matrix products of one sample's way forward, each with an addition."""

    @abstractmethod
    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        """Map `x` `[K, B, *input_shape]`, or `[1, B, *input_shape]` shared by all members."""

    @abstractmethod
    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        """Return the gradients by the parameters `[K, *shape]` and by the input, None if unwanted.

        `upstream` `[K, B, *output_shape]` is the gradient by the output.
        """

    def initial_parameters(self, generator: np.random.Generator) -> list[NDArray[np.float64]]:
        """Draw the initial value of each parameter of one member."""
        return []

    def initial_buffers(self) -> list[NDArray[np.float64]]:
        """Return the initial value of each buffer of one member."""
        return []


class Reshape(Layer):
    """Flatten the places of a map into features."""

    def __init__(self, input_shape: Shape) -> None:
        self._input_shape = input_shape
        self.output_shape = (math.prod(input_shape),)

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        return Pass(x.flatten(2))

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        return (), upstream.reshape(*upstream.shape[:2], *self._input_shape)


class MeanPool(Layer):
    """Mean of each channel over all places of its map."""

    def __init__(self, input_shape: Shape) -> None:
        self._places = input_shape[:-1]
        self._ones = tuple(1 for _ in self._places)
        self.output_shape = input_shape[-1:]

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        return Pass(x.flatten(2, -2).mean(2))

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        K, B, C = upstream.shape
        share = (upstream / math.prod(self._places)).reshape(K, B, *self._ones, C)
        # a copy: sums over an expanded axis take other kernels for one member than for many
        return (), share.expand(K, B, *self._places, C).contiguous()


class Activation(Layer):
    """Element-wise tanh, ReLU or sigmoid; the gradient is computed from the output."""

    def __init__(self, name: str, shape: Shape) -> None:
        self._name = name
        self.output_shape = shape

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        output = _FUNCTIONS[self._name](x)
        return Pass(output, (output,))

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        return (), _BACKWARDS[self._name](upstream, saved[0])


def _sigmoid(x: Tensor) -> Tensor:
    """Return the logistic function by operations that are exact or the same for every element.

    torch.sigmoid rounds the last elements of an array, short of a vector, otherwise than the rest.
    Beyond half the range of exp the value is 0 or 1 to rounding, and the clamp keeps its gradient
    finite.
    """
    limit = 0.5 * math.log(torch.finfo(x.dtype).max)
    return x.clamp(min=-limit).neg().exp().add(1).reciprocal()


_ATEN = torch.ops.aten
_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": _sigmoid,
}
_BACKWARDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "tanh": _ATEN.tanh_backward,
    "relu": lambda upstream, output: _ATEN.threshold_backward(upstream, output, 0),
    "sigmoid": _ATEN.sigmoid_backward,
}
