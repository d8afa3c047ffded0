"""Parity of the update rule with torch.optim, in float64 over 200 updates."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from unstuck.optim.coefficients import OPTIMIZERS, Coefficients, optimizer
from unstuck.optim.schedules import ScheduleSpec, factors
from unstuck.optim.update import UpdateRule, apply

UPDATES = 200
PARAMETERS = 7
TOLERANCE = 1e-12  # relative to the member's largest parameter

Draw = Callable[[np.random.Generator], dict[str, Any]]


def adam_coefficients(row: Coefficients) -> dict[str, Any]:
    return {"betas": (row.momentum, row.beta2), "eps": row.epsilon}


# our optimizer -> its twin, and how our coefficients are spelt there
REFERENCES: dict[
    str, tuple[type[torch.optim.Optimizer], Callable[[Coefficients], dict[str, Any]]]
] = {
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
    "adam": (torch.optim.Adam, adam_coefficients),
    "adamw": (torch.optim.AdamW, adam_coefficients),
    "radam": (torch.optim.RAdam, adam_coefficients),
}


def draw(name: str, random: np.random.Generator) -> Coefficients:
    """Random coefficients of an optimizer that torch has too."""
    chosen: dict[str, Any] = {
        "weight_decay": float(random.choice([0, 10 ** random.uniform(-4, -1)]))
    }
    row = OPTIMIZERS[name]
    if row.uses_momentum or name == "rmsprop":
        chosen["momentum"] = float(random.uniform(0.01, 0.99))
    if name == "momentum":
        chosen["dampening"] = float(random.uniform(0, 1))
    if row.accumulator == "exponential":
        chosen["beta2"] = float(1 - 10 ** random.uniform(-4, -0.1))
    if row.uses_accumulator:
        chosen["epsilon"] = float(10 ** random.uniform(-12, -2))
    return optimizer(name, **chosen)


def reference(row: Coefficients, name: str, start: Tensor, lr: float) -> tuple[Tensor, Any]:
    kind, spell = REFERENCES[name]
    theta = start.clone().requires_grad_()
    extra = {"decoupled_weight_decay": row.decoupled_decay} if name == "radam" else {}
    keywords = spell(row) | extra | {"weight_decay": row.weight_decay}
    return theta, kind([theta], lr=lr, **keywords)


def gradients(seed: int, members: int) -> Callable[[Tensor], Tensor]:
    """Gradients of random quadratics, with noise that the next call does not repeat."""
    random = torch.Generator().manual_seed(seed)
    scales = 10 ** torch.empty(members, PARAMETERS, dtype=torch.float64).uniform_(
        -2, 0.5, generator=random
    )

    def gradient(theta: Tensor) -> Tensor:
        return scales * theta + 0.1 * torch.randn(theta.shape, generator=random, dtype=theta.dtype)

    return gradient


def worst(name: str, rows: list[Coefficients], seed: int, pure: bool) -> float:
    """Largest relative distance from torch.optim over all members and updates."""
    random = np.random.default_rng(seed)
    members = len(rows)
    start = torch.from_numpy(random.normal(size=(members, PARAMETERS)))
    lr = 10 ** random.uniform(-4, -1.5, size=members)
    schedule = factors(ScheduleSpec(shape="cosine", warmup=0.2), UPDATES)
    rates = torch.from_numpy(schedule[:, None] * lr)
    twins = [reference(row, name, s, rate) for row, s, rate in zip(rows, start, lr, strict=True)]
    rule = UpdateRule(rows, PARAMETERS, torch.float64)
    theta, m, s = start.clone(), rule.m.clone(), rule.s.clone()
    gradient = gradients(seed, members)
    distance = 0.0
    for t in range(UPDATES):
        g = gradient(theta)
        for k, (twin, twin_rule) in enumerate(twins):
            twin.grad = g[k].clone()
            twin_rule.param_groups[0]["lr"] = float(rates[t, k])
            twin_rule.step()
        if pure:
            theta, m, s = apply(
                theta, g, m, s, rates[t], columns=rule.columns(t + 1), form=rule.form
            )
        else:
            rule.step(theta, g, rates[t])
        expected = torch.stack([twin.detach() for twin, _ in twins])
        error = (theta - expected).abs().amax(dim=1) / expected.abs().amax(dim=1)
        distance = max(distance, error.max().item())
    return distance


@pytest.mark.parametrize("pure", [False, True], ids=["step", "apply"])
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_random_coefficients_agree_with_torch(name: str, pure: bool) -> None:
    random = np.random.default_rng(0)
    rows = [draw(name, random) for _ in range(8)]
    assert worst(name, rows, seed=1, pure=pure) < TOLERANCE


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_named_optimizers_have_the_defaults_of_torch(name: str) -> None:
    kind, spell = REFERENCES[name]
    keywords = {"lr": 0.1} if kind is torch.optim.SGD else {}
    if name in ("momentum", "nesterov"):
        keywords |= {"momentum": 0.9}  # torch's default is none
    defaults = kind([torch.zeros(1)], **keywords).defaults
    for key, value in spell(OPTIMIZERS[name]).items():
        assert key == "nesterov" or defaults[key] == value
    assert defaults["weight_decay"] == OPTIMIZERS[name].weight_decay


@pytest.mark.parametrize("decoupled", [False, True])
def test_radam_with_either_decay(decoupled: bool) -> None:
    row = optimizer("radam", weight_decay=0.1, decoupled_decay=decoupled)
    assert worst("radam", [row], seed=2, pure=False) < TOLERANCE


def test_parity_would_notice_a_wrong_coefficient() -> None:
    row = OPTIMIZERS["adam"]
    off = row.model_copy(update={"epsilon_scaled": True, "epsilon": 1e-3})
    assert worst("adam", [off], seed=3, pure=False) > 1e-4
