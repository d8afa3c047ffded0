"""The bootstrap interval of a mean against other libraries and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unstuck.errors import DataError
from unstuck.statistics.intervals import bootstrap_interval


def sample(seed, size=20, mean=0.0, deviation=1.0):
    return np.random.default_rng([seed, 1]).normal(mean, deviation, size)


def test_the_bootstrap_interval_is_near_the_t_interval_for_normal_data():
    values = sample(0, size=60, mean=3.0)
    interval = bootstrap_interval(values)
    low, high = stats.t.interval(0.95, 59, loc=values.mean(), scale=stats.sem(values))
    assert interval.low == pytest.approx(low, abs=0.05)
    assert interval.high == pytest.approx(high, abs=0.05)


def test_the_bootstrap_interval_covers_the_mean_about_as_often_as_it_says():
    hits = [
        bootstrap_interval(sample(seed, size=20), resamples=999).contains(0.0)
        for seed in range(200)
    ]
    assert 0.88 <= np.mean(hits) <= 0.99


@given(st.permutations(list(range(10))))
@settings(max_examples=10, deadline=None)
def test_the_bootstrap_interval_does_not_depend_on_the_order_of_rows(order):
    values = sample(3, size=10)
    assert bootstrap_interval(values[list(order)]) == bootstrap_interval(values)


def test_constant_values_have_an_interval_of_zero_width():
    interval = bootstrap_interval([2.5] * 10)
    assert (interval.low, interval.high) == (2.5, 2.5)


def test_where_bca_is_undefined_the_percentile_interval_stands_in(monkeypatch):
    methods = []
    original = stats.bootstrap

    def degenerate_bca(*arguments, **options):
        methods.append(options["method"])
        result = original(*arguments, **{**options, "method": "percentile"})
        if options["method"] == "BCa":
            result.confidence_interval = type(result.confidence_interval)(np.nan, np.nan)
        return result

    monkeypatch.setattr(stats, "bootstrap", degenerate_bca)
    interval = bootstrap_interval([0.0] * 9 + [1.0])
    assert methods == ["BCa", "percentile"]
    assert 0 <= interval.low < interval.high <= 1


def test_one_value_says_nothing_about_its_spread():
    interval = bootstrap_interval([1.0])
    assert (interval.low, interval.high) == (-np.inf, np.inf)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf, 1.0]])
def test_values_that_are_missing_or_not_finite_are_refused(values):
    with pytest.raises(DataError, match=r"no values|must be finite"):
        bootstrap_interval(values)
