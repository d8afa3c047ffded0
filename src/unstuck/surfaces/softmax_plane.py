"""The loss over two outputs of a classifier: cross-entropy slopes where squared error is flat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from unstuck.surfaces.surface import CriticalPoint, Surface


@dataclass(frozen=True)
class SoftmaxPlane(Surface):
    """Loss of p = softmax(y₁, y₂, y₃) over (y₁, y₂), with y₃ fixed and the first class true.

    Attributes
    ----------
    loss
        ``cross_entropy``: −ln p₁. ``squared_error``: Σ (p_c − [c = 1])², without ½.
    third
        y₃.
    """

    loss: Literal["cross_entropy", "squared_error"] = "cross_entropy"
    third: float = -1000.0

    def __post_init__(self) -> None:
        if self.loss not in ("cross_entropy", "squared_error"):
            raise ValueError(f"loss must be cross_entropy or squared_error, not {self.loss!r}")

    @property
    def dimension(self) -> int:
        return 2

    def probabilities(self, points: Tensor) -> Tensor:
        """Return p at `points` [..., 2], as [..., 3]."""
        return self._logits(points).softmax(dim=-1)

    def value(self, points: Tensor) -> Tensor:
        if self.loss == "cross_entropy":
            return -self._logits(points).log_softmax(dim=-1)[..., 0]
        return self._residuals(points).square().sum(dim=-1)

    def gradient(self, points: Tensor) -> Tensor:
        residuals = self._residuals(points)
        if self.loss == "cross_entropy":
            return residuals[..., :2]
        return 2 * (self._jacobian(points) * residuals.unsqueeze(-1)).sum(dim=-2)

    def hessian(self, points: Tensor) -> Tensor:
        jacobian = self._jacobian(points)
        if self.loss == "cross_entropy":
            return jacobian[..., :2, :]
        p = self.probabilities(points)
        residuals = self._residuals(points)
        # with J_ij = p_i(δ_ij − p_j), the residuals' own bend Σ_i q_i ∂J_ij/∂y_k is
        # q_j J_jk − p_j Σ_i q_i J_ik − (Σ_i q_i p_i) J_jk
        mean = (residuals * p).sum(dim=-1)[..., None, None]
        pull = (residuals.unsqueeze(-1) * jacobian).sum(dim=-2, keepdim=True)
        square = jacobian[..., :2, :]
        bend = (residuals[..., :2, None] - mean) * square - p[..., :2, None] * pull
        return 2 * (jacobian.mT @ jacobian + bend)

    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """Return nothing: both losses only tend to their bounds, far out."""
        return ()

    def _logits(self, points: Tensor) -> Tensor:
        third = torch.full_like(points[..., :1], self.third)
        return torch.cat([points, third], dim=-1)

    def _residuals(self, points: Tensor) -> Tensor:
        """p less the one-hot target, [..., 3]; p₁ − 1 by the others, which keeps its digits."""
        p = self.probabilities(points)
        return torch.cat([-p[..., 1:].sum(dim=-1, keepdim=True), p[..., 1:]], dim=-1)

    def _jacobian(self, points: Tensor) -> Tensor:
        """∂p_i/∂y_j for the two free outputs j, [..., 3, 2]."""
        p = self.probabilities(points)
        other = torch.eye(3, 2, dtype=p.dtype, device=p.device) - p[..., None, :2]
        return p.unsqueeze(-1) * other
