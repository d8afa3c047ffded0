"""Correlation of ranks."""

import numpy as np
import pytest
from scipy import stats

from unstuck.statistics.ranks import rank_correlation


def test_the_rank_correlation_is_spearmans():
    rng = np.random.default_rng([8302, 0])
    x, y = rng.integers(0, 5, 20).astype(float), rng.normal(size=20)
    assert rank_correlation(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    both = rank_correlation(x, np.stack([y, -y]))
    np.testing.assert_allclose(both, [rank_correlation(x, y), -rank_correlation(x, y)])
    assert rank_correlation(np.ones(5), np.arange(5.0)) == 0
