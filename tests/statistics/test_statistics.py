"""Intervals, corrections and power against other libraries and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from unstuck.errors import DataError
from unstuck.statistics.divergence import rank_last
from unstuck.statistics.intervals import bootstrap_interval, wilson_interval
from unstuck.statistics.multiplicity import holm
from unstuck.statistics.power import detectable_effect, paired_power


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


def test_the_wilson_interval_solves_the_score_equation():
    interval = wilson_interval(7, 20)
    z = stats.norm.ppf(0.975)
    for end in (interval.low, interval.high):
        assert abs(7 / 20 - end) == pytest.approx(z * np.sqrt(end * (1 - end) / 20), rel=1e-9)


def test_the_wilson_interval_refuses_more_successes_than_trials():
    with pytest.raises(DataError, match="21 successes in 20 trials"):
        wilson_interval(21, 20)


def test_holm_by_hand():
    # ordered: 0.01 x 4, 0.02 x 3, 0.03 x 2, then the running maximum
    np.testing.assert_allclose(holm([0.03, 0.01, 0.5, 0.02]), [0.06, 0.04, 0.5, 0.06])


def test_holm_is_that_of_statsmodels():
    for seed in range(4):
        p = np.random.default_rng([seed, 6]).integers(0, 12, 9) / 40
        np.testing.assert_array_equal(holm(p), multipletests(p, method="holm")[1])


def test_holm_refuses_what_is_no_probability():
    with pytest.raises(DataError, match="nan"):
        holm([0.1, np.nan])
    assert holm([]).size == 0


def test_the_detectable_effect_is_detected_with_the_stated_power():
    effect = detectable_effect(2.0, 10)
    assert paired_power(effect, 2.0, 10) == pytest.approx(0.8, abs=1e-6)
    # the noncentral t distribution, written out
    shift = effect / 2.0 * np.sqrt(10)
    critical = stats.t.ppf(0.975, 9)
    power = stats.nct.sf(critical, 9, shift) + stats.nct.cdf(-critical, 9, shift)
    assert power == pytest.approx(0.8, abs=1e-6)


def test_power_by_simulation():
    draws = np.random.default_rng([5, 1]).normal(1.0, 1.0, (4000, 12))
    detected = stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05
    assert detected.mean() == pytest.approx(paired_power(1.0, 1.0, 12), abs=0.02)


def test_a_single_seed_has_no_detectable_effect():
    with pytest.raises(DataError, match="at least 2"):
        detectable_effect(1.0, 1)


def test_diverged_accuracies_fall_to_chance_or_lower():
    ranked = rank_last([0.9, np.nan, 0.4], [False, True, False], worst="lowest", bound=0.1)
    np.testing.assert_array_equal(ranked, [0.9, 0.1, 0.4])
    ranked = rank_last([0.05, np.nan], [False, False], worst="lowest", bound=0.1)
    np.testing.assert_array_equal(ranked, [0.05, 0.05])


def test_diverged_losses_rise_to_the_worst_finite_one():
    ranked = rank_last([0.5, np.inf, 7.0, 0.1], [False, True, False, True], worst="highest")
    np.testing.assert_array_equal(ranked, [0.5, 7.0, 7.0, 7.0])


def test_if_all_runs_diverged_a_bound_is_needed():
    with pytest.raises(DataError, match="all 2 runs diverged"):
        rank_last([np.nan, np.nan], [True, True], worst="highest")
    ranked = rank_last([np.nan, np.nan], [True, True], worst="highest", bound=2.3)
    np.testing.assert_array_equal(ranked, [2.3, 2.3])
