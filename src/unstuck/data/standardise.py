"""Standardisation by statistics of the training part."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

ROWS = 4_096  # samples worked on at a time, to bound memory in float64


@dataclass(frozen=True)
class Standardisation:
    """Statistics of a training part, float64; a scale of 0 marks a constant feature."""

    mean: np.ndarray  # [*shape] or []
    scale: np.ndarray  # [*shape] or [], the standard deviation (divisor N)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Standardise ``x [N, *shape]`` to float32; a constant feature becomes 0 everywhere."""
        factor = np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        result = np.empty(x.shape, np.float32)
        for rows in _chunks(len(x)):
            result[rows] = (x[rows] - self.mean) * factor
        return result

    @property
    def constant_features(self) -> int:
        """Number of features that do not vary in the training part."""
        return int(np.sum(self.scale == 0))


def fit_standardisation(x: np.ndarray, kind: Literal["feature", "global"]) -> Standardisation:
    """Take mean and standard deviation of ``x [N, *shape]``, per feature or over all values."""
    axes = None if kind == "global" else 0
    mean = np.asarray(x.mean(axis=axes, dtype=np.float64))
    square = np.zeros_like(mean)
    for rows in _chunks(len(x)):
        square += np.square(x[rows] - mean).sum(axis=axes)
    scale = np.sqrt(square / (x.size / mean.size))
    # rounding leaves a constant feature a deviation of about 1e-17 rather than 0
    constant = x.max(axis=axes) == x.min(axis=axes)
    return Standardisation(mean, np.where(constant, 0.0, scale))


def _chunks(samples: int) -> Iterator[slice]:
    for start in range(0, samples, ROWS):
        yield slice(start, start + ROWS)
