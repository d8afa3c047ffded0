"""The update rule θ ← θ − η_t · m_t / σ_t for a whole population, in place or as a pure function.

`UpdateRule.step` works in place on flat buffers [K, P], one run of equal rows after another, with
their coefficients as scalars; a row that needs no m or σ pays for none. `apply` is the same
equation written once, with coefficients as columns [K, 1], for `torch.compile`. Both are made of
element-wise operations only, so a member depends neither on K nor on the other members, and a
member that diverges stays alone.
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


class Form(NamedTuple):
    """Which parts of the rule any member of a population needs; constants to a compiler."""

    l2: bool
    decay: bool
    accumulator: bool
    early: bool
    momentum: bool
    nesterov: bool

    @classmethod
    def of(cls, rows: Sequence[Coefficients]) -> Form:
        """Return the parts that any of `rows` needs."""
        return cls(
            l2=any(row.l2 > 0 for row in rows),
            decay=any(row.weight_decay > 0 and row.decoupled_decay for row in rows),
            accumulator=any(row.uses_accumulator for row in rows),
            early=any(row.normalises_gradient for row in rows),
            momentum=any(row.uses_momentum for row in rows),
            nesterov=any(row.nesterov for row in rows),
        )


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
    form
        The parts of the rule that this population needs, for `apply`.
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
        self.form = Form.of(self.rows)
        self.t = 0
        self._shape = torch.Size((len(self.rows), parameter_count))

        def buffer(needed: bool) -> Tensor:
            columns = parameter_count if needed else 0
            shape = (len(self.rows), columns)
            if parameter_count < NARROW:
                return torch.zeros(shape[::-1], dtype=dtype, device=device).T
            return torch.zeros(shape, dtype=dtype, device=device)

        self.m = buffer(self.form.momentum)
        self.s = buffer(self.form.accumulator)
        runs = [(row, len(list(same))) for row, same in groupby(self.rows)]
        self._sizes = [size for _, size in runs]
        views = (
            state.split_with_sizes(self._sizes)
            for state in (
                self.m,
                self.s,
                buffer(self.form.l2 or self.form.nesterov),
                buffer(self.form.accumulator),
            )
        )
        self._blocks = [
            _Block(row, row.terms(2) if row.is_steady else None, *block)
            for (row, _), block in zip(runs, zip(*views, strict=True), strict=True)
        ]
        distinct = list(dict.fromkeys(self.rows))
        self._distinct = distinct
        self._which = torch.tensor([distinct.index(row) for row in self.rows], device=device)

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

    def columns(self, t: int | None = None) -> Tensor:
        """Return the terms of update `t` for `apply`.

        Parameters
        ----------
        t
            The update, counted from 1; by default the next one.

        Returns
        -------
        Tensor of shape [12, K, 1], or [12, 1, 1] if all members have the same optimizer.
        """
        t = self.t + 1 if t is None else t
        terms = torch.tensor(
            [row.terms(t) for row in self._distinct], dtype=self.m.dtype, device=self.m.device
        )
        if len(self._distinct) > 1:
            terms = terms.index_select(0, self._which)
        return terms.T.unsqueeze(2)


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


def apply(
    theta: Tensor,
    gradient: Tensor,
    m: Tensor,
    s: Tensor,
    lr: Tensor,
    *,
    columns: Tensor,
    form: Form,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return parameters and state after one update; the pure form of `UpdateRule.step`.

    The two agree to rounding, not to the bit: a compiler may fuse, and `step` saves a pass.

    Parameters
    ----------
    theta, gradient
        Parameters and gradient, [K, P].
    m, s
        The state, [K, P], or [K, 0] for what `form` does without.
    lr
        Rate of each member at this update, [K].
    columns
        `UpdateRule.columns(t)` for this update; values change from update to update, so nothing
        is recompiled.
    form
        `UpdateRule.form`.

    Returns
    -------
    New theta, m and s.
    """
    c: Terms[Tensor] = Terms(*columns.unbind())
    rate = lr.to(theta.dtype).unsqueeze(1)
    if form.l2:
        gradient = gradient + c.l2 * theta
    sigma = None
    if form.accumulator:
        s = c.keep_s * s + c.take_s * gradient * gradient
        sigma = c.root * s.sqrt() + c.floor
    unit = gradient
    if sigma is not None and form.early:
        unit = torch.where(c.early > 0, gradient / sigma, gradient)
        sigma = torch.where(c.early > 0, 1, sigma)
    direction = unit
    if form.momentum:
        m = c.keep_m * m + c.take_m * unit
        direction = c.of_m * m + c.of_u * unit
    if sigma is not None:
        direction = direction / sigma
    if form.decay:
        theta = (1 - rate * c.decay) * theta
    return theta - rate * c.scale * direction, m, s
