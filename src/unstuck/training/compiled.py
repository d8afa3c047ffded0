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
            traced = make_fx(step)(*(a if a is None else a.clone() for a in arguments))
        unguarded = getattr(torch.compiler, "skip_all_guards_unsafe", None)
        options = {"guard_filter_fn": unguarded} if unguarded else None
        compiled: Graph = torch.compile(
            traced.forward, fullgraph=True, dynamic=False, options=options
        )
        return torch.no_grad()(compiled)
