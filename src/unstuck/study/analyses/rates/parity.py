"""The one update rule held against torch.optim, and against its own special cases."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.optim.coefficients import (
    OPTIMIZERS,
    Coefficients,
    optimizer,
    rectification_term,
)
from unstuck.optim.schedules import ScheduleSpec, factors
from unstuck.optim.update import UpdateRule

UPDATES = 200
PARAMETERS = 7
SEEDS = range(3)

Array = NDArray[np.float64]
Spell = Callable[[Coefficients], dict[str, Any]]


def _adam(row: Coefficients) -> dict[str, Any]:
    return {"betas": (row.momentum, row.beta2), "eps": row.epsilon}


#: our optimizer → its twin in torch.optim, and how our coefficients are spelt there
REFERENCES: dict[str, tuple[type[torch.optim.Optimizer], Spell]] = {
    "sgd": (torch.optim.SGD, lambda row: {}),
    "momentum": (
        torch.optim.SGD,
        lambda row: {"momentum": row.momentum, "dampening": row.dampening},
    ),
    "nesterov": (torch.optim.SGD, lambda row: {"momentum": row.momentum, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, lambda row: {"eps": row.epsilon}),
    "rmsprop": (
        torch.optim.RMSprop,
        lambda row: {"alpha": row.beta2, "eps": row.epsilon, "momentum": row.momentum},
    ),
    "adam": (torch.optim.Adam, _adam),
    "adamw": (torch.optim.AdamW, _adam),
    "radam": (torch.optim.RAdam, _adam),
}


def comparisons() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `parity`."""
    return pd.DataFrame(
        [
            {"part": part, "rule": rule, "against": against, "seed": seed, "difference": value}
            for seed in SEEDS
            for part, rule, against, value in _compared(seed)
        ]
    )


def _compared(seed: int) -> Iterator[tuple[str, str, str, float]]:
    for corrected in (True, False):
        words = "corrected" if corrected else "uncorrected"
        yield "combination", "adam", words, distance_from_parts(seed, corrected=corrected)
    yield "combination", "adam", "RMSprop(momentum)", distance_from_library(seed)
    for name in REFERENCES:
        distance = distance_from_torch(name, [OPTIMIZERS[name]], seed)
        yield "torch.optim", name, REFERENCES[name][0].__name__, distance
    for each in reductions():
        yield "reduction", each.name, "", difference(each, seed)


def distance_from_parts(seed: int, *, corrected: bool) -> float:
    """Largest distance of Adam from momentum's average over RMSProp's σ, on noisy quadratics.

    Momentum and RMSProp are rows of the update rule that are given the same gradients, and of
    which only m and s are taken; their bias is corrected here.

    Returns
    -------
    The distance over 200 updates, relative to the largest parameter, in float64.
    """
    adam = OPTIMIZERS["adam"]
    momentum = UpdateRule(
        [optimizer("momentum", momentum=adam.momentum, averaging="mean")], PARAMETERS, torch.float64
    )
    rmsprop = UpdateRule([optimizer("rmsprop", beta2=adam.beta2)], PARAMETERS, torch.float64)
    still = torch.zeros(1, dtype=torch.float64)

    def step(g: Tensor, t: int) -> Tensor:
        for rule in (momentum, rmsprop):
            rule.step(torch.zeros_like(g), g.clone(), still)
        m, s = momentum.m, rmsprop.s
        if corrected:
            m, s = m / (1 - adam.momentum**t), s / (1 - adam.beta2**t)
        return m / (s.sqrt() + adam.epsilon)

    return _distance_of_adam(seed, step)


def distance_from_library(seed: int) -> float:
    """Largest distance of Adam from torch's RMSprop with a momentum of its own, likewise.

    That one averages what σ has divided, and starts at 0 without correction. The rate of both is
    the same in the long run: 1 − β₁ makes a mean of a sum.
    """
    adam = OPTIMIZERS["adam"]
    twin = torch.zeros(1, PARAMETERS, dtype=torch.float64, requires_grad=True)
    library = torch.optim.RMSprop(
        [twin], lr=1 - adam.momentum, alpha=adam.beta2, eps=adam.epsilon, momentum=adam.momentum
    )

    def step(g: Tensor, t: int) -> Tensor:
        before = twin.detach().clone()
        twin.grad = g.clone()
        library.step()
        return before - twin.detach()

    return _distance_of_adam(seed, step)


def _distance_of_adam(seed: int, step: Callable[[Tensor, int], Tensor]) -> float:
    """Let Adam and another rule, which gives its step at rate 1, go down the same quadratics."""
    random = np.random.default_rng(seed)
    ours = torch.from_numpy(random.normal(size=(1, PARAMETERS)))
    theirs, rate = ours.clone(), 0.01
    rule = UpdateRule([OPTIMIZERS["adam"]], PARAMETERS, torch.float64)
    # the noise of one stream is that of both: the same gradient at the same place
    at_ours, at_theirs = _gradients(seed, 1), _gradients(seed, 1)
    distance = 0.0
    for t in range(1, UPDATES + 1):
        rule.step(ours, at_ours(ours), torch.tensor([rate], dtype=torch.float64))
        theirs = theirs - rate * step(at_theirs(theirs), t)
        error = (ours - theirs).abs().max() / ours.abs().max()
        distance = max(distance, float(error))
    return distance


def distance_from_torch(name: str, rows: Sequence[Coefficients], seed: int) -> float:
    """Largest distance from torch.optim over all members and 200 updates of random quadratics.

    Parameters
    ----------
    name
        The optimizer, one of `REFERENCES`.
    rows
        Its coefficients, of each member.
    seed
        Of the starts, rates, quadratics and of the noise on their gradients.

    Returns
    -------
    The distance, relative to the member's largest parameter, in float64.
    """
    random = np.random.default_rng(seed)
    members = len(rows)
    theta = torch.from_numpy(random.normal(size=(members, PARAMETERS)))
    lr = 10 ** random.uniform(-4, -1.5, size=members)
    schedule = factors(ScheduleSpec(shape="cosine", warmup=0.2), UPDATES)
    rates = torch.from_numpy(schedule[:, None] * lr)
    twins = [_twin(row, name, s, rate) for row, s, rate in zip(rows, theta, lr, strict=True)]
    rule = UpdateRule(rows, PARAMETERS, torch.float64)
    gradient = _gradients(seed, members)
    distance = 0.0
    for t in range(UPDATES):
        g = gradient(theta)
        for k, (twin, twin_rule) in enumerate(twins):
            twin.grad = g[k].clone()
            twin_rule.param_groups[0]["lr"] = float(rates[t, k])
            twin_rule.step()
        rule.step(theta, g, rates[t])
        expected = torch.stack([twin.detach() for twin, _ in twins])
        error = (theta - expected).abs().amax(dim=1) / expected.abs().amax(dim=1)
        distance = max(distance, error.max().item())
    return distance


def _twin(
    row: Coefficients, name: str, start: Tensor, lr: float
) -> tuple[Tensor, torch.optim.Optimizer]:
    kind, spell = REFERENCES[name]
    theta = start.clone().requires_grad_()
    keywords: dict[str, Any] = spell(row) | {"lr": lr, "weight_decay": row.weight_decay}
    if name == "radam":
        keywords["decoupled_weight_decay"] = row.decoupled_decay
    make: Callable[..., torch.optim.Optimizer] = kind
    return theta, make([theta], **keywords)


def _gradients(seed: int, members: int) -> Callable[[Tensor], Tensor]:
    """Gradients of random quadratics, with noise that the next call does not repeat."""
    random = torch.Generator().manual_seed(seed)
    scales = 10 ** torch.empty(members, PARAMETERS, dtype=torch.float64).uniform_(
        -2, 0.5, generator=random
    )

    def gradient(theta: Tensor) -> Tensor:
        return scales * theta + 0.1 * torch.randn(theta.shape, generator=random, dtype=theta.dtype)

    return gradient


class Reduction(NamedTuple):
    """Two optimizers that take the same steps: one at rate 1, the other at rates of its own."""

    name: str
    row: Coefficients
    other: Coefficients
    rates: Array  # of the other, [T]
    since: int = 1  # the first update at which they are said to agree


def reductions() -> tuple[Reduction, ...]:
    """Give how the rows of the update rule turn into each other.

    References
    ----------
    Kingma & Ba 2015, section 2, for the rate that replaces the correction of the bias; Liu et al.
    2020, algorithm 2, for RAdam.
    """
    t = np.arange(1, UPDATES + 1)
    once, adam, momentum = np.ones(UPDATES), OPTIMIZERS["adam"], OPTIMIZERS["momentum"]
    plain = optimizer("adam", bias_correction=False)
    # an ε that is scaled with √s lets one factor of the rate stand for both
    scaled = optimizer("adam", epsilon_scaled=True)
    correction = np.sqrt(1 - adam.beta2**t) / (1 - adam.momentum**t)
    terms = [rectification_term(adam.beta2, int(update)) for update in t]
    trusted = 1 + next(i for i, term in enumerate(terms) if term is not None)
    return (
        Reduction(
            "momentum with β₁ = 0 is SGD", optimizer("momentum", momentum=0), optimizer("sgd"), once
        ),
        Reduction(
            "Adam with β₁ = 0 and without correction of its bias is RMSProp",
            optimizer("adam", bias_correction=False, momentum=0),
            optimizer("rmsprop", beta2=adam.beta2),
            once,
        ),
        Reduction(
            "Adam with σ = 1 and without correction is momentum at the rate (1 − β₁)η",
            optimizer("adam", bias_correction=False, accumulator="none", beta2=0),
            momentum,
            once * (1 - adam.momentum),
        ),
        Reduction(
            "Adam is the same without correction at the rate η√(1 − β₂ᵗ)/(1 − β₁ᵗ)",
            scaled,
            plain,
            correction,
        ),
        Reduction("AdamW without decay is Adam", optimizer("adamw", weight_decay=0), adam, once),
        Reduction(
            "RAdam is Adam at a rate times its rectification, once σ is trusted",
            optimizer("radam"),
            scaled,
            np.array([1.0 if term is None else term for term in terms]),
            trusted,
        ),
        Reduction(
            "the mean of squares at the rate η/√t is Adagrad",
            optimizer("adagrad"),
            optimizer("adagrad_mean"),
            1 / np.sqrt(t),
        ),
    )


def difference(reduction: Reduction, seed: int = 0) -> float:
    """Largest difference of two optimizers' steps, relative to the largest step, in float64.

    Both are given the same random gradients, `[T, P]`, whatever they make of them.
    """
    random = np.random.default_rng(seed)
    updates = len(reduction.rates)
    gradients = random.normal(size=(updates, PARAMETERS)) * 10 ** random.uniform(-2, 1, PARAMETERS)
    ours = steps(reduction.row, np.ones(updates), gradients)
    theirs = steps(reduction.other, reduction.rates, gradients)
    ours, theirs = (each[reduction.since - 1 :] for each in (ours, theirs))
    return float(np.abs(ours - theirs).max() / np.abs(ours).max())


def steps(row: Coefficients, rates: Array, gradients: Array) -> Array:
    """Give what an optimizer takes from θ at each update, `[T, P]`, for gradients `[T, P]`."""
    rule = UpdateRule([row], gradients.shape[1], torch.float64)
    taken = np.empty_like(gradients)
    for t, gradient in enumerate(gradients):
        theta = torch.zeros(1, gradients.shape[1], dtype=torch.float64)
        rule.step(theta, torch.from_numpy(gradient)[None], torch.tensor([rates[t]]))
        taken[t] = -theta[0].numpy()
    return taken
