"""A slope that is steep at first and gentle later: where a rate must rise again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from unstuck.surfaces.surface import CriticalPoint, Surface


@dataclass(frozen=True)
class ChangingSteepness(Surface):
    """steep · w · softplus(−x/w) + gentle · (√((x − goal)² + 1) − 1) + ½y².

    Along x the slope falls by `steep` around x = 0, within a few `width`s, then by `gentle` up to
    the minimum near `goal`. The surface is convex, and y has curvature 1 throughout.

    Attributes
    ----------
    steep
        Extra slope where x ≪ 0.
    gentle
        Slope between 0 and the goal.
    goal
        Where the gentle part has its minimum.
    width
        w, how suddenly the steepness changes.
    """

    steep: float = 100.0
    gentle: float = 0.1
    goal: float = 10.0
    width: float = 0.25

    def __post_init__(self) -> None:
        if min(self.steep, self.gentle, self.goal, self.width) <= 0:
            raise ValueError(f"every coefficient of a slope must be above 0, not {self}")

    @property
    def dimension(self) -> int:
        return 2

    def value(self, points: Tensor) -> Tensor:
        x, y = points.unbind(dim=-1)
        cliff = self.steep * self.width * softplus(-x / self.width, threshold=1e9)
        plain = self.gentle * (torch.hypot(x - self.goal, torch.ones_like(x)) - 1)
        return cliff + plain + 0.5 * y**2

    def gradient(self, points: Tensor) -> Tensor:
        x, y = points.unbind(dim=-1)
        away = x - self.goal
        plain = self.gentle * away / torch.hypot(away, torch.ones_like(x))
        return torch.stack([plain - self.steep * torch.sigmoid(-x / self.width), y], dim=-1)

    def hessian(self, points: Tensor) -> Tensor:
        x = points[..., 0]
        share = torch.sigmoid(-x / self.width)
        cliff = self.steep / self.width * share * torch.sigmoid(x / self.width)
        plain = self.gentle / torch.hypot(x - self.goal, torch.ones_like(x)) ** 3
        return torch.diag_embed(torch.stack([cliff + plain, torch.ones_like(x)], dim=-1))

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        # the cliff's tail moves the minimum a little past the goal; bisect the rising slope
        low, high = self.goal, self.goal + 1.0
        while self._slope(high) < 0:
            high += high - low
        while low < (middle := (low + high) / 2) < high:
            low, high = (middle, high) if self._slope(middle) < 0 else (low, middle)
        return (CriticalPoint((high, 0.0), "minimum"),)

    def _slope(self, x: float) -> float:
        return float(self.gradient(torch.tensor([x, 0.0], dtype=torch.float64))[0])
