"""The rule as a table of cases, every boundary from both sides."""

import math

import pytest

from unstuck.errors import DataError
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.rule import (
    SAID,
    TOLD,
    Line,
    Primary,
    Word,
    alarms_allowed,
    at_ceiling,
    combine,
    exact,
    judge,
    outcomes,
    p_value,
    position,
    said,
)
from unstuck.statistics.undecided import units_to_decide

DELTA = 2.0
E = 1e-9
W = Word


def estimate(low, high, *, n=20, deviation=1.0):
    """An interval whose one-sided p-values are those of a normal about its middle."""
    from scipy import stats

    centre = (low + high) / 2

    def tails(value):
        z = (centre - value) / deviation
        return float(stats.norm.sf(z)), float(stats.norm.cdf(z))

    return Estimate(centre, low, high, n, tails)


POSITIONS = [
    # kind, low, high, word
    ("effect", DELTA + E, 9, W.SUPPORTED),
    ("effect", DELTA, 9, W.DIRECTION),
    ("effect", E, DELTA, W.DIRECTION),
    ("effect", E, DELTA - E, W.SMALL),
    ("effect", E, 9, W.DIRECTION),
    ("effect", 0, DELTA - E, W.NO_EFFECT),
    ("effect", 0, DELTA, W.UNDECIDED),
    ("effect", -DELTA + E, DELTA - E, W.NO_EFFECT),
    ("effect", -DELTA, 0, W.UNDECIDED),
    ("effect", -DELTA + E, 0, W.NO_EFFECT),
    ("effect", -DELTA + E, -E, W.NO_EFFECT),
    ("effect", -DELTA, -E, W.WRONG_DIRECTION),
    ("effect", -9, -E, W.WRONG_DIRECTION),
    ("effect", -9, -DELTA, W.WRONG_DIRECTION),
    ("effect", -9, -DELTA - E, W.CONTRADICTED),
    ("effect", -9, 0, W.UNDECIDED),
    ("effect", -9, 9, W.UNDECIDED),
    ("effect", -math.inf, math.inf, W.UNDECIDED),
    ("equivalence", -DELTA + E, DELTA - E, W.SUPPORTED),
    ("equivalence", E, DELTA - E, W.SUPPORTED),
    ("equivalence", -DELTA, DELTA - E, W.UNDECIDED),
    ("equivalence", -DELTA + E, DELTA, W.UNDECIDED),
    ("equivalence", DELTA + E, 9, W.CONTRADICTED),
    ("equivalence", -9, -DELTA - E, W.CONTRADICTED),
    ("equivalence", DELTA, 9, W.UNDECIDED),
    ("equivalence", -9, 9, W.UNDECIDED),
    ("no worse", -DELTA + E, 9, W.SUPPORTED),
    ("no worse", DELTA + E, 9, W.SUPPORTED),
    ("no worse", -DELTA, 9, W.UNDECIDED),
    ("no worse", -9, -DELTA, W.UNDECIDED),
    ("no worse", -9, -DELTA - E, W.CONTRADICTED),
]


@pytest.mark.parametrize(("kind", "low", "high", "word"), POSITIONS)
def test_the_word_of_an_interval(kind, low, high, word):
    assert position(estimate(low, high), DELTA, kind) is word
    assert judge(Primary(estimate(low, high), DELTA, kind)).word is word


def test_equivalence_and_no_worse_know_three_words():
    ends = [-9, -DELTA - E, -DELTA, -DELTA + E, -E, 0, E, DELTA - E, DELTA, DELTA + E, 9]
    for kind in ("equivalence", "no worse"):
        words = {
            position(estimate(low, high), DELTA, kind)
            for low in ends
            for high in ends
            if low < high
        }
        assert words == {W.SUPPORTED, W.CONTRADICTED, W.UNDECIDED}


ABOVE, BELOW, INSIDE, ACROSS = (3, 5), (-5, -3), (-1, 1), (-1, 5)


@pytest.mark.parametrize(
    ("datasets", "word", "which"),
    [
        ({"D": ABOVE, "M": INSIDE}, W.SUPPORTED, ()),
        ({"D": ABOVE, "M": (-5, -DELTA)}, W.SUPPORTED, ()),
        ({"D": ABOVE, "M": (-5, -DELTA - E)}, W.PARTLY, ("M",)),
    ],
)
def test_one_dataset_against_a_mean_that_supports(datasets, word, which):
    places = {name: estimate(*ends) for name, ends in datasets.items()}
    found = judge(Primary(estimate(*ABOVE), DELTA, datasets=places))
    assert (found.word, found.which) == (word, which)
    # a word other than supported stays
    assert judge(Primary(estimate(0.5, 5), DELTA, datasets=places)).word is W.DIRECTION


@pytest.mark.parametrize(
    ("low", "high", "unarrived", "word"),
    [
        (3, 5, 0.05, W.SUPPORTED),
        (3, 5, 0.1, W.DIRECTION),
        (0.5, 1, 0.1, W.UNDECIDED),
        (0.5, 5, 0.1, W.UNDECIDED),
        (-5, -3, 0.1, W.CONTRADICTED),
        (-1, 1, 0.1, W.NO_EFFECT),
    ],
)
def test_a_denominator_that_does_not_arrive_weakens_a_yes(low, high, unarrived, word):
    assert judge(Primary(estimate(low, high), DELTA, unarrived=unarrived)).word is word


@pytest.mark.parametrize(
    ("control", "word"),
    [
        ((DELTA + E, 9), W.INVALID),
        ((-9, -DELTA - E), W.INVALID),
        ((DELTA, 9), W.SUPPORTED),
        ((0.1, 1.9), W.SUPPORTED),
    ],
)
def test_a_control_fails_only_if_it_lies_entirely_beyond_the_margin(control, word):
    primary = Primary(estimate(*ABOVE), DELTA, controls={"arm": estimate(*control)})
    assert judge(primary).word is word
    assert judge(primary).which == (("arm",) if word is W.INVALID else ())


@pytest.mark.parametrize(
    ("kind", "ends", "seen", "missed"),
    [
        ("effect", INSIDE, W.NO_EFFECT, W.UNDECIDED),
        ("effect", ABOVE, W.SUPPORTED, W.SUPPORTED),
        ("effect", BELOW, W.CONTRADICTED, W.CONTRADICTED),
        ("effect", (E, DELTA - E), W.SMALL, W.SMALL),
        ("equivalence", INSIDE, W.SUPPORTED, W.UNDECIDED),
        ("equivalence", (E, DELTA - E), W.SUPPORTED, W.UNDECIDED),
        ("equivalence", ABOVE, W.CONTRADICTED, W.CONTRADICTED),
        ("no worse", ACROSS, W.SUPPORTED, W.UNDECIDED),
        ("no worse", (0, 5), W.SUPPORTED, W.UNDECIDED),
        # a gain was seen
        ("no worse", (E, 5), W.SUPPORTED, W.SUPPORTED),
        ("no worse", BELOW, W.CONTRADICTED, W.CONTRADICTED),
    ],
)
def test_no_difference_is_found_only_where_a_planted_one_is_seen(kind, ends, seen, missed):
    for planted, word in (((E, 9), seen), ((0, 9), missed)):
        controls = {"arm": estimate(1, 9), "reference": estimate(*planted)}
        found = judge(Primary(estimate(*ends), DELTA, kind, planted=controls))
        assert found.word is word
        assert found.which == (() if word is seen else ("reference",))


def test_a_margin_is_positive():
    with pytest.raises(DataError, match="margin is 0"):
        judge(Primary(estimate(*ABOVE), 0))


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ([W.SUPPORTED, W.SUPPORTED], W.SUPPORTED),
        ([W.SUPPORTED, W.DIRECTION], W.DIRECTION),
        ([W.SUPPORTED, W.SMALL, W.DIRECTION], W.SMALL),
        ([W.SUPPORTED, W.UNDECIDED], W.UNDECIDED),
        ([W.SUPPORTED, W.UNDECIDED, W.NO_EFFECT], W.PARTLY),
        ([W.SMALL, W.NO_EFFECT], W.PARTLY),
        ([W.DIRECTION, W.WRONG_DIRECTION], W.PARTLY),
        ([W.SUPPORTED, W.CONTRADICTED], W.PARTLY),
        ([W.SUPPORTED, W.PARTLY], W.PARTLY),
        ([W.UNDECIDED, W.NO_EFFECT], W.NO_EFFECT),
        ([W.NO_EFFECT, W.WRONG_DIRECTION], W.WRONG_DIRECTION),
        ([W.UNDECIDED, W.CONTRADICTED], W.CONTRADICTED),
        ([W.SUPPORTED, W.NOT_TESTED], W.SUPPORTED),
        ([W.NOT_TESTED, W.NOT_TESTED], W.NOT_TESTED),
        ([], W.NOT_TESTED),
        ([W.SUPPORTED, W.INVALID], W.INVALID),
        ([W.NOT_TESTED, W.INVALID], W.INVALID),
    ],
)
def test_co_primaries_must_all_hold(words, word):
    assert combine(words) is word
    assert combine(words[::-1]) is word


@pytest.mark.parametrize(
    ("holds", "word"),
    [
        ([True], W.SUPPORTED),
        ([False], W.CONTRADICTED),
        ([True, False], W.PARTLY),
        ([False, False], W.CONTRADICTED),
        ([], W.NOT_TESTED),
    ],
)
def test_exact_claims(holds, word):
    assert exact(holds) is word


@pytest.mark.parametrize(
    ("arm", "reference", "kind", "left_out"),
    [
        (50, 96, "effect", False),
        (50, 96 + E, "effect", True),
        (99, 50, "effect", False),
        (99, 50, "equivalence", True),
        (50, 99, "equivalence", True),
        (96, 96, "equivalence", False),
        (100, 100, "no worse", False),
    ],
)
def test_the_ceiling(arm, reference, kind, left_out):
    assert at_ceiling(arm, reference, DELTA, kind) is left_out


def test_p_is_that_of_what_the_claim_says():
    each = estimate(0, 2)
    below, above = each.tails(-DELTA)[0], each.tails(DELTA)[1]
    assert p_value(each, DELTA, "effect") == pytest.approx(2 * each.tails(0)[0])
    assert p_value(each, DELTA, "equivalence") == pytest.approx(2 * max(below, above))
    assert p_value(each, DELTA, "no worse") == pytest.approx(2 * below)


def test_how_many_arms_may_differ_from_themselves():
    # of 60: P(more than 7) is below 1 %, P(more than 6) is not
    terms = [math.comb(60, k) * 0.05**k * 0.95 ** (60 - k) for k in range(61)]
    assert sum(terms[8:]) < 0.01 < sum(terms[7:])
    assert alarms_allowed(60) == 7


UP, DOWN, GONE, WIDE = (
    Line(name, estimate(centre - 1, centre + 1, deviation=deviation), DELTA)
    for name, centre, deviation in (
        ("up", 9, 1),
        ("down", -9, 1),
        ("gone", 0, 0.4),
        ("wide", 0, 2),
    )
)
LITTLE = Line("little", estimate(0.3 * DELTA, 0.5 * DELTA, deviation=0.05 * DELTA), DELTA)
FURTHER = Line("further", estimate(-13, -11), DELTA)


@pytest.mark.parametrize(
    ("word", "sign", "kind", "lines", "told"),
    [
        (W.SUPPORTED, 1, "effect", [UP, WIDE], []),
        (W.SUPPORTED, 1, "effect", [GONE, UP, DOWN], [("reversal", "down"), ("vanishing", "gone")]),
        (
            *(W.SMALL, 1, "effect", [GONE, DOWN, FURTHER]),
            [("reversal", "further"), ("reversal", "down")],
        ),
        # small and there beside a yes that may be small itself; gone where the sign is open
        (W.SMALL, 1, "effect", [LITTLE, GONE], [("vanishing", "gone")]),
        (W.DIRECTION, 1, "effect", [LITTLE], []),
        (W.SUPPORTED, 1, "effect", [LITTLE], [("vanishing", "little")]),
        (
            W.CONTRADICTED,
            -1,
            "effect",
            [DOWN, UP, GONE],
            [("reversal", "up"), ("vanishing", "gone")],
        ),
        (W.NO_EFFECT, 1, "effect", [GONE, UP], [("appearing", "up")]),
        (W.UNDECIDED, 1, "effect", [GONE, DOWN], [("appearing", "down")]),
        (W.WRONG_DIRECTION, -1, "effect", [UP, DOWN, GONE], []),
        (W.PARTLY, 1, "effect", [UP, DOWN, GONE], []),
        (W.SUPPORTED, 1, "equivalence", [GONE, UP], [("reversal", "up")]),
        (W.SUPPORTED, 1, "no worse", [GONE, UP, DOWN], [("reversal", "down")]),
        (W.CONTRADICTED, 1, "equivalence", [UP, DOWN], [("reversal", "down")]),
        (W.SUPPORTED, 1, "effect", [], []),
    ],
)
def test_the_headline_of_the_scope(word, sign, kind, lines, told):
    primary = estimate(*(ABOVE if sign > 0 else BELOW))
    found = outcomes(word, primary, lines, kind)
    assert [(each.role, each.line.name) for each in found[:TOLD]] == told


def test_lines_of_the_scope_share_a_level():
    # beyond the margin at 5 % by itself, but not at 5 % over four lines
    line = Line("weak", estimate(-6, -2.1, deviation=(4.05 - DELTA) / 2.2), DELTA)
    assert outcomes(W.SUPPORTED, estimate(*ABOVE), [line])
    assert not outcomes(W.SUPPORTED, estimate(*ABOVE), [line, UP, UP, UP])


def test_every_word_can_be_said():
    assert set(SAID) == set(Word)
    assert said(W.CONTRADICTED, "effect").answer == "No, the reverse"
    assert said(W.CONTRADICTED, "no worse").answer_zh == "否，更差"
    assert (
        said(W.CONTRADICTED, "exact").answer == said(W.CONTRADICTED, "equivalence").answer == "No"
    )
    assert said(W.SMALL, "effect") is SAID[W.SMALL]


@pytest.mark.parametrize(
    ("effect", "kind", "width"),
    [
        (0.0, "effect", 2.0),
        (1.0, "effect", 1.0),
        (0.5, "effect", 1.5),
        (-3.0, "effect", 3.0),
        (1.5, "equivalence", 0.5),
        (-2.5, "equivalence", 0.5),
        (-1.0, "no worse", 1.0),
        (4.0, "no worse", 6.0),
    ],
)
def test_how_many_units_would_decide(effect, kind, width):
    from scipy import stats

    deviation, n = 5.0, 20
    half = stats.t.ppf(0.975, n - 1) * deviation / math.sqrt(n)
    units = units_to_decide(estimate(effect - half, effect + half, n=n), DELTA, kind)

    def half_width(count):
        return stats.t.ppf(0.975, count - 1) * deviation / math.sqrt(count)

    assert half_width(units) <= width < half_width(units - 1)


def test_nothing_decides_an_effect_on_the_very_margin():
    assert units_to_decide(estimate(1, 3), DELTA, "equivalence") is None
    assert units_to_decide(estimate(-math.inf, math.inf), DELTA) is None
