"""Quadratic bowls side by side, so that walkers on different bowls walk as one population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unstuck.surfaces.surface import Slope
from unstuck.surfaces.valleys import Ellipse, Regression


@dataclass(frozen=True)
class Bowls(Slope):
    """K bowls, each with one walker: points are [..., K, 2], in float64.

    A walker's path depends on its own bowl alone, as every operation is element-wise.
    """

    of: Sequence[Ellipse | Regression]

    @property
    def dimension(self) -> int:
        return 2

    @cached_property
    def centres(self) -> Tensor:
        """Where the bowls are lowest, [K, 2]."""
        return _float64([bowl.minimiser for bowl in self.of])

    @cached_property
    def _straight(self) -> Tensor:
        return _float64([(bowl.matrix.xx, bowl.matrix.yy) for bowl in self.of])

    @cached_property
    def _crossed(self) -> Tensor:
        return _float64([(bowl.matrix.xy, bowl.matrix.xy) for bowl in self.of])

    def gradient(self, points: Tensor) -> Tensor:
        away = points - self.centres
        return torch.addcmul(away * self._straight, away.flip(-1), self._crossed)


def _float64(rows: Sequence[tuple[float, float]]) -> Tensor:
    # outside inference mode, so that a path's constants can serve autograd later; laid out like the
    # points of a path, coordinate by coordinate
    with torch.inference_mode(mode=False):
        return torch.tensor(rows, dtype=torch.float64).T.contiguous().T
