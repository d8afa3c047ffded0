"""What every algorithm of this room sees: a function of ``[P]`` parameters at a point."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, Self

import torch
from torch import Tensor

from unstuck.errors import CurvatureError


class Objective(Protocol):
    """A twice differentiable function, held at one point ``theta`` ``[P]``."""

    @property
    def theta(self) -> Tensor:
        """The point, ``[P]``."""

    def at(self, theta: Tensor) -> Self:
        """Give the same function at another point."""

    def value(self) -> float:
        """Give the value."""

    def loss_and_gradient(self) -> tuple[float, Tensor]:
        """Give the value and the gradient ``[P]``."""

    def hessian_product(self, vectors: Tensor) -> Tensor:
        """Apply the Hessian to ``vectors``, ``[P]`` or ``[M, P]``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """An analytic function of ``[P]`` numbers, for closed forms and the surfaces of the notes.

    Parameters
    ----------
    function
        Maps ``[P]`` to a scalar by torch operations.
    theta
        The point, ``[P]``.
    """

    function: Callable[[Tensor], Tensor]
    theta: Tensor

    def at(self, theta: Tensor) -> Self:
        """Give the same function at another point."""
        return replace(self, theta=theta)

    def value(self) -> float:
        """Give the value."""
        with torch.no_grad():
            return float(self.function(self.theta))

    def loss_and_gradient(self) -> tuple[float, Tensor]:
        """Give the value and the gradient ``[P]``."""
        theta = self.theta.detach().requires_grad_()
        value = self.function(theta)
        (gradient,) = torch.autograd.grad(value, theta)
        return float(value.detach()), gradient

    def hessian_product(self, vectors: Tensor) -> Tensor:
        """Apply the Hessian to ``vectors``, ``[P]`` or ``[M, P]``.

        Raises
        ------
        CurvatureError
            If the gradient is not finite, or another when it is asked for again.
        """
        assert self._is_deterministic
        theta = self.theta.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.function(theta), theta, create_graph=True)
        rows = vectors.reshape(-1, theta.numel())
        return torch.stack([_row(gradient, theta, row) for row in rows]).view_as(vectors)

    @cached_property
    def _is_deterministic(self) -> bool:
        require_deterministic(self)
        return True


def _row(gradient: Tensor, theta: Tensor, row: Tensor) -> Tensor:
    """Product of one row with the Hessian; zero where the gradient is constant."""
    if not gradient.requires_grad:
        return torch.zeros_like(row)
    product = torch.autograd.grad(
        gradient, theta, row, retain_graph=True, allow_unused=True, materialize_grads=True
    )[0]
    return product


def require_deterministic(objective: Objective) -> None:
    """Refuse a function that draws anew at each call, which has no Hessian.

    Raises
    ------
    CurvatureError
        If the gradient is not finite, or another when it is asked for again.
    """
    first_loss, first = objective.loss_and_gradient()
    second_loss, second = objective.loss_and_gradient()
    finite("the gradient", first)
    # parallel reductions may reorder sums, so the bound is far above rounding, not zero
    bound = 1e3 * torch.finfo(first.dtype).eps
    moved = float((first - second).norm())
    if moved > bound * float(first.norm()) or abs(first_loss - second_loss) > bound * abs(
        first_loss
    ):
        raise CurvatureError(
            f"two evaluations at one point differ (loss {first_loss:.17g} and "
            f"{second_loss:.17g}, gradients by {moved:.3g}); curvature needs a deterministic "
            "function: turn off dropout, noise and shuffling."
        )


def finite(name: str, value: Tensor) -> Tensor:
    """Return ``value`` if all of it is finite.

    Raises
    ------
    CurvatureError
        If it holds NaN or infinity.
    """
    # one NaN or infinity spoils the sum; a sum that overflows does not mean that there is one
    if math.isfinite(value.sum().item()):
        return value
    bad = int((~torch.isfinite(value)).sum())
    if bad:
        raise CurvatureError(
            f"{name} holds {bad} entries that are NaN or infinite (of {value.numel()}); "
            "curvature needs a finite point: take one from before the run diverged."
        )
    return value
