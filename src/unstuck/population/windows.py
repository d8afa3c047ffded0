"""The windows that a convolution, shared or local, looks through."""

import itertools
import math
from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import pad

from unstuck.population.layers import Shape


def map_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """Return the places along one axis of a convolution's output."""
    return (size + 2 * padding - kernel) // stride + 1


class Windows:
    """Windows of one kernel size over maps with zeros around them, along one or two axes.

    Parameters
    ----------
    input_shape
        `(*places, C)` of the maps.
    kernel, stride, padding
        Side of a window, step between windows, and zeros at each end of each axis.
    """

    def __init__(self, input_shape: Shape, *, kernel: int, stride: int, padding: int) -> None:
        *places, self._channels = input_shape
        self._padded = tuple(size + 2 * padding for size in places)
        self._kernel, self._stride, self._padding = kernel, stride, padding
        self.patch: Shape = (*(kernel for _ in places), self._channels)
        self.places: Shape = tuple(map_size(size, kernel, stride, padding) for size in places)

    @property
    def area(self) -> int:
        """Places that a window covers."""
        return math.prod(self.patch[:-1])

    def unfold(self, x: Tensor) -> Tensor:
        """Return what each window sees, `[K, B, *places, *patch]`, of maps `[K, B, *places, C]`."""
        axes = len(self.places)
        if self._padding:
            x = pad(x, (0, 0) + (self._padding, self._padding) * axes)
        for axis in range(2, 2 + axes):
            x = x.unfold(axis, self._kernel, self._stride)
        return x.movedim(2 + axes, -1)  # channels innermost: copies run over whole rows

    def fold(self, upstream: Tensor, sent: Callable[[tuple[int, ...]], Tensor]) -> Tensor:
        """Add up what each element of the kernel sends back to the places that it touched.

        One product per element reads and writes maps; one product for all would write patches,
        many times their size, and spend longer on adding them up.

        Parameters
        ----------
        upstream
            Gives members, samples and number format: `[K, B, ...]`.
        sent
            What the element at an offset in the window sends, `[K, B, *places, C]`.
        """
        padded = upstream.new_zeros((*upstream.shape[:2], *self._padded, self._channels))
        for offset in itertools.product(range(self._kernel), repeat=len(self.places)):
            touched = padded
            for axis, (start, size) in enumerate(zip(offset, self.places, strict=True), start=2):
                stop = start + self._stride * (size - 1) + 1
                touched = touched[(slice(None),) * axis + (slice(start, stop, self._stride),)]
            touched += sent(offset)
        for axis, size in enumerate(self._padded, start=2):
            padded = padded.narrow(axis, self._padding, size - 2 * self._padding)
        return padded
