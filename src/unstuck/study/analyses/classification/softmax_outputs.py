"""Softmax of the project's cross-entropy against closed forms.

For two outputs y_i, y_j with gap g = y_i − y_j: p_i/p_j = exp(g), which exceeds g, while
p_i − p_j = (p_i + p_j)·tanh(g/2), which is at most g/2.
"""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import special

from unstuck.population.losses import LOSSES

STREAM = 7201
SAMPLES, CLASSES, SPREAD = 2_000, 5, 3.0
#: the lecture's
EXAMPLE = (3.0, 1.0, -3.0)
GAPS = np.round(np.linspace(0.0, 8.0, 161), 10)
SCALES = (0.1, 1.0, 10.0)

Array = NDArray[np.float64]


def softmax(logits: Array) -> Array:
    """Give softmax of logits ``[N, C]`` as the project's cross-entropy −ln p has it."""
    samples, classes = logits.shape
    outputs = torch.from_numpy(logits)[None]
    losses = [
        LOSSES["cross_entropy"].value(outputs, torch.full((1, samples), label))
        for label in range(classes)
    ]
    probabilities: Array = torch.cat(losses).neg().exp().numpy().T
    return probabilities


def vectors_and_pairs() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give what `SoftmaxAnalysis.run` says of these tables."""
    logits = np.random.default_rng([0, STREAM]).normal(0.0, SPREAD, (SAMPLES, CLASSES))
    example = np.array([EXAMPLE])
    kinds = [(np.arange(SAMPLES), logits), (np.array([-1]), example)]
    vectors = pd.concat([_vectors(*each) for each in kinds], ignore_index=True)
    pairs = pd.concat([_pairs(*each) for each in kinds], ignore_index=True)
    return vectors, pairs


def _vectors(numbers: NDArray[np.int64], logits: Array) -> pd.DataFrame:
    outputs = softmax(logits)
    total = outputs.sum(axis=1)
    smallest, largest = outputs.min(axis=1), outputs.max(axis=1)
    return pd.DataFrame(
        {
            "vector": numbers,
            "smallest": smallest,
            "largest": largest,
            "outside": np.maximum(0.0, np.maximum(-smallest, largest - 1)),
            "sum": total,
            "sum_error": np.abs(total - 1),
        }
    )


def _pairs(numbers: NDArray[np.int64], logits: Array) -> pd.DataFrame:
    """Give the pairs of every vector, the larger output first."""
    outputs = softmax(logits)
    first, second = np.triu_indices(logits.shape[1], k=1)
    signed = logits[:, first] - logits[:, second]
    swap = np.where(signed >= 0, 1, -1)
    gaps = np.abs(signed)
    ratios = (outputs[:, first] / outputs[:, second]) ** swap
    differences = swap * (outputs[:, first] - outputs[:, second])
    return pd.DataFrame(
        {
            "vector": np.repeat(numbers, len(first)),
            "gap": gaps.ravel(),
            "ratio": ratios.ravel(),
            "difference": differences.ravel(),
            "ratio_error": np.abs(ratios / np.exp(gaps) - 1).ravel(),
            "ratio_above_gap": (ratios > gaps).ravel(),
            "difference_over_half_gap": (differences / (gaps / 2)).ravel(),
        }
    )


def shares() -> pd.DataFrame:
    """Give what `SoftmaxAnalysis.run` says of the table `shares`.

    e^(a − b) > a/b for a > b > 0 where a − ln a > b − ln b: never below 1, always above.
    """
    rows = []
    for number, scale in enumerate(SCALES):
        rng = np.random.default_rng([1, STREAM, number])
        outputs = rng.uniform(0, scale, (SAMPLES, CLASSES))
        probabilities = softmax(outputs)
        first, second = np.triu_indices(CLASSES, k=1)
        apart = np.abs(np.log(probabilities[:, first] / probabilities[:, second]))
        plain = np.abs(np.log(outputs[:, first] / outputs[:, second]))
        rows.append({"scale": scale, "apart": float((apart > plain).mean())})
    return pd.DataFrame(rows)


def gaps() -> pd.DataFrame:
    """Give what `SoftmaxAnalysis.run` says of the table `gaps`."""
    two = softmax(np.stack([GAPS, np.zeros_like(GAPS)], axis=1))[:, 0]
    return pd.DataFrame(
        {
            "gap": GAPS,
            "ratio": two / (1 - two),
            "difference": 2 * two - 1,
            "sigmoid_error": np.abs(two - special.expit(GAPS)),
        }
    )
