"""How far Adam's σ can be trusted early on: the variance of 1/σ over the first updates."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from unstuck.claims.arms import require_columns
from unstuck.claims.evidence import Check
from unstuck.optim.coefficients import OPTIMIZERS, RECTIFIABLE_LENGTH
from unstuck.optim.update import UpdateRule

SIMULATED = "Gaussian, simulated"
FORMULAS = ("Gaussian, exact", "RAdam")
GAUSSIANS, STREAM = 20_000, 7210
SHOWN = (2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50, 70, 100)
# where the simulation is held against its closed form, to the sampling error of so many draws
COMPARED, SAMPLING = (5, 10, 20, 50, 100), 0.1
# the variance must fall so many times from the early update to the late one, and be so large early
EARLY, LATE, TIMES, LARGE = 3, 100, 10.0, 0.1


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
    variances = {}
    for t in range(1, LATE + 1):
        rule.step(theta, torch.from_numpy(rng.normal(size=(1, GAUSSIANS))), still)
        if t in SHOWN:
            inverse = 1 / (row.terms(t).root * rule.s.sqrt())
            variances[t] = float(inverse.var() / inverse.mean() ** 2)
    return variances


def variances(sigma: pd.DataFrame) -> pd.DataFrame:
    """Give the variance of 1/σ relative to its squared mean, by source and update."""
    require_columns(sigma, ["dataset", "seed", "update", "relative_variance"], "sigma")
    rows: list[dict[str, object]] = [
        {"source": SIMULATED, "update": update, "variance": variance}
        for update, variance in simulated_variance().items()
    ]
    for name, formula in zip(FORMULAS, (gaussian_variance, rectified_variance), strict=True):
        rows += [
            {"source": name, "update": update, "variance": formula(update)}
            for update in SHOWN
            if math.isfinite(formula(update))
        ]
    measured = sigma.groupby(["dataset", "update"])["relative_variance"].median().reset_index()
    rows += [
        {"source": dataset, "update": update, "variance": variance}
        for dataset, update, variance in measured.itertuples(index=False)
    ]
    return pd.DataFrame(rows)


def variance_checks(spread: pd.DataFrame) -> Iterator[Check]:
    """Hold the simulation against its closed form, and the early σ against the late one."""
    table = {
        (str(source), int(update)): float(variance)
        for source, update, variance in spread[["source", "update", "variance"]].to_numpy()
    }
    for update in COMPARED:
        yield Check(
            f"simulated relative variance of 1/σ after {update} updates over the closed form",
            table[SIMULATED, update] / gaussian_variance(update),
            1.0,
            SAMPLING,
            role="positive control",
        )
    sources = dict.fromkeys(source for source, _ in table if source not in FORMULAS)
    for source in sources:
        # a variance that is tiny from the first may fall as many times
        yield Check(
            f"whether the relative variance of 1/σ of {source} gradients exceeds {LARGE:g} after "
            f"{EARLY} updates (it is {table[source, EARLY]:.3g})",
            float(table[source, EARLY] > LARGE),
            1.0,
            0.0,
            {"part": "sigma"},
        )
        ratio = table[source, EARLY] / table[source, LATE]
        yield Check(
            f"whether 1/σ of {source} gradients varies {TIMES:g} times as much after {EARLY} as "
            f"after {LATE} updates (it is {ratio:.3g} times)",
            float(ratio > TIMES),
            1.0,
            0.0,
            {"part": "sigma"},
        )
