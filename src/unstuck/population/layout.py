"""Where each tensor of a network lies in the flat vector of one member."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import torch


@dataclass(frozen=True)
class Slot:
    """Elements `start:stop` of a member's flat vector hold the tensor `name` in row-major order."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Layout:
    """Slots laid end to end, without padding."""

    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, tensors: Iterable[tuple[str, tuple[int, ...]]]) -> Self:
        """Lay tensors, given by name and shape, one after the other."""
        named = tuple(tensors)
        stops = tuple(accumulate(math.prod(shape) for _, shape in named))
        starts = (0, *stops)[: len(named)]
        return cls(
            tuple(
                Slot(name, shape, start, stop)
                for (name, shape), start, stop in zip(named, starts, stops, strict=True)
            )
        )

    @property
    def size(self) -> int:
        """Elements of one member's flat vector."""
        return self.slots[-1].stop if self.slots else 0

    def views(self, flat: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Views `[K, *shape]` of a flat buffer `[K, size]`, slot by slot."""
        members = flat.shape[0]
        parts = torch.split(flat, [slot.stop - slot.start for slot in self.slots], 1)
        return tuple(
            part if len(slot.shape) == 1 else part.view(members, *slot.shape)
            for part, slot in zip(parts, self.slots, strict=True)
        )
