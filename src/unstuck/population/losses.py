"""Losses of classification, per sample, with their gradients by the network's outputs.

A new loss is one subclass of `Loss` and one entry of `LOSSES`.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from unstuck.errors import ConfigError


class Loss(ABC):
    """A loss of outputs `[K, B, C]` and classes `[K, B]` or `[1, B]`."""

    @abstractmethod
    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each sample `[K, B]`; differentiable."""

    @abstractmethod
    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of each sample `[K, B]` and the gradient of their mean `[K, B, C]`."""

    def output_count(self, classes: int) -> int:
        """Return how many outputs the last layer has for so many classes."""
        return classes

    def correct(self, outputs: Tensor, y: Tensor, classes: int) -> Tensor:
        """Return how many samples have their largest output, the first if tied, at their class.

        `[K]` int64. A sample with an output that is not a number is never correct.
        """
        # The class where the output is largest, infinite elsewhere: its minimum is torch.argmax,
        # which does not vectorise over few classes and would cost as much as the forward pass.
        outputs = outputs.detach()
        short = outputs.amax(2, keepdim=True) - outputs
        numbers = torch.arange(classes, dtype=short.dtype, device=short.device)
        winner = torch.add(numbers, short, alpha=torch.finfo(short.dtype).max).amin(2)
        return (winner == y).sum(1)


def _index(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the classes as an index `[K, B, 1]` into the outputs."""
    return y.unsqueeze(2).expand(outputs.shape[0], -1, -1)


def _less_one_hot(values: Tensor, index: Tensor) -> Tensor:
    """Subtract 1 from values `[K, B, C]` at each sample's class."""
    return values.scatter_add(2, index, values.new_full((), -1.0).expand(index.shape))


class CrossEntropy(Loss):
    """`-log softmax(outputs)[y]`."""

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        # torch.log_softmax does not vectorise over few classes
        below = outputs - outputs.detach().amax(2, keepdim=True)
        chosen = below.gather(2, _index(outputs, y))
        return (below.exp().sum(2, keepdim=True).log() - chosen).squeeze(2)

    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        index, samples = _index(outputs, y), outputs.shape[1]
        below = outputs - outputs.amax(2, keepdim=True)
        powers = below.exp()
        total = powers.sum(2, keepdim=True)
        value = total.log() - below.gather(2, index)
        gradient = powers / (samples * total)
        return value.squeeze(2), gradient.scatter_(2, index, -1 / samples, reduce="add")


class SquaredError(Loss):
    """`½ Σ (outputs - one_hot(y))²` over the classes, of raw outputs."""

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return 0.5 * _less_one_hot(outputs, _index(outputs, y)).square().sum(2)

    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        error = _less_one_hot(outputs, _index(outputs, y))
        return 0.5 * error.square().sum(2), error / outputs.shape[1]


class SoftmaxSquaredError(Loss):
    """`½ Σ (softmax(outputs) - one_hot(y))²` over the classes."""

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return SquaredError().value(outputs.softmax(2), y)

    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        probability = outputs.softmax(2)
        value, error = SquaredError().value_and_gradient(probability, y)
        return value, probability * (error - (probability * error).sum(2, keepdim=True))


class ClassNumber(Loss):
    """`½ (output - y)²` of a single output, which is to be the number of the class."""

    def output_count(self, classes: int) -> int:
        return 1

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (outputs.squeeze(2) - y).square()

    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        error = outputs - y.unsqueeze(2)
        return 0.5 * error.square().squeeze(2), error / outputs.shape[1]

    def correct(self, outputs: Tensor, y: Tensor, classes: int) -> Tensor:
        """Return how many samples have an output nearer to their class number than to others.

        `[K]` int64. Beyond the first or the last number that one is the nearest.
        """
        nearest = outputs.detach().squeeze(2).clamp(0, classes - 1).round()
        return (nearest == y).sum(1)


LOSSES: dict[str, Loss] = {
    "cross_entropy": CrossEntropy(),
    "squared_error": SquaredError(),
    "softmax_squared_error": SoftmaxSquaredError(),
    "class_number": ClassNumber(),
}
"""Every loss by the name that a run gives it."""


def criterion_of(loss: str) -> Loss:
    """Return a loss by its name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if loss not in LOSSES:
        raise ConfigError(f"loss {loss!r} is not known: choose one of {', '.join(LOSSES)}.")
    return LOSSES[loss]
