"""Activations with their first two derivatives, and the way of samples through layers of them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


def _tanh(z: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    value = torch.tanh(z)
    slope = 1 - value.square()
    return value, slope, -2 * value * slope


def _sigmoid(z: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    value = torch.sigmoid(z)
    slope = value * (1 - value)
    return value, slope, slope * (1 - 2 * value)


def _relu(z: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    value = torch.relu(z)
    return value, (value > 0).to(z), None


DERIVATIVES: dict[str, Callable[[Tensor], tuple[Tensor, Tensor, Tensor | None]]] = {
    "relu": _relu,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
}
"""Value, first and second derivative (None where it is zero) of each activation by name."""


class Way(NamedTuple):
    """What samples are on their way through fully connected layers."""

    inputs: list[Tensor]  # [..., n, i + 1] of every layer, the last column 1
    slopes: list[Tensor]  # [..., n, o], derivative of the activation; not for the last layer
    bends: list[Tensor | None]  # [..., n, o], its second derivative
    outputs: Tensor  # [..., n, C]


def way_through(weights: Sequence[Tensor], x: Tensor, activation: str) -> Way:
    """Pass samples ``[..., n, i]`` through layers ``[..., i + 1, o]``, the bias their last row."""
    ones = x.new_ones(*x.shape[:-1], 1)
    inputs, slopes, bends = [torch.cat([x, ones], -1)], [], []
    for weight in weights[:-1]:
        value, slope, bend = DERIVATIVES[activation](inputs[-1] @ weight)
        slopes.append(slope)
        bends.append(bend)
        inputs.append(torch.cat([value, ones], -1))
    return Way(inputs, slopes, bends, inputs[-1] @ weights[-1])
