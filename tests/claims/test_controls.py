"""What a negative control must rule out, and a control of two arms that can."""

import numpy as np
import pandas as pd
import pytest
from hand_made import CONDITIONS, entry

from unstuck.claims.arms import under_other_seeds
from unstuck.claims.controls import control_contrasts
from unstuck.claims.evidence import Contrast
from unstuck.claims.verdicts import judge_contrast

# mean 0, standard deviation 1
WAVE = np.array([-1.2, 1.2, -1, 1, -0.9, 0.9, -0.8, 0.8, -0.5, 0.5]) / 0.969


def claim(margin=1.0, **changes):
    effect = {"what": "x", "unit": "points", "margin": margin}
    return entry(**{"effect": effect, **changes})


def contrast(mean, spread, *, pairs=10, role="effect", **options):
    options = {"name": role, "dataset": "digits", "condition": {}, **options}
    return Contrast(
        seeds=tuple(range(pairs)), values=tuple(mean + spread * WAVE[:pairs]), role=role, **options
    )


def state(*contrasts, of=None, family=31):
    of = of or claim()
    return control_contrasts(contrasts, [judge_contrast(of, each) for each in contrasts], family)


def control(spread, **options):
    return contrast(0.0, spread, role="negative control", **options)


def test_a_control_that_does_not_rule_the_effect_out_is_undecided():
    # the interval of four pairs as wide as [-33, 36] against a margin of 10
    found = state(contrast(20.0, 1.0), control(35.0, pairs=4), of=claim(margin=10.0))
    assert found.state == "undecided"
    assert "does not rule out that an effect of 20 is made up" in found.reason
    fine = control(3.0, pairs=4)
    assert state(contrast(20.0, 1.0), fine, of=claim(margin=10.0)).state == "passed"


def test_the_more_claims_a_study_has_the_finer_its_controls_must_be():
    effect, coarse = contrast(8.0, 1.0), control(8.0)
    assert state(effect, coarse, family=1).state == "passed"
    found = state(effect, coarse, family=31)
    assert found.state == "undecided"
    assert "where 0.0016 is needed" in found.reason


def test_a_control_that_strays_fails_only_by_the_level_of_the_study():
    effect = contrast(40.0, 1.0)
    # ten pairs: t = 3.2, p = 0.011
    strays = contrast(2.0, 2.0, role="negative control")
    assert state(effect, strays, family=1).state == "failed"
    found = state(effect, strays, family=31)
    assert found.state == "undecided"
    assert "strays from zero (p = 0.0" in found.reason
    # one of five that strays so far is no wonder
    others = [control(2.0, name=str(number)) for number in range(4)]
    assert state(effect, strays, *others, family=31).state == "passed"
    assert state(effect, contrast(4.0, 2.0, role="negative control"), family=31).state == "failed"


def test_a_control_withholds_only_what_it_does_not_vouch_for():
    conditions = claim(conditions=CONDITIONS)
    weak = contrast(5.0, 1.0, condition={"rate": "fixed"}, name="weak")
    strong = contrast(40.0, 1.0, condition={"rate": "fixed"}, name="strong")
    other = contrast(5.0, 1.0, condition={"rate": "tuned"})
    coarse, fine = (control(each, condition={"rate": "fixed"}) for each in (8.0, 1.0))
    assert set(state(weak, strong, other, coarse, of=conditions).withheld) == {weak.key}
    assert not state(weak, strong, other, fine, of=conditions).withheld
    strays = contrast(2.0, 2.0, role="negative control", condition={"rate": "fixed"})
    found = state(weak, strong, other, strays, of=conditions)
    assert set(found.withheld) == {weak.key, strong.key}
    unusable = control(1.0, condition={"rate": "tuned"}, usable=False, note="on the edge")
    assert set(state(weak, strong, other, unusable, of=conditions).withheld) == {other.key}


def test_a_control_without_scatter_cannot_fail_beyond_what_its_pairs_can_tell():
    same = contrast(3.0, 0.0, role="negative control")
    assert state(contrast(40.0, 1.0), same, family=1).state == "failed"
    assert state(contrast(40.0, 1.0), same, family=31).state == "undecided"


def test_a_control_need_find_no_less_than_what_the_verdict_rests_on():
    coarse = control(8.0)
    assert state(contrast(40.0, 1.0), coarse).state == "passed"
    assert state(contrast(-40.0, 1.0), coarse).state == "passed"
    assert state(contrast(5.0, 1.0), coarse).state == "undecided"
    weakest = state(contrast(40.0, 1.0), contrast(5.0, 1.0, name="weaker"), coarse)
    assert weakest.state == "undecided"
    assert "an effect of 5" in weakest.reason


def test_a_control_answers_for_its_own_measure_and_place():
    conditions = claim(conditions=CONDITIONS)
    weak = contrast(5.0, 1.0, condition={"rate": "fixed"})
    strong = contrast(40.0, 1.0, condition={"rate": "tuned"})
    for place, wanted in (("fixed", "undecided"), ("tuned", "passed")):
        coarse = control(8.0, condition={"rate": place})
        assert state(weak, strong, coarse, of=conditions).state == wanted
    # one that stands nowhere in particular answers for all
    assert state(weak, strong, control(8.0), of=conditions).state == "undecided"
    elsewhere = control(8.0, dataset="mnist1d")
    assert state(weak, elsewhere).state == "undecided"
    other = contrast(5.0, 1.0, dataset="mnist1d")
    assert state(contrast(40.0, 1.0), other, elsewhere).state == "undecided"


def test_where_nothing_is_decided_no_control_is_too_coarse():
    assert state(contrast(1.0, 8.0), control(8.0)).state == "passed"


def test_a_claim_of_being_no_worse_rests_on_its_distance_from_being_worse():
    effect = {"what": "x", "unit": "points", "margin": 2, "claims": "no worse"}
    # 4 ± 3 is above −2, which only an effect of 6 made up could feign
    better = contrast(4.0, 4.5)
    assert state(better, control(4.0), of=claim(effect=effect)).state == "passed"
    assert state(better, control(7.0), of=claim(effect=effect)).state == "undecided"
    # 1.5 ± 1.8 too, whose mean is within the margin though its interval is not
    wide = contrast(1.5, 3.1)
    assert state(wide, control(2.5), of=claim(effect=effect)).state == "passed"
    assert state(wide, control(5.0), of=claim(effect=effect)).state == "undecided"
    # and 5 ± 1, all beyond +2, as it is only said to be above −2
    assert state(contrast(5.0, 1.0), control(5.0), of=claim(effect=effect)).state == "passed"


def test_an_interval_within_the_margin_needs_no_control_to_speak_for_it():
    within = contrast(0.0, 1.0)
    assert state(within, control(35.0, pairs=4), of=claim(margin=10.0)).state == "passed"
    both = state(within, contrast(20.0, 1.0, name="b"), control(35.0), of=claim(margin=10.0))
    assert both.state == "undecided"


def test_a_control_within_the_margin_has_shown_that_nothing_is_there():
    # so little scatter that zero is excluded, and so little of it that nothing hangs on it
    small = contrast(0.2, 0.1, role="negative control")
    assert state(contrast(1.5, 0.001), small).state == "passed"


def arm(values):
    return pd.Series(values, index=range(len(values)), dtype="float64")


def of_arms(first, second):
    return under_other_seeds(arm(first), arm(second), name="a", dataset="", condition={})


def test_the_control_of_two_arms_has_a_pair_per_seed():
    found = of_arms(range(10), np.arange(10) ** 2)
    assert found.role == "negative control"
    assert found.values == (-5, -5, -5, -5, -5, 1, 5, 9, 13, 17)
    assert len(of_arms(range(11), range(11)).values) == 10
    assert not of_arms([1.0], [2.0]).usable


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_the_control_of_two_arms_is_calibrated_and_finds_what_the_contrast_would(alike):
    rng = np.random.default_rng([4, 2])
    means, spreads = [], []
    for _ in range(400):
        common = np.sqrt(alike) * rng.normal(0, 1, 10)
        first, second = (common + np.sqrt(1 - alike) * rng.normal(0, 1, 10) for _ in range(2))
        values = np.array(of_arms(first + 7, second).values)
        means.append(values.mean())
        spreads.append(values.var(ddof=1) / 10)
    # no trace of the effect of 7, and the spread of the mean is what its pairs tell, or less
    assert abs(np.mean(means)) < 0.1
    assert 0.6 < np.var(means) / np.mean(spreads) < 1.2
    assert np.mean(spreads) == pytest.approx(2 / 10, rel=0.1)


def test_the_control_of_two_arms_fails_where_seeds_are_not_alike():
    late = np.where(np.arange(10) < 5, 0.0, 5.0) + 0.1 * WAVE
    effect = contrast(40.0, 1.0)
    assert state(effect, of_arms(late, 0.1 * WAVE), family=1).state == "failed"
    # what is wrong with one arm does not hide behind the scatter that it makes
    assert state(effect, of_arms(late, 0.1 * WAVE), family=31).state == "failed"
    even = np.where(np.arange(10) % 2, 0.0, 5.0) + 0.1 * WAVE
    assert state(effect, of_arms(late, even), family=31).state == "failed"


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_the_control_of_two_arms_excludes_zero_as_often_as_its_level_says(spread):
    rng = np.random.default_rng([4, 3])
    drawn = (of_arms(rng.normal(0, 1, 10), spread * rng.normal(0, 1, 10)) for _ in range(1500))
    p = np.array([judge_contrast(claim(), each).p_zero for each in drawn])
    assert 0.03 < np.mean(p <= 0.05) < 0.065
    assert np.mean(p <= 0.005) < 0.012


def test_what_strays_within_the_margin_vouches_for_no_verdict_that_it_could_have_made():
    # seven tenths of a margin made up, to the hundredth: the effect may be of six tenths
    off = contrast(0.7, 0.01, role="negative control")
    found = state(contrast(1.3, 0.01), off)
    assert found.state == "undecided"
    assert "does not rule out that an effect of 0.3 is made up" in found.reason
    assert state(contrast(2.5, 0.01), off).state == "passed"
