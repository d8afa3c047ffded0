"""What a layer of stacked networks is, and the layers without parameters.

Between layers, features come last: `[K, B, C]`, or `[K, B, *places, C]` for maps, so that a layer
acts on rows of features whether a row is a sample or a place of a map.
"""

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

    @abstractmethod
    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        """Map `x` `[K, B, *input_shape]`, or `[1, B, *input_shape]` shared by all members."""

    @abstractmethod
    def backward(
        self,
        upstream: Tensor,
        saved: Saved,
        parameters: Tensors,
        gradients: Tensors,
        wants_input: bool,
    ) -> Tensor | None:
        """Write the gradient of each parameter into `gradients` and return that of the input.

        `upstream` `[K, B, *output_shape]` is the gradient of the loss by the output. The gradient
        of the input is None when it is not wanted.
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
        self.output_shape = (int(np.prod(input_shape)),)

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        return Pass(x.flatten(2))

    def backward(
        self,
        upstream: Tensor,
        saved: Saved,
        parameters: Tensors,
        gradients: Tensors,
        wants_input: bool,
    ) -> Tensor | None:
        return upstream.view(*upstream.shape[:2], *self._input_shape) if wants_input else None


class MeanPool(Layer):
    """Mean of each channel over all places of its map."""

    def __init__(self, input_shape: Shape) -> None:
        self._places = input_shape[:-1]
        self._axes = tuple(range(2, 2 + len(self._places)))
        self.output_shape = input_shape[-1:]

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        return Pass(x.flatten(2, -2).mean(2))

    def backward(
        self,
        upstream: Tensor,
        saved: Saved,
        parameters: Tensors,
        gradients: Tensors,
        wants_input: bool,
    ) -> Tensor | None:
        if not wants_input:
            return None
        K, B, C = upstream.shape
        share = upstream / int(np.prod(self._places))
        return share.view(K, B, *(1 for _ in self._places), C).expand(K, B, *self._places, C)


class Activation(Layer):
    """Element-wise tanh, ReLU or sigmoid; the gradient is computed from the output."""

    def __init__(self, name: str, shape: Shape) -> None:
        self._name = name
        self.output_shape = shape

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        output = _FUNCTIONS[self._name](x)
        return Pass(output, (output,))

    def backward(
        self,
        upstream: Tensor,
        saved: Saved,
        parameters: Tensors,
        gradients: Tensors,
        wants_input: bool,
    ) -> Tensor | None:
        return _BACKWARDS[self._name](upstream, saved[0]) if wants_input else None


_ATEN = torch.ops.aten
_FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}
_BACKWARDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "tanh": _ATEN.tanh_backward,
    "relu": lambda upstream, output: _ATEN.threshold_backward(upstream, output, 0),
    "sigmoid": _ATEN.sigmoid_backward,
}
