"""Section 2.1: adaptive learning rates. What m and σ keep of the gradients."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.optim.coefficients import optimizer
from unstuck.optim.update import UpdateRule

GRADIENTS = ("constant", "alternating")
BETA1 = (0.0, 0.5, 0.9, 0.99)
BETA2 = (0.9, 0.999)
PAIRS = tuple((beta1, beta2) for beta1 in BETA1 for beta2 in BETA2)
# 0.99 to the power of it is 1e-11, far below the tolerance
UPDATES = 2_500
TOLERANCE = 1e-9
# a step this small would count as none
NOTHING = 1e-6
SHOWN_BETA2, SHOWN_UPDATES = 0.999, 300

Array = NDArray[np.float64]


class Steps(NamedTuple):
    """Step at rate 1, and σ with its bias corrected, both `[T, K, 2]`: by β₁, β₂ and gradients."""

    step: Array
    sigma: Array


@claim("2.1.11")
def no_cancel() -> Evidence:
    """m/σ of Adam's rule under gradients +1, +1, ... and +1, −1, ..., against closed forms.

    With ε = 0 the steady state is |m| = 1 under constant and |m| = (1 − β₁)/(1 + β₁) under
    alternating gradients (a in m_t = a(−1)^t solves a = −β₁a + 1 − β₁), and σ = 1 under both.
    """
    ours, reference = adam_steps(), recurrence()
    constant, alternating = np.abs(ours.step[-1]).T
    beta1 = np.array(PAIRS)[:, 0]
    checks = [
        Check(
            "σ under alternating less σ under constant gradients, largest over all updates",
            np.abs(ours.sigma[..., 1] - ours.sigma[..., 0]).max(),
            0.0,
            0.0,
            {"reading": "shrinks"},
        ),
        Check(
            "step without memory (β₁ = 0) under alternating gradients, which nothing shrinks",
            alternating[beta1 == 0].min(),
            1.0,
            TOLERANCE,
            role="negative control",
        ),
        Check(
            "update rule less a plain recurrence, largest step over all updates",
            np.abs(ours.step - reference).max(),
            0.0,
            TOLERANCE,
            role="positive control",
        ),
    ]
    for beta in BETA1[1:]:
        checks += _checks(beta, constant[beta1 == beta], alternating[beta1 == beta])
    return Evidence(
        "2.1.11",
        checks=tuple(checks),
        tables={"paths": _paths(ours), "limits": _limits(constant, alternating)},
        numbers={
            "step_at_0_9": float(alternating[beta1 == 0.9].max()),
            "step_at_0_99": float(alternating[beta1 == 0.99].max()),
            "updates": UPDATES,
        },
    )


def gradient_signs(updates: int) -> Array:
    """Give the constant and the alternating gradients `[T, 2]`."""
    return np.stack([np.ones(updates), (-1.0) ** np.arange(updates)], axis=1)


def adam_steps(updates: int = UPDATES) -> Steps:
    """Run the project's update rule: members are `PAIRS`, parameters the gradients."""
    rows = [optimizer("adam", momentum=b1, beta2=b2, epsilon=0.0) for b1, b2 in PAIRS]
    rule = UpdateRule(rows, len(GRADIENTS), dtype=torch.float64)
    theta = torch.zeros(len(rows), len(GRADIENTS), dtype=torch.float64)
    rate = torch.ones(len(rows), dtype=torch.float64)
    steps = Steps(*(np.empty((updates, *theta.shape)) for _ in Steps._fields))
    for t, gradient in enumerate(gradient_signs(updates)):
        # from 0 each time, so that the sum of all steps does not round the last
        theta.zero_()
        rule.step(theta, torch.from_numpy(gradient).expand_as(theta), rate)
        steps.step[t] = -theta.numpy()
        root = np.array([[row.terms(t + 1).root] for row in rows])
        steps.sigma[t] = root * np.sqrt(rule.s.numpy())
    return steps


def recurrence(updates: int = UPDATES) -> Array:
    """Give the steps `[T, K, 2]` of Adam at rate 1 with ε = 0, written out (Kingma & Ba 2015)."""
    beta1, beta2 = np.array(PAIRS).T[..., None]
    m = s = np.zeros((len(PAIRS), len(GRADIENTS)))
    steps = np.empty((updates, *m.shape))
    for t, gradient in enumerate(gradient_signs(updates), start=1):
        m = beta1 * m + (1 - beta1) * gradient
        s = beta2 * s + (1 - beta2) * gradient**2
        steps[t - 1] = m / (1 - beta1**t) / np.sqrt(s / (1 - beta2**t))
    return steps


def _checks(beta1: float, constant: Array, alternating: Array) -> list[Check]:
    """Give the checks at one β₁; the arrays hold the size of the last step for each β₂."""
    factor = (1 - beta1) / (1 + beta1)
    cases = (
        ("constant", constant, 1.0, TOLERANCE, "shrinks"),
        ("alternating", alternating, factor, TOLERANCE, "shrinks"),
        ("alternating", alternating, 0.0, NOTHING, "vanishes"),
    )
    return [
        Check(
            f"step under {name} gradients, β₁ = {beta1}",
            values[np.abs(values - expected).argmax()],
            expected,
            tolerance,
            {"reading": reading},
        )
        for name, values, expected, tolerance, reading in cases
    ]


def _paths(steps: Steps) -> pd.DataFrame:
    """Give the first updates at the betas that the figure shows."""
    tables = []
    for member, (beta1, beta2) in enumerate(PAIRS):
        if beta2 != SHOWN_BETA2:
            continue
        for column, name in enumerate(GRADIENTS):
            step, sigma = (each[:SHOWN_UPDATES, member, column] for each in steps)
            tables.append(
                pd.DataFrame(
                    {
                        "gradients": name,
                        "beta1": beta1,
                        "update": np.arange(1, SHOWN_UPDATES + 1),
                        "m": step * sigma,
                        "sigma": sigma,
                        "ratio": step,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def _limits(constant: Array, alternating: Array) -> pd.DataFrame:
    beta1, beta2 = np.array(PAIRS).T
    return pd.DataFrame(
        {
            "beta1": beta1,
            "beta2": beta2,
            "constant": constant,
            "alternating": alternating,
            "closed_form": (1 - beta1) / (1 + beta1),
        }
    )
