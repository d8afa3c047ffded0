"""Members of a population in the lanes of registers: their state, and what is done to it."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.lanes.library import WIDTHS, Library, load
from unstuck.lanes.network import Description, Part, State, Stretch

#: numbers of one member at one update, and the parts of the rule they ask for: `kernel.cpp`
TERMS = 12
#: bytes that the widest register holds
ALIGNMENT = 128

Floats = NDArray[np.floating[Any]]
Column = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """Samples `[N, F]` in the number format of the kernel, and classes `[N]`."""

    x: Floats
    y: NDArray[np.int32]
    offsets: Integers  # [K], first row of each member's part
    count: int  # samples of a member's part

    @classmethod
    def of(cls, x: NDArray[Any], y: NDArray[Any], offsets: Integers, count: int) -> Samples:
        """Lay out samples, features last, for the kernel.

        Parameters
        ----------
        x, y
            Samples `[N, F]` and classes `[N]`.
        offsets
            First row of each member's part `[K]`.
        count
            Samples of a member's part.
        """
        if (
            offsets.max(initial=0) + count > len(y)
            or offsets.min(initial=0) < 0
            or len(x) != len(y)
        ):
            raise ValueError(f"{count} samples from rows {offsets} do not lie in {len(y)} rows")
        return cls(np.ascontiguousarray(x), np.ascontiguousarray(y, np.int32), offsets, count)


@dataclass(frozen=True)
class Updates:
    """Some updates of all members.

    Parameters
    ----------
    sizes
        Samples of each batch `[n]`.
    orders
        Rows of the samples of all these batches, one after another, `[R, sum(sizes)]`, counted from
        a member's offset; None where each batch is samples 0, 1, ....
    order_of
        Row of `orders` of each member `[K]`.
    terms
        Numbers of the update rule `[R', n, TERMS]`.
    terms_of
        Row of `terms` of each member `[K]`.
    parts
        Parts of the rule that each member needs `[K]`, bits as in the kernel.
    rates
        Learning rates `[n, K]`.
    noise
        Factors and shifts of batch normalisation `[n, noise, K]`, if it is noisy.
    """

    sizes: Integers
    orders: NDArray[np.int32] | None
    order_of: Integers
    terms: NDArray[np.float64]
    terms_of: Integers
    parts: Integers
    rates: NDArray[np.float64]
    noise: NDArray[np.float64] | None = None


class Members:
    """K members, in blocks of as many as a register has lanes.

    A last block of few members takes narrower registers; its spare lanes repeat its last member.

    Parameters
    ----------
    description
        Their network.
    count
        K.
    library
        The compilation of the kernel; by default that of the widest registers of this machine.
    """

    def __init__(
        self, description: Description, count: int, library: Library | None = None
    ) -> None:
        self.description, self.count = description, count
        library = library or load()
        workspace = _Workspace()
        self._blocks = [
            _Block(description, start, min(start + lanes.lanes, count), lanes, workspace)
            for start, lanes in _cut(count, library)
        ]

    @property
    def theta(self) -> Floats:
        """Parameters `[K, P]`, a copy."""
        return self._gathered("theta")

    @property
    def momentum(self) -> Floats:
        """Averaged direction m `[K, P]`, a copy."""
        return self._gathered("momentum")

    @property
    def squares(self) -> Floats:
        """Accumulated squares s `[K, P]`, a copy."""
        return self._gathered("squares")

    @property
    def buffers(self) -> Floats:
        """Running statistics `[K, Q]`, a copy."""
        return self._gathered("buffers")

    def put(self, **arrays: NDArray[Any]) -> None:
        """Set any of theta, momentum, squares `[K, P]` and buffers `[K, Q]`."""
        for name, array in arrays.items():
            for block in self._blocks:
                getattr(block, name)[:] = array.T[:, block.members]

    def train(self, samples: Samples, updates: Updates) -> Floats:
        """Make some updates; returns the losses `[n, K]` of the batches before each."""
        if self.description.noise and updates.noise is None:
            raise ValueError("a noisy network needs noise")
        losses = [block.train(samples, updates) for block in self._blocks]
        return np.concatenate(losses, axis=1)

    def evaluate(self, samples: Samples) -> tuple[Column, Column]:
        """Return mean loss and share of correct samples `[K]` of a part, at inference."""
        if not samples.count:
            return np.full(self.count, np.nan), np.full(self.count, np.nan)
        done = [block.evaluate(samples) for block in self._blocks]
        loss, correct = (np.concatenate(each) for each in zip(*done, strict=True))
        return loss, correct

    def gradient_norm(
        self, samples: Samples, l2: Column, strides: int = 1
    ) -> tuple[Column, Column, Column]:
        """Return the gradient's norm, the mean loss and the accuracy `[K]` of a part in training.

        The gradient is that of the mean loss plus `l2` `[K]` / 2 · |θ|². Batch normalisation takes
        every `strides`-th sample together.
        """
        done = [block.gradient(samples, l2, strides)[:3] for block in self._blocks]
        norm, loss, correct = (np.concatenate(each) for each in zip(*done, strict=True))
        return norm, loss, correct

    def gradient(self, samples: Samples, strides: int = 1) -> Floats:
        """Return the gradient of the mean loss of a part in training `[K, P]`."""
        none = np.zeros(self.count)
        done = [block.gradient(samples, none, strides, wanted=True)[3] for block in self._blocks]
        return np.concatenate(done)

    def marks(self) -> list[Floats]:
        """Return a copy of where the members are, for `distance`."""
        return [block.mark() for block in self._blocks]

    def distance(self, marks: Sequence[Floats]) -> Column:
        """Return the Euclidean distance `[K]` of each member from where it was."""
        pairs = zip(self._blocks, marks, strict=True)
        return np.concatenate([block.distance(mark) for block, mark in pairs])

    def _gathered(self, name: str) -> Floats:
        parts = [getattr(block, name)[:, : block.count].T for block in self._blocks]
        return np.ascontiguousarray(np.concatenate(parts))


class _Workspace:
    """Memory for the passes of all blocks, one after another, kept between calls."""

    def __init__(self) -> None:
        self._memory = _aligned((0,), np.dtype(np.uint8))
        self._pointer = _pointer(self._memory)

    def of(self, size: int) -> ctypes.c_void_p:
        """Return so many bytes."""
        if self._memory.size < size:
            self._memory = _aligned((size,), np.dtype(np.uint8))
            self._pointer = _pointer(self._memory)
        return self._pointer


class _Block:
    """The members of one register, and their state in arrays `[..., L]`."""

    def __init__(
        self,
        description: Description,
        start: int,
        stop: int,
        library: Library,
        workspace: _Workspace,
    ) -> None:
        self.count, lanes = stop - start, library.lanes
        dtype: np.dtype[Any] = np.dtype(np.float64 if library.double else np.float32)
        self.members = np.minimum(np.arange(start, start + lanes), stop - 1)
        self._call, self._lanes, self._dtype = library.function, lanes, dtype
        self._description = description
        self._net = description.structure()
        P = description.parameters
        self.theta, self.momentum, self.squares = (_aligned((P, lanes), dtype) for _ in range(3))
        self.buffers = _aligned((description.buffers, lanes), dtype)
        self._pointers = State(
            *(each.ctypes.data for each in (self.theta, self.momentum, self.squares, self.buffers))
        )
        self._workspace = workspace
        self._parts: dict[int, Part] = {}  # by the address of what they are parts of
        self._bytes: dict[int, int] = {}  # that a pass takes, by its samples

    def train(self, samples: Samples, updates: Updates) -> Floats:
        count, dtype = len(updates.sizes), self._dtype
        terms = np.ascontiguousarray(updates.terms, dtype)
        rates = _copied(updates.rates[:, self.members], dtype)
        noise = None
        if updates.noise is not None:
            noise = _copied(updates.noise[:, :, self.members], dtype)
        orders = None
        if updates.orders is not None:
            orders = _addresses(updates.orders, updates.order_of[self.members])
        terms_of = _addresses(terms, updates.terms_of[self.members])
        losses = np.empty((count, self._lanes), dtype)
        stretch = Stretch(
            count,
            updates.sizes.ctypes.data,
            None if orders is None else orders.ctypes.data,
            terms_of.ctypes.data,
            rates.ctypes.data,
            None if noise is None else noise.ctypes.data,
            int(np.bitwise_or.reduce(updates.parts[self.members])),
        )
        self._call("lanes_train")(
            *self._given(samples),
            ctypes.byref(self._pointers),
            ctypes.byref(stretch),
            _pointer(losses),
            self._memory(int(updates.sizes.max())),
        )
        return losses[:, : self.count]

    def evaluate(self, samples: Samples) -> tuple[Column, Column]:
        loss, correct = np.empty(self._lanes), np.empty(self._lanes)
        self._measure(samples, 1, None, loss, correct, None, None)
        return loss[: self.count], correct[: self.count]

    def gradient(
        self, samples: Samples, l2: Column, strides: int, wanted: bool = False
    ) -> tuple[Column, Column, Column, Floats]:
        loss, correct, norm = (np.empty(self._lanes) for _ in range(3))
        gradient = np.empty_like(self.theta)
        strides = strides if self._description.has_batchnorm else 1
        decay = _copied(l2[self.members], np.dtype(np.float64))
        self._measure(samples, strides, decay, loss, correct, norm, gradient if wanted else None)
        k = self.count
        return norm[:k], loss[:k], correct[:k], gradient.T[:k]

    def _measure(
        self,
        samples: Samples,
        strides: int,
        l2: Column | None,
        loss: Column,
        correct: Column,
        norm: Column | None,
        gradient: Floats | None,
    ) -> None:
        whole = samples.count if norm is not None else self._description.block
        self._call("lanes_measure")(
            *self._given(samples),
            ctypes.c_int64(samples.count),
            ctypes.c_int64(strides),
            ctypes.c_void_p(self._pointers.theta),
            ctypes.c_void_p(self._pointers.buffers),
            None if l2 is None else _pointer(l2),
            _pointer(loss),
            _pointer(correct),
            None if norm is None else _pointer(norm),
            None if gradient is None else _pointer(gradient),
            self._memory(min(samples.count, -(-whole // strides))),
        )

    def mark(self) -> Floats:
        return _copied(self.theta, self._dtype)

    def distance(self, mark: Floats) -> Column:
        distance = np.empty(self._lanes)
        self._call("lanes_distance")(
            ctypes.c_int64(len(mark)), _pointer(mark), _pointer(self.theta), _pointer(distance)
        )
        return distance[: self.count]

    def _given(self, samples: Samples) -> tuple[Any, Any]:
        """Return the network and the samples of the members of this block."""
        if samples.x.dtype != self._dtype or samples.x.shape[1] != self._description.features:
            raise ValueError(
                f"samples must be [N, {self._description.features}] {self._dtype}, but are "
                f"{list(samples.x.shape)} {samples.x.dtype}"
            )
        if id(samples) not in self._parts:
            offsets = samples.offsets[self.members]
            part = Part(samples.x.ctypes.data, samples.y.ctypes.data, offsets.ctypes.data)
            part.kept = samples, offsets  # as long as the structure is
            self._parts[id(samples)] = part
        return ctypes.byref(self._net), ctypes.byref(self._parts[id(samples)])

    def _memory(self, samples: int) -> ctypes.c_void_p:
        """Return memory for a pass over so many samples."""
        if samples not in self._bytes:
            needed = ctypes.c_int64()
            self._call("lanes_workspace")(
                ctypes.byref(self._net), ctypes.c_int64(samples), ctypes.byref(needed)
            )
            self._bytes[samples] = needed.value
        return self._workspace.of(self._bytes[samples])


def _cut(count: int, library: Library) -> Iterator[tuple[int, Library]]:
    """Give the first member of each block, and the compilation that it takes."""
    for start in range(0, count, library.lanes):
        left = count - start
        narrow = min(lanes for lanes in WIDTHS if lanes >= min(left, library.lanes))
        yield start, library if library.double else load(narrow)


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return zeros that start where a register of any width may."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def _copied(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    copy = _aligned(array.shape, dtype)
    copy[:] = array
    return copy


def _addresses(rows: NDArray[Any], chosen: Integers) -> NDArray[np.int64]:
    """Return the addresses of some rows of a contiguous array."""
    return rows.ctypes.data + chosen * rows.strides[0]


def _pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
