"""Losses of classification, per sample, with their gradients by the network's outputs.

A new loss is one subclass of `Loss` and one entry of `LOSSES`.
"""

from abc import ABC, abstractmethod

from torch import Tensor


class Loss(ABC):
    """A loss of outputs `[K, B, C]` and classes `[K, B]` or `[1, B]`."""

    @abstractmethod
    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the loss of each sample `[K, B]`."""

    @abstractmethod
    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of each sample `[K, B]` and its gradient by the outputs `[K, B, C]`."""

    def correct(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return how many samples have their largest output at their class, `[K]` int64."""
        return (outputs.argmax(2) == y).sum(1)


def _index(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the classes as an index `[K, B, 1]` into the outputs."""
    return y.unsqueeze(2).expand(outputs.shape[0], -1, -1)


def _minus_one_hot(values: Tensor, index: Tensor) -> Tensor:
    """Subtract the one-hot targets from values `[K, B, C]`."""
    return values.scatter_add(2, index, values.new_full((), -1.0).expand(index.shape))


class CrossEntropy(Loss):
    """`-log softmax(outputs)[y]`."""

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -outputs.log_softmax(2).gather(2, _index(outputs, y)).squeeze(2)

    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        index = _index(outputs, y)
        logarithm = outputs.log_softmax(2)
        value = -logarithm.gather(2, index).squeeze(2)
        return value, _minus_one_hot(logarithm.exp(), index)


class SquaredError(Loss):
    """`½ Σ (outputs - one_hot(y))²` over the classes, of raw outputs."""

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return 0.5 * _minus_one_hot(outputs, _index(outputs, y)).square().sum(2)

    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        error = _minus_one_hot(outputs, _index(outputs, y))
        return 0.5 * error.square().sum(2), error


class SoftmaxSquaredError(Loss):
    """`½ Σ (softmax(outputs) - one_hot(y))²` over the classes."""

    def value(self, outputs: Tensor, y: Tensor) -> Tensor:
        return SquaredError().value(outputs.softmax(2), y)

    def value_and_gradient(self, outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        probability = outputs.softmax(2)
        value, error = SquaredError().value_and_gradient(probability, y)
        centred = error - (probability * error).sum(2, keepdim=True)
        return value, probability * centred


LOSSES: dict[str, Loss] = {
    "cross_entropy": CrossEntropy(),
    "squared_error": SquaredError(),
    "softmax_squared_error": SoftmaxSquaredError(),
}
"""Every loss by the name that a run gives it."""
