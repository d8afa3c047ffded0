"""Section 2.2: classification. What softmax does to gaps."""

from decimal import Decimal, localcontext

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.population.losses import LOSSES

LOGIT_STREAM = 7201
SAMPLES, CLASSES, SPREAD = 2_000, 5, 3.0
EXAMPLE = (3.0, 1.0, -3.0)
# gap of the notes' third output, and digits enough to tell 1 − exp(−1000) from 1
FAR_GAP, DIGITS = 1000, 500
ROUNDING = 1e-14
GAPS = np.round(np.linspace(0.0, 8.0, 161), 10)

Array = NDArray[np.float64]


@claim("2.2.2")
def softmax_gaps() -> Evidence:
    """Outputs of softmax, their ratios and their differences, against closed forms.

    For two outputs y_i, y_j with gap g = y_i − y_j: p_i/p_j = exp(g), which exceeds g, while
    p_i − p_j = (p_i + p_j)·tanh(g/2), which is at most g/2.
    """
    from scipy import special

    logits = np.random.default_rng([0, LOGIT_STREAM]).normal(0.0, SPREAD, (SAMPLES, CLASSES))
    outputs = softmax(logits)
    gaps, ratios, differences = _pairs(logits, outputs)
    ratio, difference = {"gap": "ratio"}, {"gap": "difference"}
    two = softmax(np.stack([GAPS, np.zeros_like(GAPS)], axis=1))[:, 0]
    checks = (
        Check("share of outputs within (0, 1)", _inside(outputs), 1.0, 0.0),
        Check("share of outputs within (0, 1), exactly, at a gap of 1000", _exact(), 1.0, 0.0),
        Check("sum of outputs less 1, largest", np.abs(outputs.sum(1) - 1).max(), 0.0, ROUNDING),
        Check(
            "two classes less the sigmoid, largest difference",
            np.abs(two - special.expit(GAPS)).max(),
            0.0,
            ROUNDING,
        ),
        Check(
            "log ratio of two outputs less their gap, largest",
            np.abs(np.log(ratios) - gaps).max(),
            0.0,
            1e-12,
            ratio,
        ),
        Check("share of pairs with ratio above gap", (ratios > gaps).mean(), 1.0, 0.0, ratio),
        Check(
            "share of pairs with difference above gap",
            (differences > gaps).mean(),
            1.0,
            0.0,
            difference,
        ),
        Check(
            "log ratio of equal outputs",
            float(np.log(np.divide(*softmax(np.zeros((1, 2)))[0]))),
            0.0,
            0.0,
            role="negative control",
        ),
        Check(
            "change of outputs when all inputs rise by 7, largest",
            np.abs(softmax(logits + 7) - outputs).max(),
            0.0,
            ROUNDING,
            role="negative control",
        ),
        Check(
            "project's softmax less scipy's, largest difference",
            np.abs(outputs - special.softmax(logits, axis=1)).max(),
            0.0,
            ROUNDING,
            role="positive control",
        ),
    )
    return Evidence(
        "2.2.2",
        checks=checks,
        tables={"gaps": _gap_table(two), "example": _example(), "saturation": _saturation()},
        numbers={
            "largest_difference_over_gap": float((differences / gaps).max()),
            "difference_over_gap_near_0": float(np.tanh(0.5e-6) / 1e-6),
            **{f"output_{i + 1}": float(p) for i, p in enumerate(softmax(np.array([EXAMPLE]))[0])},
        },
    )


def softmax(logits: Array) -> Array:
    """Give softmax of logits `[N, C]` as the project's cross-entropy −ln p has it."""
    samples, classes = logits.shape
    outputs = torch.from_numpy(logits)[None]
    losses = [
        LOSSES["cross_entropy"].value(outputs, torch.full((1, samples), label))
        for label in range(classes)
    ]
    probabilities: Array = torch.cat(losses).neg().exp().numpy().T
    return probabilities


def _pairs(logits: Array, outputs: Array) -> tuple[Array, Array, Array]:
    """Give gap, ratio and difference of outputs of every pair of classes, larger one first."""
    first, second = np.triu_indices(CLASSES, k=1)
    gaps = logits[:, first] - logits[:, second]
    swap = np.where(gaps >= 0, 1, -1)
    ratios = (outputs[:, first] / outputs[:, second]) ** swap
    differences = swap * (outputs[:, first] - outputs[:, second])
    return np.abs(gaps).ravel(), ratios.ravel(), differences.ravel()


def _inside(outputs: Array) -> float:
    return float(((outputs > 0) & (outputs < 1)).mean())


def _exact() -> float:
    """Give the share of two outputs within (0, 1) at a gap where float64 has only 0 and 1."""
    with localcontext() as context:
        context.prec = DIGITS
        weight = Decimal(-FAR_GAP).exp()
        outputs = [1 / (1 + weight), weight / (1 + weight)]
        return sum(0 < output < 1 for output in outputs) / len(outputs)


def _gap_table(two: Array) -> pd.DataFrame:
    """Give ratio and difference of the two outputs of two classes over their gap."""
    return pd.DataFrame({"gap": GAPS, "ratio": two / (1 - two), "difference": 2 * two - 1})


def _example() -> pd.DataFrame:
    outputs = softmax(np.array([EXAMPLE]))[0]
    return pd.DataFrame({"class": [1, 2, 3], "input": EXAMPLE, "output": outputs})


def _saturation() -> pd.DataFrame:
    """Give the smallest gap of two classes at which an output rounds to 1, or to 0."""
    rows = []
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        gaps = torch.arange(0, 800, 0.01, dtype=dtype)
        outputs = torch.stack([gaps, torch.zeros_like(gaps)], dim=1).softmax(dim=1)
        for output, bound in ((0, 1.0), (1, 0.0)):
            reached = (outputs[:, output] == bound).nonzero()[0, 0]
            rows.append((name, int(bound), round(float(gaps[reached]), 2)))
    return pd.DataFrame(rows, columns=["dtype", "output", "gap"])
