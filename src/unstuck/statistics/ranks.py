"""Correlation of ranks."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def rank_correlation(x: Array, y: Array) -> Array:
    """Give Spearman's correlation of ``[N]`` and ``[..., N]``, as ``[...]``.

    It is 0 where one of the two is constant and shows no trend.
    """
    from scipy import stats

    ranks = [stats.rankdata(each, axis=-1) for each in (x, y)]
    first, second = (each - each.mean(axis=-1, keepdims=True) for each in ranks)
    scale = np.sqrt((first**2).sum(axis=-1) * (second**2).sum(axis=-1))
    product = (first * second).sum(axis=-1)
    return np.asarray(np.divide(product, scale, out=np.zeros_like(product), where=scale > 0))
