"""Correlation of ranks."""

import numpy as np
import pytest
from scipy import stats

from unstuck.errors import DataError
from unstuck.statistics.race import Percentiles, unit_weights
from unstuck.statistics.ranks import Points, correlation, rank_correlation


def test_the_rank_correlation_is_spearmans():
    rng = np.random.default_rng([8302, 0])
    x, y = rng.integers(0, 5, 20).astype(float), rng.normal(size=20)
    assert rank_correlation(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    both = rank_correlation(x, np.stack([y, -y]))
    np.testing.assert_allclose(both, [rank_correlation(x, y), -rank_correlation(x, y)])
    assert rank_correlation(np.ones(5), np.arange(5.0)) == 0


def test_whole_units_are_resampled_and_ranked_anew():
    rng = np.random.default_rng([8302, 1])
    x = rng.integers(0, 6, (9, 2)).astype(float)
    y = x + rng.normal(size=(9, 2)).round(1)
    found = correlation([Points(x, y, "D")], resamples=299, level=0.8)
    counts = np.rint(unit_weights("D", 9, 299) * 9).astype(int)
    draws = []
    for row in counts:
        drawn = np.repeat(np.arange(9), row)
        draws.append(rank_correlation(x[drawn].ravel(), y[drawn].ravel()))
    expected = Percentiles(np.sort(draws), 9)
    assert found.effect == pytest.approx(rank_correlation(x.ravel(), y.ravel()))
    assert (found.low, found.high) == pytest.approx(expected.ends(0.8), abs=1e-9)


def test_the_correlation_is_averaged_over_places():
    x = np.arange(10.0)[:, None]
    both = correlation([Points(x, x, "D"), Points(x, -x, "M")])
    assert both.effect == 0


def test_points_that_all_lie_in_order_count_as_units_of_one_value():
    x = np.arange(20.0)[:, None]
    found = correlation([Points(x, x**3, "D")])
    assert (found.low, found.high) == (pytest.approx(2 * 0.025 ** (1 / 20) - 1), 1)
    assert found.p_zero == pytest.approx(2 * 0.5**20)
    few = correlation([Points(x[:2], x[:2], "D")])
    assert few.low < 0


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros(5), np.zeros(5)),
        (np.zeros((0, 1)), np.zeros((0, 1))),
        (np.zeros((5, 1)), np.zeros((5, 2))),
        (np.zeros((5, 1)), np.full((5, 1), np.nan)),
    ],
)
def test_points_that_have_no_ranks_are_refused(x, y):
    with pytest.raises(DataError, match="rank correlation"):
        Points(x, y)
