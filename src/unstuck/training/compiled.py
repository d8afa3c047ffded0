"""One update of every member of a population, compiled into one graph."""

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
    """Runs updates as one compiled graph: gather, forward, backward, update rule.

    Losses, gradients and updates equal those of eager steps to rounding, not bit for bit, and
    depend on the number of members to rounding. A smaller last batch of an epoch takes the eager
    step. Where nothing can be compiled, all do, with a warning.
    """

    def __init__(self, network: Network, loss: str, feed: Feed, rates: Rates) -> None:
        super().__init__(network, loss, feed, rates)
        self._graph: Graph | None = None
        self._shape: torch.Size | None = None
        self._broken = False

    def _update(self, state: State, indices: Tensor | None, rate: Tensor) -> Tensor:
        shape = None if indices is None else indices.shape
        if self._broken or (self._graph is not None and shape != self._shape):
            return super()._update(state, indices, rate)
        rule = state.rule
        arguments = (state.theta, state.buffers, rule.m, rule.s, rate, rule.columns(), indices)
        if self._graph is not None:
            loss = self._graph(*arguments)
        else:
            try:
                self._graph, self._shape = self._compiled(state, arguments), shape
                loss = self._graph(*arguments)
            except (RuntimeError, OSError) as error:
                self._broken = True
                reason = str(error).strip().splitlines()[0]
                warnings.warn(f"steps run eagerly, compiling failed: {reason}", stacklevel=2)
                return super()._update(state, indices, rate)
        rule.t += 1
        return loss

    def _compiled(self, state: State, arguments: tuple[Tensor | None, ...]) -> Graph:
        part, form = self._feed.part, state.rule.form

        def step(*arguments: Tensor | None) -> Tensor:
            *held, indices = arguments
            theta, buffers, m, s, rate, columns = (each for each in held if each is not None)
            x = part.x.unsqueeze(0) if indices is None else part.x[indices]
            y = part.y.unsqueeze(0) if indices is None else part.y[indices]
            loss, _, gradient, moved = self._network.loss_and_gradient(
                theta, x, y, self._loss, buffers, True
            )
            after = apply(theta, gradient, m, s, rate, columns=columns, form=form)
            for old, new in zip((theta, m, s, buffers), (*after, moved), strict=True):
                old.copy_(new)
            return loss

        # Traced to a graph of its own first: no Python state is left to guard, and as shapes stay
        # the same no guard at all is needed. Tracing with clones leaves the state as it is.
        with torch.no_grad():
            traced = make_fx(step, decomposition_table=_table(state.theta.dtype))(
                *(a if a is None else a.clone() for a in arguments)
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
