"""The verdict rule against cases computed by hand."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from unstuck.errors import DataError
from unstuck.statistics.judgement import exclusion_p, judge

# mean 0, standard deviation 0.1 over ten seeds
NOISE = np.array([-0.12, 0.12, -0.1, 0.1, -0.09, 0.09, -0.08, 0.08, -0.05, 0.05])


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(2.0, "supported"), (-2.0, "contradicted"), (0.0, "no effect"), (1.0, "inconclusive")],
)
def test_the_interval_against_the_margin_gives_the_verdict(mean, verdict):
    judgement = judge(mean + NOISE, 1.0)
    assert judgement.verdict == verdict
    assert judgement.effect == pytest.approx(mean, abs=1e-12)
    assert judgement.ci_low < mean < judgement.ci_high


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(2.0, "contradicted"), (-2.0, "contradicted"), (0.0, "supported"), (1.0, "inconclusive")],
)
def test_a_claim_of_equivalence_is_supported_inside_the_margin(mean, verdict):
    assert judge(mean + NOISE, 1.0, claims="equivalence").verdict == verdict


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [
        (2.0, "supported"),
        (1.0, "supported"),
        (0.0, "supported"),
        (-1.0, "inconclusive"),
        (-2.0, "contradicted"),
    ],
)
def test_a_claim_of_being_no_worse_is_supported_above_the_lower_margin(mean, verdict):
    assert judge(mean + NOISE, 1.0, claims="no worse").verdict == verdict


def test_the_p_value_of_being_no_worse_is_the_t_test_against_the_lower_margin():
    values = 0.9 + NOISE
    t = (values.mean() + 1.0) / (values.std(ddof=1) / np.sqrt(10))
    judgement = judge(values, 1.0, claims="no worse")
    assert judgement.p == pytest.approx(stats.t.sf(t, 9))
    assert "lies above −1" in judgement.reason


@pytest.mark.parametrize(
    ("mean", "said"),
    [(2.0, "lies beyond ×1.5"), (-2.0, "lies beyond ÷1.5"), (0.0, "lies inside ÷1.5 to ×1.5")],
)
def test_the_reason_gives_ratios_as_ratios(mean, said):
    reason = judge(mean + 0.1 * NOISE, np.log(1.5), ratios=True).reason
    assert reason.startswith("the interval [×")
    assert reason.endswith(said)


def test_fewer_than_ten_seeds_are_never_enough():
    judgement = judge(100 + NOISE[:9], 1.0)
    assert judgement.verdict == "inconclusive"
    assert "9 seeds" in judgement.reason
    assert np.isnan(judgement.p)


def test_the_p_value_is_the_one_sided_t_test_against_the_margin():
    values = 1.2 + NOISE
    t = (values.mean() - 1.0) / (values.std(ddof=1) / np.sqrt(10))
    assert judge(values, 1.0).p == pytest.approx(stats.t.sf(t, 9))
    assert judge(-values, 1.0).p == pytest.approx(stats.t.sf(t, 9))


def test_the_p_value_of_no_effect_is_that_of_two_one_sided_tests():
    values = 0.3 + NOISE
    error = values.std(ddof=1) / np.sqrt(10)
    judgement = judge(values, 1.0)
    assert judgement.verdict == "no effect"
    assert judgement.p == pytest.approx(stats.t.sf((1.0 - 0.3) / error, 9))


def test_an_inconclusive_verdict_states_what_could_have_been_detected():
    judgement = judge(1.0 + NOISE, 1.0)
    # 0.996 standard deviations at n = 10: noncentral t, 80 % power, two-sided 5 %
    assert judgement.detectable == pytest.approx(0.996 * NOISE.std(ddof=1), rel=2e-3)
    assert f"{judgement.detectable:.3g} from zero" in judgement.reason


@pytest.mark.parametrize(
    ("value", "verdict"), [(2.0, "supported"), (0.0, "no effect"), (-3.0, "contradicted")]
)
def test_constant_effects_have_the_p_value_of_the_sign_test(value, verdict):
    judgement = judge([value] * 10, 1.0)
    assert judgement.verdict == verdict
    assert judgement.p == 0.5**10
    assert judgement.detectable == 0.0


def test_a_constant_effect_on_the_margin_is_inconclusive():
    assert judge([1.0] * 10, 1.0).verdict == "inconclusive"


def test_the_test_against_zero():
    assert judge([0.0] * 10, 1.0).p_zero == 1.0
    assert judge([0.1] * 10, 1.0).p_zero == 2 * 0.5**10
    assert judge(0.05 + NOISE, 1.0).p_zero == pytest.approx(
        stats.ttest_1samp(0.05 + NOISE, 0).pvalue
    )


def test_effects_that_are_not_finite_are_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match="rank diverged runs last"):
        judge([1.0] * 9 + [np.nan], 1.0)


@pytest.mark.parametrize("margin", [0.0, -1.0, np.nan, np.inf])
def test_a_margin_must_be_positive(margin):
    with pytest.raises(DataError, match="margin"):
        judge(NOISE, margin)


def test_true_effects_at_the_margin_are_rarely_called_supported():
    rng = np.random.default_rng([11, 1])
    supported = [judge(rng.normal(1.0, 1.0, 15), 1.0).verdict == "supported" for _ in range(150)]
    assert np.mean(supported) < 0.09


@pytest.mark.parametrize("mean", [0.4, 0.0, -0.4, -2.0])
def test_a_mean_as_far_as_the_bound_is_ruled_out_by_two_one_sided_tests(mean):
    values = mean + NOISE
    above = stats.ttest_1samp(values, 1.0, alternative="less").pvalue
    below = stats.ttest_1samp(values, -1.0, alternative="greater").pvalue
    assert exclusion_p(values, 1.0) == pytest.approx(max(above, below))
    assert exclusion_p(np.full(10, 0.5), 1.0) == 0.5**10
    assert exclusion_p(np.full(10, -1.5), 1.0) == 1.0


def test_the_scatter_of_parts_is_that_within_them():
    """Against the contrast of a linear model with a mean a part (statsmodels)."""
    values = np.concatenate([NOISE, 3.0 + 2 * NOISE[::-1]])
    parts = np.repeat(np.eye(2), len(NOISE), axis=0)
    average = [0.5, 0.5]
    expected = OLS(values, parts).fit().t_test(average)
    assert judge(values, 1.0, splits=2).p_zero == pytest.approx(float(expected.pvalue))
    bound = OLS(values - 2.5, parts).fit().t_test(average)
    # one-sided: the mean is below the bound
    assert exclusion_p(values, 2.5, splits=2) == pytest.approx(float(bound.pvalue) / 2)
    # two different constants have no scatter at all
    assert judge([0.0] * 5 + [1.0] * 5, 1.0, splits=2).p_zero == 2 * 0.5**10
