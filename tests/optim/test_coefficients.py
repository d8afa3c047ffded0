"""What coefficients accept and refuse, and the terms that follow from them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import unstuck
from unstuck.errors import ConfigError
from unstuck.optim.coefficients import (
    OPTIMIZER_DESCRIPTIONS,
    OPTIMIZERS,
    Coefficients,
    optimizer,
    rectification_term,
)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"momentum": 1.0}, "less than 1"),
        ({"beta2": 0.9}, "beta2 belongs to accumulator: exponential"),
        ({"nesterov": True}, "nesterov needs momentum > 0"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs momentum > 0"),
        ({"dampening": 0.1, "averaging": "mean"}, "dampening belongs to averaging: sum"),
        ({"rectify": True}, "rectify needs accumulator: exponential"),
        ({"normalise": "gradient"}, "normalise: gradient needs an accumulator"),
        ({"weight_decay": -1.0}, "greater than or equal to 0"),
        ({"betas": (0.9, 0.999)}, "Extra inputs"),
    ],
)
def test_contradictions_are_refused(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Coefficients(**keywords)


def test_names_are_looked_up() -> None:
    assert optimizer("adam") == OPTIMIZERS["adam"]
    assert optimizer("adam", beta2=0.9).beta2 == 0.9
    with pytest.raises(ConfigError, match="Unknown optimizer 'admw'; did you mean 'adamw'"):
        optimizer("admw")
    with pytest.raises(ConfigError, match="known are adagrad, adagrad_mean, adam"):
        optimizer("lbfgs")
    with pytest.raises(ConfigError, match="optimizer sgd: beta2 belongs to"):
        optimizer("sgd", beta2=0.5)


def test_everything_is_described() -> None:
    assert OPTIMIZER_DESCRIPTIONS.keys() == OPTIMIZERS.keys()
    for name, field in Coefficients.model_fields.items():
        assert field.description, name


def test_updates_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="counted from 1, not 0"):
        OPTIMIZERS["adam"].terms(0)


def test_correction_undoes_the_start_at_zero() -> None:
    """With constant gradients, corrected averages equal what they average at every update."""
    for t in (1, 2, 10, 1000):
        terms = OPTIMIZERS["adam"].terms(t)
        m = 1 - 0.9**t
        s = 1 - 0.999**t
        assert terms.scale * m == pytest.approx(1)
        assert terms.root * s**0.5 == pytest.approx(1)


def test_rectification_waits_and_then_vanishes() -> None:
    """For β₂ = 0.999 Liu et al. let the first five updates do without σ."""
    assert [rectification_term(0.999, t) is None for t in range(1, 8)] == [True] * 5 + [False] * 2
    assert rectification_term(0.999, 100_000) == pytest.approx(1, abs=1e-12)
    assert rectification_term(0.5, 100) is None


def test_specifications_import_without_torch() -> None:
    """Planning a study must not pay for importing torch."""
    code = (
        "import sys, unstuck.optim.coefficients, unstuck.optim.schedules;"
        "sys.exit('torch' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(unstuck.__file__).parents[1])}
    result = subprocess.run(
        [sys.executable, "-c", code], check=False, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
