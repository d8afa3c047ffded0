"""Intervals of shares against scipy, published examples and their own inversion."""

import math

import pytest
from scipy import stats

from unstuck.errors import DataError
from unstuck.statistics.shares import Count, mean_share, paired_difference


@pytest.mark.parametrize(("successes", "trials"), [(0, 16), (1, 16), (9, 16), (16, 16), (12, 200)])
def test_one_share_has_clopper_and_pearsons_interval(successes, trials):
    found = mean_share([Count(successes, trials)])
    exact = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert found.effect == successes / trials


def test_p_is_that_of_the_exact_test():
    found = mean_share([Count(12, 16)]).scaled(100, -50)
    assert found.p_zero == pytest.approx(2 * stats.binom.sf(11, 16, 0.5), rel=1e-6)
    assert mean_share([Count(8, 16)]).scaled(100, -50).p_zero == 1
    lower = mean_share([Count(4, 16)]).scaled(100, -50)
    assert lower.p_zero == pytest.approx(2 * stats.binom.cdf(4, 16, 0.5), rel=1e-6)


def test_the_mean_of_two_adds_the_squares_of_their_distances():
    found = mean_share([Count(14, 16), Count(10, 18)])
    ends = [stats.binomtest(*each).proportion_ci(0.95) for each in ((14, 16), (10, 18))]
    shares = (14 / 16, 10 / 18)
    below = math.hypot(*(s - end.low for s, end in zip(shares, ends, strict=True))) / 2
    above = math.hypot(*(end.high - s for s, end in zip(shares, ends, strict=True))) / 2
    assert (found.low, found.high) == pytest.approx(
        (sum(shares) / 2 - below, sum(shares) / 2 + above)
    )
    assert found.n == 16


def test_sixteen_and_sixteen_runs_need_three_quarters_to_lie_beyond_55_percent():
    lows = [mean_share([Count(k, 16), Count(k, 16)]).low for k in (11, 12)]
    assert lows[0] < 0.55 < lows[1]


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Fagerland, Lydersen and Laake (2014), airway hyper-responsiveness
        ((1, 1, 7, 12), -0.507, -0.026),
    ],
)
def test_newcombes_interval_of_published_tables(table, low, high):
    found = paired_difference(*table)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)


def test_a_paired_difference_turns_with_its_arms():
    one, other = paired_difference(30, 20, 5, 45), paired_difference(30, 5, 20, 45)
    assert (one.effect, one.low, one.high) == pytest.approx(
        (-other.effect, -other.high, -other.low)
    )
    assert one.p_zero == pytest.approx(other.p_zero)


def test_starts_that_are_all_alike_still_have_an_interval():
    found = paired_difference(0, 200, 0, 0)
    assert found.effect == 1
    assert 0.96 < found.low < 1
    assert found.high == pytest.approx(1)
    none = paired_difference(200, 0, 0, 0)
    assert none.low == pytest.approx(-none.high)
    assert 0 < none.high < 0.03


@pytest.mark.parametrize("bound", [-0.1, 0.0, 0.1, 0.3])
def test_p_is_small_exactly_where_the_interval_excludes(bound):
    for table in ((30, 20, 5, 45), (90, 60, 10, 40), (1, 1, 7, 12)):
        found = paired_difference(*table)
        assert (found.tails(bound)[0] < 0.025) == (found.low > bound)
        assert (found.tails(bound)[1] < 0.025) == (found.high < bound)


@pytest.mark.parametrize(("successes", "trials"), [(3, 2), (-1, 2), (0, 0)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(DataError, match=f"{successes} in {trials}"):
        Count(successes, trials)


def test_a_mean_needs_a_share():
    with pytest.raises(DataError, match="no share"):
        mean_share([])
