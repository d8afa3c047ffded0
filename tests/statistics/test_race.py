"""The bootstrap that repeats the choice, against a loop, scipy and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from unstuck.errors import DataError
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.race import Arm, Place, interval, itself, unit_weights

UNITS, FINALISTS, RESAMPLES = 12, 3, 1_999


def rng(seed):
    return np.random.default_rng([seed, 71])


def arm(seed, units=UNITS, finalists=FINALISTS, mean=0.0):
    draw = rng(seed)
    return Arm(draw.normal(mean, 1, (units, finalists)), draw.normal(0, 1, (units, finalists)))


def by_hand(places, resamples):
    """Resample unit by unit, in loops."""
    draws = []
    for b in range(resamples):
        effects, total = [], sum(place.weight for place in places)
        for place in places:
            value = 0.0
            for sign, each in ((1, place.arm), (-1, place.reference)):
                counts = unit_weights(place.units, each.units, resamples)[b] * each.units
                drawn = np.repeat(np.arange(each.units), np.rint(counts).astype(int))
                best = np.argmin(each.scores[drawn].mean(axis=0))
                value += sign * each.values[drawn, best].mean()
            effects.append(value * place.weight / total)
        draws.append(sum(effects))
    return np.sort(draws)


def test_every_resample_chooses_anew_and_the_percentiles_are_expanded():
    places = [
        Place(arm(1, mean=1), arm(2), "D"),
        Place(arm(3), arm(4), "D", weight=2),
        Place(arm(5), arm(6), "M"),
    ]
    found = interval(places, resamples=RESAMPLES)
    draws = by_hand(places, RESAMPLES)
    # Hesterberg (2015): alpha/2 = Phi(-sqrt(n / (n - 1)) t), here of n - 3 degrees of freedom
    z = -math.sqrt(UNITS / (UNITS - 1)) * stats.t.ppf(0.975, UNITS - 3)
    differences = [place.arm.outcome - place.reference.outcome for place in places]
    one, other = (differences[0] + 2 * differences[1]) / 4, differences[2] / 4
    squares = sum(stats.kstat(each, 2) / UNITS for each in (one, other))
    a = sum(stats.kstat(each, 3) / UNITS**2 for each in (one, other)) / (6 * squares**1.5)
    ends = [min(z, b + (b + z) / (1 - b * (b + z))) for b in (a, -a)]
    assert min(ends) < z == max(ends)
    ranks = [math.floor(stats.norm.cdf(end) * (RESAMPLES + 1)) for end in ends]
    assert min(ranks) >= 1
    assert found.low == pytest.approx(draws[ranks[0] - 1], abs=1e-12)
    assert found.high == pytest.approx(draws[-ranks[1]], abs=1e-12)
    effects = [place.arm.outcome.mean() - place.reference.outcome.mean() for place in places]
    assert found.effect == pytest.approx(np.average(effects, weights=[1, 2, 1]))


def test_units_are_drawn_with_replacement_and_alike_for_one_name():
    weights = unit_weights("D", 10, 2000) * 10
    assert np.all(weights.sum(axis=1) == pytest.approx(10))
    assert weights.mean() == pytest.approx(1)
    assert weights.var() == pytest.approx(0.9, rel=0.03)
    assert not np.array_equal(weights, unit_weights("M", 10, 2000) * 10)


def test_a_shared_resample_cancels_what_both_arms_share():
    one = arm(1)
    assert interval([Place(one, one, "D")]).effect == 0
    again = interval([Place(one.plus(3.0), one, "D")])
    assert (again.low, again.high) != (3.0, 3.0)  # all units have one value: see below
    apart = interval([Place(one.plus(3.0), one, "D", paired=False)])
    assert apart.low < 3.0 < apart.high


def test_without_a_choice_it_is_near_the_t_interval():
    for units in (2, 3, 5, 9, 60):
        values = rng(units).normal(2.0, 1.0, (units, 1))
        found = interval([Place(Arm(values))])
        low, high = stats.t.interval(
            0.95, units - 1, loc=values.mean(), scale=stats.sem(values[:, 0])
        )
        assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * (high - low))


@pytest.mark.parametrize("level", [0.9, 0.95, 0.999, 0.99999])
@pytest.mark.parametrize("units", [4, 10, 30])
def test_p_is_small_exactly_where_the_interval_excludes(level, units):
    place = [Place(arm(units, units=units), arm(9, units=units), "D")]
    found = interval(place, level=level)
    for end, tail, inwards in ((found.low, 0, 1), (found.high, 1, -1)):
        step = 1e-9 * inwards
        assert 2 * found.tails(end - step)[tail] <= (1 - level) * (1 + 1e-9)
        assert 2 * found.tails(end + step)[tail] > (1 - level) * (1 - 1e-6)


def test_p_values_are_of_the_bounds_that_they_name():
    found = interval([Place(arm(1, mean=0.4), arm(2), "D")])
    assert found.p_zero == pytest.approx(2 * min(found.tails(0)))
    for margin in (0.5, 1.0, 2.0, 3.0):
        within = -margin < found.low and found.high < margin
        assert (found.p_inside(margin) < 0.05) == within
        assert (found.p_not_worse(margin) < 0.05) == (found.low > -margin)


def test_a_single_unit_decides_nothing():
    found = interval([Place(Arm(np.ones((1, 1)), None), Arm(np.zeros((1, 1))), "D")])
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert found.p_zero == found.p_inside(9) == found.p_not_worse(9) == 1


@pytest.mark.parametrize("value", [3.0, -3.0])
@pytest.mark.parametrize("units", [6, 20])
def test_units_of_one_value_have_clopper_and_pearsons_interval(value, units):
    found = interval([Place(Arm(np.full((units, 1), value)))])
    share = stats.binomtest(units, units).proportion_ci(0.95).low
    ends = sorted((value, value * share - value * (1 - share)))
    assert (found.low, found.high) == pytest.approx(ends)
    assert found.p_zero == pytest.approx(2 * 0.5**units)  # the sign test
    assert found.low > 0 or found.high < 0
    few = interval([Place(Arm(np.full((5, 1), value)))])
    assert (few.low, few.high) == (-math.inf, math.inf)
    for end, tail in ((found.low, 0), (found.high, 1)):
        if abs(end) < abs(value):
            assert found.tails(end)[tail] == pytest.approx(0.025)
        else:  # nothing lies beyond the value
            outside = found.tails(end * 1.01)[tail], found.tails(end * 0.99)[tail]
            assert outside == pytest.approx((0, 1))


def test_units_without_any_difference():
    found = interval([Place(arm(1), arm(1), "D")])
    assert (found.low, found.high, found.p_zero) == (0, 0, 1)
    assert found.p_inside(0.5) == 0


def test_the_halves_of_an_arm_are_told_apart_only_by_what_is_planted():
    place = Place(arm(1, units=40), arm(2, units=40), "D")
    one = itself([place], of="arm")
    assert one.low < 0 < one.high
    assert one.n == 20
    planted = itself([place], of="arm", planted=4.0)
    assert planted.effect == pytest.approx(one.effect + 4)
    assert planted.low > 0
    assert itself([place], of="reference").effect != one.effect
    halves = [place.arm.part(slice(start, None, 2)) for start in (0, 1)]
    assert one.effect == pytest.approx(halves[0].outcome.mean() - halves[1].outcome.mean())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Arm(np.zeros(3)), "shape"),
        (lambda: Arm(np.zeros((0, 1))), "shape"),
        (lambda: Arm(np.zeros((3, 2)), np.zeros((3, 1))), "shape"),
        (lambda: Arm(np.zeros((3, 2))), "no scores"),
        (lambda: Arm(np.full((3, 1), np.nan)), "not finite"),
        (lambda: Arm(np.zeros((3, 2)), np.full((3, 2), np.inf)), "not finite"),
        (lambda: interval([]), "no place"),
        (lambda: interval([Place(arm(1), arm(2, units=5), "D")]), "12 and 5 units"),
        (lambda: itself([Place(arm(1))], of="reference"), "cannot be halved"),
        (lambda: itself([Place(arm(1, units=1))], of="arm"), "cannot be halved"),
    ],
)
def test_what_cannot_be_compared_is_refused(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_an_estimate_in_another_unit():
    found = Estimate(0.6, 0.4, 0.7, 9, lambda value: (value, 1 - value)).scaled(100, -50)
    assert (found.effect, found.low, found.high) == pytest.approx((10, -10, 20))
    assert found.tails(-20) == pytest.approx((0.3, 0.7))


@pytest.mark.parametrize("seed", range(3))
def test_skewed_units_widen_the_interval_to_their_side_as_bca_does(seed):
    values = rng(seed).lognormal(0, 1, (30, 1))
    found = interval([Place(Arm(values), units="D")])
    mirrored = interval([Place(Arm(-values), units="D")])
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low))
    draws = np.sort(unit_weights("D", 30, 9999) @ values[:, 0])
    z = math.sqrt(30 / 29) * stats.t.ppf(0.975, 27)
    a = stats.skew(values[:, 0], bias=False) / (6 * math.sqrt(30))
    assert a > 0
    # the lower end is the expanded percentile, the upper BCa's (Efron 1987, with z0 = a)
    shares = stats.norm.cdf(-z), stats.norm.sf(a + (a + z) / (1 - a * (a + z)))
    ranks = [math.floor(share * 10_000) for share in shares]
    assert (found.low, found.high) == pytest.approx((draws[ranks[0] - 1], draws[-ranks[1]]))


def test_finalists_that_tie_are_chosen_alike_however_their_scores_are_summed():
    values = np.arange(2.0) + np.zeros((3, 2))
    scores = np.array([[0.1, 0.3], [0.2, 0.2], [0.3, 0.1]])  # sums that differ by rounding
    assert scores[:, 0].sum() != scores[::-1, 0].sum()
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        tied = Arm(values, scores[order])
        assert tied.chosen == 0
        assert tied.means(np.full((1, 3), 1 / 3)) == [0]
