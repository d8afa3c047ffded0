"""Surfaces whose critical points are known by sight: where the signs of the Hessian tell the kind,
and where they cannot."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unstuck.surfaces.surface import CriticalPoint, Surface, constant, symmetric


@dataclass(frozen=True)
class Quadratic(Surface):
    """½ Σ λ_i x_i²: the Hessian is diagonal and the same everywhere."""

    curvatures: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.curvatures or 0 in self.curvatures:
            raise ValueError(f"curvatures must be other than 0, but are {self.curvatures}")

    @property
    def dimension(self) -> int:
        return len(self.curvatures)

    def value(self, points: Tensor) -> Tensor:
        return 0.5 * (constant(self.curvatures, points) * points.square()).sum(dim=-1)

    def gradient(self, points: Tensor) -> Tensor:
        return constant(self.curvatures, points) * points

    def hessian(self, points: Tensor) -> Tensor:
        matrix = constant(self.curvatures, points).diag()
        return matrix.expand(*points.shape, self.dimension)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        if all(curvature > 0 for curvature in self.curvatures):
            return (CriticalPoint((0.0,) * self.dimension, "minimum"),)
        if all(curvature < 0 for curvature in self.curvatures):
            return (CriticalPoint((0.0,) * self.dimension, "maximum"),)
        return (CriticalPoint((0.0,) * self.dimension, "saddle"),)


@dataclass(frozen=True)
class MonkeySaddle(Surface):
    """x³ − 3xy²: three ways down and three up; the Hessian at the origin is 0."""

    @property
    def dimension(self) -> int:
        return 2

    def value(self, points: Tensor) -> Tensor:
        x, y = points.unbind(dim=-1)
        return x**3 - 3 * x * y**2

    def gradient(self, points: Tensor) -> Tensor:
        x, y = points.unbind(dim=-1)
        return torch.stack([3 * x**2 - 3 * y**2, -6 * x * y], dim=-1)

    def hessian(self, points: Tensor) -> Tensor:
        x, y = points.unbind(dim=-1)
        return symmetric(6 * x, -6 * y, -6 * x)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        return (CriticalPoint((0.0, 0.0), "saddle", degenerate=True),)


@dataclass(frozen=True)
class QuarticBowl(Surface):
    """Σ x_i⁴: a minimum that its Hessian, which is 0, cannot tell."""

    size: int = 2

    @property
    def dimension(self) -> int:
        return self.size

    def value(self, points: Tensor) -> Tensor:
        return (points**4).sum(dim=-1)

    def gradient(self, points: Tensor) -> Tensor:
        return 4 * points**3

    def hessian(self, points: Tensor) -> Tensor:
        return torch.diag_embed(12 * points**2)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        return (CriticalPoint((0.0,) * self.size, "minimum", degenerate=True),)


@dataclass(frozen=True)
class Toy(Surface):
    """(1 − w₁w₂)²: the squared error, without ½, of y = w₁w₂x fitted to the example (1, 1).

    The Hessian at the origin has the eigenvalues ±2, so it is a saddle; along the minima w₁w₂ = 1
    one eigenvalue is 0.
    """

    @property
    def dimension(self) -> int:
        return 2

    def value(self, points: Tensor) -> Tensor:
        return (1 - points.prod(dim=-1)) ** 2

    def gradient(self, points: Tensor) -> Tensor:
        other = points.flip(-1)
        return 2 * (points * other - 1) * other

    def hessian(self, points: Tensor) -> Tensor:
        first, second = points.unbind(dim=-1)
        return symmetric(2 * second**2, 4 * first * second - 2, 2 * first**2)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        return (
            CriticalPoint((1.0, 1.0), "minimum", degenerate=True),
            CriticalPoint((0.0, 0.0), "saddle"),
        )
