"""A small hill on the way to the deeper valley: what momentum is said to roll over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unstuck.surfaces.surface import CriticalPoint, Kind, Surface

# where the search for critical points looks: in widths from the bump, beyond which it is < 1e-30
REACH = 12.0
CELLS = 4096


@dataclass(frozen=True)
class Hill(Surface):
    """½kx² + h · exp(−(x − c)²/(2w²)): a bowl with a bump on its slope, over one coordinate.

    A bump that is steeper than the slope makes a hill with a shallow valley before it, on the side
    away from 0; `barrier` is how high the hill stands above that valley.

    Attributes
    ----------
    height
        h of the bump.
    centre
        c of the bump, below 0; a ball comes from further left.
    width
        w of the bump.
    stiffness
        k of the bowl.
    """

    height: float = 2.0
    centre: float = -2.0
    width: float = 0.3
    stiffness: float = 1.0

    def __post_init__(self) -> None:
        if self.height < 0 or self.width <= 0 or self.stiffness <= 0 or self.centre >= 0:
            raise ValueError(
                f"a hill needs height ≥ 0, width > 0, stiffness > 0 and centre < 0, not {self}"
            )

    @property
    def dimension(self) -> int:
        return 1

    def value(self, points: Tensor) -> Tensor:
        return (0.5 * self.stiffness * points**2 + self._bump(points)).squeeze(-1)

    def gradient(self, points: Tensor) -> Tensor:
        away = (points - self.centre) / self.width**2
        return self.stiffness * points - away * self._bump(points)

    def hessian(self, points: Tensor) -> Tensor:
        away = (points - self.centre) / self.width
        bend = (away**2 - 1) / self.width**2 * self._bump(points)
        return (self.stiffness + bend).unsqueeze(-1)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        kinds: tuple[Kind, ...] = ("minimum", "maximum")
        points = [CriticalPoint((x,), kinds[index % 2]) for index, x in enumerate(self._stationary)]
        return tuple(sorted(points, key=lambda each: self._height(each.point[0])))

    @property
    def barrier(self) -> float:
        """The height of the hill above the valley before it; 0 if the bump makes no valley."""
        if len(self._stationary) < 3:
            return 0.0
        valley, top = self._stationary[:2]
        return self._height(top) - self._height(valley)

    @cached_property
    def _stationary(self) -> tuple[float, ...]:
        """Zeros of the slope from left to right; minima and maxima take turns."""
        low = self.centre - REACH * self.width
        high = max(self.centre + REACH * self.width, 0.0) + self.width
        step = (high - low) / CELLS
        edges = [low + step * cell for cell in range(CELLS + 1)]
        slopes = [self._slope(edge) for edge in edges]
        return tuple(
            self._root(edges[i], edges[i + 1])
            for i in range(CELLS)
            if (slopes[i] < 0) != (slopes[i + 1] < 0)
        )

    def _root(self, low: float, high: float) -> float:
        """Bisect the slope between two points of unlike sign, to the last bit."""
        negative = self._slope(low) < 0
        while low < (middle := (low + high) / 2) < high:
            if (self._slope(middle) < 0) == negative:
                low = middle
            else:
                high = middle
        return min(low, high, key=lambda x: abs(self._slope(x)))

    def _bump(self, points: Tensor) -> Tensor:
        return self.height * torch.exp(-0.5 * ((points - self.centre) / self.width) ** 2)

    def _height(self, x: float) -> float:
        return float(self.value(torch.tensor([x], dtype=torch.float64)))

    def _slope(self, x: float) -> float:
        away = (x - self.centre) / self.width
        bump = self.height * math.exp(-0.5 * away**2)
        return self.stiffness * x - away / self.width * bump


def hill_with_barrier(
    barrier: float, *, centre: float = -2.0, width: float = 0.3, stiffness: float = 1.0
) -> Hill:
    """Return the hill that stands `barrier` > 0 above the valley before it, to 1e-12 relative."""
    if barrier <= 0:
        raise ValueError(f"barrier must be above 0, but is {barrier}")

    def hill(height: float) -> Hill:
        return Hill(height=height, centre=centre, width=width, stiffness=stiffness)

    # the bump must make up for the fall of the bowl between valley and top as well
    low, high = barrier, barrier + 0.5 * stiffness * (abs(centre) + REACH * width) ** 2
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if hill(middle).barrier < barrier else (low, middle)
    return hill(high)
