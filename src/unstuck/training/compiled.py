"""Updates of every member of a population, a few compiled into one graph."""

import warnings
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from unstuck.optim.update import apply
from unstuck.population.network import Network
from unstuck.training.state import State
from unstuck.training.steps import EagerSteps, Feed, Rates

Compile = bool | Literal["auto"]
Graph = Callable[..., Tensor]

#: updates of one graph: a call costs as much as a tenth of an update of a small population
UNROLLED = 4
#: estimated seconds of eager steps from which a compilation of some 10 s is repaid
WORTH_SECONDS = 60.0
#: microseconds of an eager update per parameter of a member, and per parameter and sample
EAGER_UPDATE, EAGER_SAMPLE = 4e-3, 2e-4


def worth_compiling(
    compile: Compile, parameters: int, members: int, updates: int, samples: int
) -> bool:
    """Decide whether to compile; `auto` by the estimated time of eager steps.

    Parameters
    ----------
    compile
        What the user asked for.
    parameters
        P of one member.
    members
        K of the population.
    updates
        Updates of each member.
    samples
        Samples of a batch.
    """
    if compile != "auto":
        return compile
    update = parameters * (EAGER_UPDATE + EAGER_SAMPLE * samples)
    return members * updates * update * 1e-6 >= WORTH_SECONDS


class CompiledSteps(EagerSteps):
    """Runs updates by graphs of `UNROLLED`: gather, forward, backward, update rule.

    Losses, gradients and updates equal those of eager steps to rounding, not bit for bit, and
    depend on the number of members to rounding. Updates that fill no graph take the eager step, as
    do a smaller last batch of an epoch and networks with noise. Where nothing can be compiled, all
    do, with a warning.
    """

    def __init__(self, network: Network, loss: str, feed: Feed, rates: Rates) -> None:
        super().__init__(network, loss, feed, rates)
        self._graph: Graph | None = None
        self._shape: torch.Size | None = None
        self._broken = False

    def _advance(self, state: State, rates: Tensor) -> Tensor:
        # noise is drawn anew for every update
        if self._broken or len(rates) < UNROLLED or self._network.is_noisy:
            return super()._advance(state, rates)
        rows = [self._feed.rows(state.update + ahead) for ahead in range(UNROLLED)]
        shapes = {None if each is None else each.shape for each in rows}
        if len(shapes) > 1 or (self._graph is not None and shapes != {self._shape}):
            return self._update(state, rows[0], rates[0]).unsqueeze(0)
        rule = state.rule
        columns = [rule.columns(rule.t + ahead) for ahead in range(1, UNROLLED + 1)]
        arguments = (
            *(state.theta, state.buffers, rule.m, rule.s),
            *(rates[:UNROLLED], torch.stack(columns)),
            *(each for each in rows if each is not None),
        )
        if self._graph is not None:
            losses = self._graph(*arguments)
        else:
            try:
                self._graph, (self._shape,) = self._compiled(state, arguments), shapes
                losses = self._graph(*arguments)
            except (RuntimeError, OSError) as error:
                self._broken = True
                reason = str(error).strip().splitlines()[0]
                warnings.warn(f"steps run eagerly, compiling failed: {reason}", stacklevel=2)
                return super()._advance(state, rates)
        rule.t += UNROLLED
        return losses

    def _compiled(self, state: State, arguments: tuple[Tensor, ...]) -> Graph:
        form = state.rule.form

        def steps(*arguments: Tensor) -> Tensor:
            held, rates, columns, rows = arguments[:4], *arguments[4:6], arguments[6:]
            theta, buffers, m, s = held
            losses = []
            for ahead in range(UNROLLED):
                x, y = self._feed.samples(rows[ahead] if rows else None)
                loss, _, gradient, buffers = self._network.loss_and_gradient(
                    theta, x, y, self._loss, buffers, True, count_correct=False
                )
                theta, m, s = apply(
                    theta, gradient, m, s, rates[ahead], columns=columns[ahead], form=form
                )
                losses.append(loss)
            for old, new in zip(held, (theta, buffers, m, s), strict=True):
                old.copy_(new)
            return torch.stack(losses)

        # Traced to a graph of its own first: no Python state is left to guard, and as shapes stay
        # the same no guard at all is needed. Tracing with clones leaves the state as it is.
        with torch.no_grad():
            traced = make_fx(steps, decomposition_table=_table(state.theta.dtype))(
                *(argument.clone() for argument in arguments)
            )
        unguarded = getattr(torch.compiler, "skip_all_guards_unsafe", None)
        options = {"guard_filter_fn": unguarded} if unguarded else None
        compiled: Graph = torch.compile(
            traced.forward, fullgraph=True, dynamic=False, options=options
        )
        return torch.no_grad()(compiled)


# Minimax x P(x^2) / Q(x^2) for tanh in float32, lowest power first, as in Eigen (and so XLA):
# relative error 3e-7 over the interval beyond which tanh is 1 in float32.
_TANH_BOUND = 7.90531110763549805
_TANH_NUMERATOR = (
    4.89352455891786e-03,
    6.37261928875436e-04,
    1.48572235717979e-05,
    5.12229709037114e-08,
    -8.60467152213735e-11,
    2.00018790482477e-13,
    -2.76076847742355e-16,
)
_TANH_DENOMINATOR = (
    4.89352518554385e-03,
    2.26843463243900e-03,
    1.18534705686654e-04,
    1.19825839466702e-06,
)


def _table(dtype: torch.dtype) -> dict[torch._ops.OpOverload, Callable[..., Tensor]]:
    """Return operations that fuse better, or run faster, written in others."""
    table: dict[torch._ops.OpOverload, Callable[..., Tensor]] = {
        torch.ops.aten.baddbmm.default: _product_and_sum
    }
    if dtype == torch.float32:
        table[torch.ops.aten.tanh.default] = _tanh
    return table


def _product_and_sum(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Return `x W + b`; the sum goes into the activation's kernel, saving a copy of the bias."""
    return torch.bmm(x, weight) + bias


def _tanh(x: Tensor) -> Tensor:
    x = x.clamp(-_TANH_BOUND, _TANH_BOUND)
    square = x * x
    return x * _polynomial(_TANH_NUMERATOR, square) / _polynomial(_TANH_DENOMINATOR, square)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """Evaluate by Horner's rule."""
    *lower, highest = coefficients
    value = x * highest + lower[-1]
    for coefficient in reversed(lower[:-1]):
        value = value * x + coefficient
    return value
