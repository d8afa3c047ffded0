"""What m and σ keep of gradients that go on for ever the same way."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.optim.coefficients import optimizer
from unstuck.optim.update import UpdateRule

GRADIENTS = ("constant", "alternating")
BETA1 = (0.0, 0.5, 0.9, 0.99)
BETA2 = (0.9, 0.999)
PAIRS = tuple((beta1, beta2) for beta1 in BETA1 for beta2 in BETA2)
# 0.99 to the power of it is 1e-11
UPDATES = 2_500
SHOWN_BETA2, SHOWN_UPDATES = 0.999, 300
ALPHAS = (0.5, 0.9, 0.99, 0.999)
# gradients before and after a change, and the share of the rate that counts as recovered
STEEP, GENTLE, RECOVERED = 100.0, 0.1, 0.5

Array = NDArray[np.float64]


class Steps(NamedTuple):
    """Step at rate 1, and σ with its bias corrected, both ``[T, K, 2]``: by β₁, β₂ and gradients.

    With ε = 0 the steady state is |m| = 1 under constant and |m| = (1 − β₁)/(1 + β₁) under
    alternating gradients (a in m_t = a(−1)^t solves a = −β₁a + 1 − β₁), and σ = 1 under both.
    """

    step: Array
    sigma: Array


def limits() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `limits`."""
    ours, reference = adam_steps(), recurrence()
    constant, alternating = np.abs(ours.step[-1]).T
    beta1, beta2 = np.array(PAIRS).T
    expected = (1 + beta1) / (1 - beta1)
    return pd.DataFrame(
        {
            "beta1": beta1,
            "beta2": beta2,
            "constant": constant,
            "alternating": alternating,
            "ratio": constant / alternating,
            "expected": expected,
            "relative_error": np.abs(constant / alternating / expected - 1),
            "sigma_gap": np.abs(ours.sigma[..., 1] - ours.sigma[..., 0]).max(axis=0),
            "recurrence_gap": np.abs(ours.step - reference).max(axis=(0, 2)),
        }
    )


def steps() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `steps`, at one β₂."""
    found = adam_steps(SHOWN_UPDATES)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "gradients": name,
                    "beta1": beta1,
                    "update": np.arange(1, SHOWN_UPDATES + 1),
                    "m": found.step[:, member, column] * found.sigma[:, member, column],
                    "sigma": found.sigma[:, member, column],
                    "ratio": found.step[:, member, column],
                }
            )
            for member, (beta1, beta2) in enumerate(PAIRS)
            if beta2 == SHOWN_BETA2
            for column, name in enumerate(GRADIENTS)
        ],
        ignore_index=True,
    )


def memory() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `memory`.

    σ² falls as α^n from the old squares to the new, so that the step is the share r of the rate
    when α^n (STEEP² − GENTLE²) = GENTLE² (1/r² − 1).
    """
    share = GENTLE**2 * (1 / RECOVERED**2 - 1) / (STEEP**2 - GENTLE**2)
    rows = []
    for alpha in ALPHAS:
        updates, expected = _recovery(alpha), float(np.log(share) / np.log(alpha))
        error = abs(updates / expected - 1)
        rows.append(
            {"alpha": alpha, "updates": updates, "expected": expected, "relative_error": error}
        )
    return pd.DataFrame(rows)


def gradient_signs(updates: int) -> Array:
    """Give the constant and the alternating gradients ``[T, 2]``."""
    return np.stack([np.ones(updates), (-1.0) ** np.arange(updates)], axis=1)


def adam_steps(updates: int = UPDATES) -> Steps:
    """Run the project's update rule: members are `PAIRS`, parameters the gradients."""
    rows = [optimizer("adam", momentum=b1, beta2=b2, epsilon=0.0) for b1, b2 in PAIRS]
    rule = UpdateRule(rows, len(GRADIENTS), dtype=torch.float64)
    theta = torch.zeros(len(rows), len(GRADIENTS), dtype=torch.float64)
    rate = torch.ones(len(rows), dtype=torch.float64)
    found = Steps(*(np.empty((updates, *theta.shape)) for _ in Steps._fields))
    for t, gradient in enumerate(gradient_signs(updates)):
        # from 0 each time, so that the sum of all steps does not round the last
        theta.zero_()
        rule.step(theta, torch.from_numpy(gradient).expand_as(theta), rate)
        found.step[t] = -theta.numpy()
        root = np.array([[row.terms(t + 1).root] for row in rows])
        found.sigma[t] = root * np.sqrt(rule.s.numpy())
    return found


def recurrence() -> Array:
    """Give the steps ``[T, K, 2]`` of Adam at rate 1 with ε = 0, written out (Kingma & Ba 2015)."""
    beta1, beta2 = np.array(PAIRS).T[..., None]
    m = s = np.zeros((len(PAIRS), len(GRADIENTS)))
    found = np.empty((UPDATES, *m.shape))
    for t, gradient in enumerate(gradient_signs(UPDATES), start=1):
        m = beta1 * m + (1 - beta1) * gradient
        s = beta2 * s + (1 - beta2) * gradient**2
        found[t - 1] = m / (1 - beta1**t) / np.sqrt(s / (1 - beta2**t))
    return found


def _recovery(alpha: float) -> int:
    """Count the updates after which the step has recovered from a steep stretch."""
    rule = UpdateRule([optimizer("rmsprop", beta2=alpha, epsilon=0.0)], 1, torch.float64)
    # as long a stretch of steep terrain as it takes to fill σ
    rule.s.fill_(STEEP**2)
    theta, rate = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    gradient = torch.full_like(theta, GENTLE)
    updates, step = 0, 0.0
    while step < RECOVERED:
        before = float(theta)
        rule.step(theta, gradient, rate)
        step, updates = before - float(theta), updates + 1
    return updates
