"""Principal components of the training part."""

from dataclasses import dataclass

import numpy as np

from unstuck.errors import ConfigError

RANK_TOLERANCE = 1e-10  # of the largest variance


@dataclass(frozen=True)
class PrincipalComponents:
    """The leading eigenvectors of the training part's covariance."""

    mean: np.ndarray  # [i]
    components: np.ndarray  # [i, n], one a column, divided by its deviation if whitened
    explained: np.ndarray  # [n], share of the total variance, descending

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Project ``x [N, *shape]`` to float32 ``[N, n]``."""
        flat = x.reshape(len(x), -1).astype(np.float64)
        scores: np.ndarray = ((flat - self.mean) @ self.components).astype(np.float32)
        return scores


def fit_pca(x: np.ndarray, count: int, *, whiten: bool = False) -> PrincipalComponents:
    """Find the ``count`` leading principal components of ``x [N, *shape]``.

    The sign of a component is such that its entry of largest size is positive.

    Raises
    ------
    ConfigError
        If ``whiten`` asks to divide by a variance of 0.
    """
    flat = x.reshape(len(x), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    flat -= mean
    variance, vectors = np.linalg.eigh(flat.T @ flat / (len(flat) - 1))
    total = variance.sum()
    variance, vectors = variance[::-1], vectors[:, ::-1]
    rank = int(np.sum(variance > RANK_TOLERANCE * variance[0]))
    if whiten and count > rank:
        raise ConfigError(
            f"pca = {count} with pca_whiten, but the training part has only {rank} components "
            f"of non-zero variance; ask for at most {rank}."
        )
    variance, vectors = variance[:count], vectors[:, :count]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(count)])
    scale = 1 / np.sqrt(variance) if whiten else 1.0
    return PrincipalComponents(mean, vectors * scale, variance / total)
