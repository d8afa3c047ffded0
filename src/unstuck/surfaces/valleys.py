"""Convex bowls much steeper across than along: the ellipse and the lecture's regression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from unstuck.surfaces.surface import CriticalPoint, Surface, constant


class Symmetric(NamedTuple):
    """A symmetric 2 × 2 matrix."""

    xx: float
    xy: float
    yy: float

    def times(self, points: Tensor) -> Tensor:
        """Return its product with each point [..., 2]; a point's bits depend on no other."""
        straight = points * constant((self.xx, self.yy), points)
        return torch.addcmul(straight, points.flip(-1), constant((self.xy, self.xy), points))

    def everywhere(self, points: Tensor) -> Tensor:
        """Return it once for every point, [..., 2, 2]."""
        matrix = points.new_tensor([[self.xx, self.xy], [self.xy, self.yy]])
        return matrix.expand(*points.shape, 2)


@dataclass(frozen=True)
class Ellipse(Surface):
    """½(u² + κv²), with the axes u, v turned from x, y by an angle.

    Attributes
    ----------
    condition
        κ, the ratio of the Hessian's eigenvalues, which are 1 and κ.
    degrees
        How far the flat axis u is turned from x, counter-clockwise.
    """

    condition: float = 100.0
    degrees: float = 0.0

    def __post_init__(self) -> None:
        if not self.condition >= 1:
            raise ValueError(f"condition must be at least 1, but is {self.condition}")

    @property
    def dimension(self) -> int:
        return 2

    @property
    def curvatures(self) -> tuple[float, float]:
        """The eigenvalues of the Hessian, ascending."""
        return 1.0, self.condition

    @cached_property
    def matrix(self) -> Symmetric:
        """The Hessian, which is diagonal at 0 degrees."""
        cos, sin = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        return Symmetric(
            xx=cos**2 + self.condition * sin**2,
            xy=(1 - self.condition) * cos * sin,
            yy=sin**2 + self.condition * cos**2,
        )

    @property
    def minimiser(self) -> tuple[float, float]:
        """The lowest point."""
        return 0.0, 0.0

    def value(self, points: Tensor) -> Tensor:
        return 0.5 * (points * self.gradient(points)).sum(dim=-1)

    def gradient(self, points: Tensor) -> Tensor:
        return self.matrix.times(points)

    def hessian(self, points: Tensor) -> Tensor:
        return self.matrix.everywhere(points)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        return (CriticalPoint((0.0, 0.0), "minimum"),)


# ten made-up examples of the lecture's kind: a creature's strength before and after it evolves
REGRESSION_X = (52.0, 75.0, 113.0, 168.0, 214.0, 247.0, 301.0, 346.0, 389.0, 572.0)
REGRESSION_Y = (41.0, 38.0, 95.0, 204.0, 338.0, 391.0, 566.0, 604.0, 758.0, 1172.0)


@dataclass(frozen=True)
class Regression(Surface):
    """Σ (y_n − b − w x_n)² over ten examples, in the coordinates (bias b, weight w).

    The inputs are hundreds, so the weight's direction is some 10⁵ times as steep as the bias's.
    """

    x: tuple[float, ...] = REGRESSION_X
    y: tuple[float, ...] = REGRESSION_Y

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or len(set(self.x)) < 2:
            raise ValueError("a regression needs as many y as x, and at least two distinct x")

    @property
    def dimension(self) -> int:
        return 2

    @cached_property
    def matrix(self) -> Symmetric:
        """The Hessian 2 Σ (1, x_n)(1, x_n)ᵀ."""
        squares = math.fsum(x * x for x in self.x)
        return Symmetric(xx=2.0 * len(self.x), xy=2 * math.fsum(self.x), yy=2 * squares)

    @cached_property
    def curvatures(self) -> tuple[float, float]:
        """The eigenvalues of the Hessian, ascending."""
        xx, xy, yy = self.matrix
        high = (xx + yy) / 2 + math.hypot((xx - yy) / 2, xy)
        return (xx * yy - xy * xy) / high, high  # a difference would lose the digits of the low one

    @property
    def condition(self) -> float:
        """κ, the ratio of the eigenvalues."""
        low, high = self.curvatures
        return high / low

    @cached_property
    def minimiser(self) -> tuple[float, float]:
        """Bias and weight of the least-squares line."""
        mean_x, mean_y = math.fsum(self.x) / len(self.x), math.fsum(self.y) / len(self.y)
        covariance = math.fsum(
            (x - mean_x) * (y - mean_y) for x, y in zip(self.x, self.y, strict=True)
        )
        weight = covariance / math.fsum((x - mean_x) ** 2 for x in self.x)
        return mean_y - weight * mean_x, weight

    def value(self, points: Tensor) -> Tensor:
        bias, weight = points.unsqueeze(-1).unbind(dim=-2)
        residuals = constant(self.y, points) - bias - weight * constant(self.x, points)
        return residuals.square().sum(dim=-1)

    def gradient(self, points: Tensor) -> Tensor:
        return self.matrix.times(points - constant(self.minimiser, points))

    def hessian(self, points: Tensor) -> Tensor:
        return self.matrix.everywhere(points)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        return (CriticalPoint(self.minimiser, "minimum"),)
