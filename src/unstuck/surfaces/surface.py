"""What every analytic surface offers: value, gradient, Hessian and known critical points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["minimum", "maximum", "saddle"]


@dataclass(frozen=True)
class CriticalPoint:
    """A point where the gradient vanishes.

    Attributes
    ----------
    point
        Its coordinates, [d].
    kind
        What it is, whatever its Hessian can tell.
    degenerate
        Whether the Hessian is singular there, so that its signs alone do not tell the kind.
    """

    point: tuple[float, ...]
    kind: Kind
    degenerate: bool = False


class Slope(ABC):
    """What walkers need of a function of d coordinates."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The number of coordinates d."""

    @abstractmethod
    def gradient(self, points: Tensor) -> Tensor:
        """Return the gradient at `points` [..., d], as [..., d]."""


class Surface(Slope):
    """A function of d coordinates with closed-form derivatives.

    Points are tensors [..., d] of any floating dtype and on any device; results have the same.
    """

    @abstractmethod
    def value(self, points: Tensor) -> Tensor:
        """Return the height at `points` [..., d], as [...]."""

    @abstractmethod
    def hessian(self, points: Tensor) -> Tensor:
        """Return the Hessian at `points` [..., d], as [..., d, d]."""

    @abstractmethod
    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """Return the critical points, in ascending order of height; one of each family."""


def symmetric(xx: Tensor, xy: Tensor, yy: Tensor) -> Tensor:
    """Return the symmetric matrices [..., 2, 2] with these entries, each [...]."""
    return torch.stack([torch.stack([xx, xy], dim=-1), torch.stack([xy, yy], dim=-1)], dim=-2)


def constant(values: tuple[float, ...], points: Tensor) -> Tensor:
    """Return `values` as a tensor like `points`, made once."""
    return _constant(values, points.dtype, points.device)


@lru_cache(maxsize=256)
def _constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    # outside inference mode, so that a path's constants can serve autograd later
    with torch.inference_mode(mode=False):
        return torch.tensor(values, dtype=dtype, device=device)
