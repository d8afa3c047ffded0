"""Parity of the update rule with torch.optim, in float64 over 200 updates."""

from typing import Any

import numpy as np
import pytest
import torch

from unstuck.optim.coefficients import OPTIMIZERS, Coefficients, optimizer
from unstuck.study.analyses.rates.parity import REFERENCES, distance_from_torch

TOLERANCE = 1e-12  # relative to the member's largest parameter


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


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_random_coefficients_agree_with_torch(name: str) -> None:
    random = np.random.default_rng(0)
    rows = [draw(name, random) for _ in range(8)]
    assert distance_from_torch(name, rows, seed=1) < TOLERANCE


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
    assert distance_from_torch("radam", [row], seed=2) < TOLERANCE


def test_parity_would_notice_a_wrong_coefficient() -> None:
    row = OPTIMIZERS["adam"]
    off = row.model_copy(update={"epsilon_scaled": True, "epsilon": 1e-3})
    assert distance_from_torch("adam", [off], seed=3) > 1e-4
