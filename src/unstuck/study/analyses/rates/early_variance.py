"""How far Adam's σ can be trusted early on: the variance of 1/σ under Gaussian gradients."""

import math

import numpy as np
import pandas as pd
import torch

from unstuck.optim.coefficients import OPTIMIZERS, RECTIFIABLE_LENGTH
from unstuck.optim.update import UpdateRule

GAUSSIANS, STREAM = 20_000, 7210
AT = (2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50, 70, 100)


def variances() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `early_sigma`."""
    exact = {update: gaussian_variance(update) for update in AT if update > 2}
    sources = {
        "simulated": simulated_variance(),
        "exact": exact,
        "RAdam": {update: rectified_variance(update) for update in AT},
    }
    return pd.DataFrame(
        [
            {
                "source": source,
                "update": update,
                "relative_variance": variance,
                # after two updates the exact one is unbounded
                "over_exact": variance / exact[update] if update in exact else math.nan,
            }
            for source, found in sources.items()
            for update, variance in found.items()
            if math.isfinite(variance)
        ]
    )


def gaussian_variance(t: int) -> float:
    """Variance of 1/σ over its squared mean after t updates, for gradients from N(0, 1).

    If all squares counted alike, σ² would be χ² with t degrees of freedom over t: 1/σ has the
    second moment t/(t − 2), unbounded for t ≤ 2, and the mean √(t/2) Γ((t − 1)/2) / Γ(t/2). With
    β₂ = 0.999 the first hundred squares count alike to a tenth.
    """
    if t <= 2:
        return math.inf
    mean = math.sqrt(t / 2) * math.exp(math.lgamma((t - 1) / 2) - math.lgamma(t / 2))
    return t / (t - 2) / mean**2 - 1


def rectified_variance(t: int) -> float:
    """RAdam's approximation of it, ρ/(2(ρ − 2)(ρ − 4)) (Liu et al. 2020, section 4)."""
    beta2 = OPTIMIZERS["radam"].beta2
    length = 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)
    if length <= RECTIFIABLE_LENGTH - 1:
        return math.inf
    return length / (2 * (length - 2) * (length - 4))


def simulated_variance() -> dict[int, float]:
    """Relative variance of 1/σ over Gaussian gradients in Adam's update rule, by update."""
    rng = np.random.default_rng([STREAM])
    row = OPTIMIZERS["adam"]
    rule = UpdateRule([row], GAUSSIANS, torch.float64)
    theta = torch.zeros(1, GAUSSIANS, dtype=torch.float64)
    still = torch.zeros(1, dtype=torch.float64)
    found = {}
    for t in range(1, max(AT) + 1):
        rule.step(theta, torch.from_numpy(rng.normal(size=(1, GAUSSIANS))), still)
        if t in AT:
            inverse = 1 / (row.terms(t).root * rule.s.sqrt())
            found[t] = float(inverse.var() / inverse.mean() ** 2)
    return found
