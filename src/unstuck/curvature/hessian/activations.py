"""Activations with their first two derivatives, element by element."""

from collections.abc import Callable

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
