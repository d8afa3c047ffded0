"""The update rule θ ← θ − η_t · m_t / σ_t for a whole population, in place.

It works on flat buffers [K, P], one run of equal rows after another, with their coefficients as
scalars; a row that needs no m or σ pays for none. It is made of element-wise operations only, so a
member depends neither on K nor on the other members, and a member that diverges stays alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from unstuck.optim.coefficients import Coefficients, Terms

#: below so many parameters the state lies parameter by parameter, since a loop over those of one
#: member would be too short
NARROW = 16


class _Block(NamedTuple):
    """Consecutive members with equal coefficients, and their views of the state."""

    row: Coefficients
    steady: Terms[float] | None  # of all updates but the first, where they are the same
    m: Tensor  # [k, P], or [k, 0] where no member needs it
    s: Tensor
    gradient: Tensor  # scratch for a gradient that the rule changes
    quotient: Tensor  # scratch for σ and what it divides


class UpdateRule:
    """State and steps of the optimizers of a population.

    Parameters
    ----------
    rows
        The optimizer of each of the K members. Put equal rows next to each other: every run of
        equal rows costs a handful of calls.
    parameter_count
        P, the number of parameters of a member.
    dtype, device
        Of the parameters.

    Attributes
    ----------
    m, s
        Averaged direction and accumulated squares, [K, P], or [K, 0] where no row needs them.
    t
        The number of updates done.
    """

    def __init__(
        self,
        rows: Sequence[Coefficients],
        parameter_count: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        if not rows:
            raise ValueError("an update rule needs at least one row")
        self.rows = tuple(rows)
        self.t = 0
        self._shape = torch.Size((len(self.rows), parameter_count))

        def buffer(needed: bool) -> Tensor:
            columns = parameter_count if needed else 0
            shape = (len(self.rows), columns)
            if parameter_count < NARROW:
                return torch.zeros(shape[::-1], dtype=dtype, device=device).T
            return torch.zeros(shape, dtype=dtype, device=device)

        changed = any(row.l2 > 0 or row.nesterov for row in self.rows)
        accumulated = any(row.uses_accumulator for row in self.rows)
        self.m = buffer(any(row.uses_momentum for row in self.rows))
        self.s = buffer(accumulated)
        runs = [(row, len(list(same))) for row, same in groupby(self.rows)]
        self._sizes = [size for _, size in runs]
        views = (
            state.split_with_sizes(self._sizes)
            for state in (self.m, self.s, buffer(changed), buffer(accumulated))
        )
        self._blocks = [
            _Block(row, row.terms(2) if row.is_steady else None, *block)
            for (row, _), block in zip(runs, zip(*views, strict=True), strict=True)
        ]

    @property
    def state(self) -> dict[str, Tensor]:
        """The state for a checkpoint: m, s and the number of updates done."""
        return {"m": self.m, "s": self.s, "t": torch.tensor(self.t)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state that `state` returned, by copy.

        Raises
        ------
        ValueError
            If a tensor is missing or does not fit this rule.
        """
        for name, own in (("m", self.m), ("s", self.s)):
            if name not in state or state[name].shape != own.shape:
                given = list(state[name].shape) if name in state else "missing"
                raise ValueError(f"state {name!r} must be {list(own.shape)}, but is {given}")
        self.m.copy_(state["m"])
        self.s.copy_(state["s"])
        self.t = int(state["t"])

    def step(self, theta: Tensor, gradient: Tensor, lr: Tensor) -> None:
        """Update `theta` in place.

        Parameters
        ----------
        theta
            Parameters, [K, P]; changed.
        gradient
            Gradient of each member's loss, [K, P]; left as it is.
        lr
            Rate of each member at this update, [K]; taken in the dtype of `theta`.

        Raises
        ------
        ValueError
            If a shape does not fit this rule.
        """
        if theta.shape != self._shape or gradient.shape != self._shape:
            raise ValueError(
                f"theta and gradient must be {list(self._shape)}, "
                f"but are {list(theta.shape)} and {list(gradient.shape)}"
            )
        if lr.shape != self._shape[:1]:
            raise ValueError(f"lr must be {list(self._shape[:1])}, but is {list(lr.shape)}")
        self.t += 1
        lr = lr.to(theta.dtype).unsqueeze(1)
        if len(self._blocks) == 1:
            _step(self._blocks[0], self.t, theta, gradient, lr)
            return
        parts = (whole.split_with_sizes(self._sizes) for whole in (theta, gradient, lr))
        for block, *part in zip(self._blocks, *parts, strict=True):
            _step(block, self.t, *part)


def _step(block: _Block, t: int, theta: Tensor, gradient: Tensor, lr: Tensor) -> None:
    """Update the members of one block, [k, P], in as few passes as their optimizer allows."""
    row, steady, m, s, scratch, quotient = block
    terms = steady if steady and t > 1 else row.terms(t)
    scale = terms.scale
    if terms.l2:
        gradient = torch.add(gradient, theta, alpha=terms.l2, out=scratch)
    if row.uses_accumulator:
        _accumulate(s, gradient, terms)
    if terms.root:
        torch.sqrt(s, out=quotient)
        if terms.early:
            if terms.root != 1:
                quotient.mul_(terms.root)
            quotient.add_(terms.floor)
            gradient = torch.div(gradient, quotient, out=quotient)
        else:
            # d / (root · √s + floor) as (1 / root) · d / (√s + floor / root) saves a pass
            quotient.add_(terms.floor / terms.root)
            scale /= terms.root
    if row.uses_momentum:
        _average(m, gradient, terms)
    if row.nesterov:
        direction = torch.add(gradient, m, alpha=terms.of_m, out=scratch)
    else:
        direction = m if row.uses_momentum else gradient
    if terms.root and not terms.early:
        direction = torch.div(direction, quotient, out=quotient)
    if terms.decay:
        theta.mul_(1 - lr * terms.decay)
    theta.addcmul_(direction, lr if scale == 1 else lr * scale, value=-1)


def _accumulate(s: Tensor, gradient: Tensor, terms: Terms[float]) -> None:
    """Let s, [k, P], accumulate the squared gradient."""
    if terms.keep_s != 1:
        s.mul_(terms.keep_s)
    s.addcmul_(gradient, gradient, value=terms.take_s)


def _average(m: Tensor, gradient: Tensor, terms: Terms[float]) -> None:
    """Let m, [k, P], average the gradient."""
    if terms.take_m == 1:
        torch.add(gradient, m, alpha=terms.keep_m, out=m)
    elif terms.take_m == 1 - terms.keep_m:
        m.lerp_(gradient, terms.take_m)
    else:
        m.mul_(terms.keep_m).add_(gradient, alpha=terms.take_m)
