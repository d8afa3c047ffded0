"""Numbers and conditions in words."""

import doctest
import math

import numpy as np
import pytest

from unstuck import wording


def test_examples_of_the_docstrings_hold():
    done = doctest.testmod(wording)
    assert done.attempted > 0
    assert done.failed == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (-0.5, "−0.5"),
        (1234.5, "1,230"),
        (0.99999, "1"),
        (99.96, "100"),
        (1e-3, "0.001"),
        (9.99e-4, "9.99 × 10⁻⁴"),
        (-2.5e8, "−2.5 × 10⁸"),
        (math.nan, "none"),
        (-math.inf, "−∞"),
        (1797, "1,797"),
        (False, "no"),
        (None, "none"),
        ("tanh", "tanh"),
    ],
)
def test_numbers(value, said):
    assert wording.number(value) == said


@pytest.mark.parametrize(
    ("low", "high", "places"),
    [(1.2345, 2.3456, 1), (-0.012, 0.034, 3), (12.0, 57.0, 0), (2.0, 2.0, 2), (-math.inf, 1.0, 2)],
)
def test_intervals_have_the_digits_of_their_width(low, high, places):
    assert wording.decimals(low, high) == places


def test_ratios_are_given_as_ratios():
    assert wording.decimals(math.log(1.52), math.log(2.04), "ratio") == 2
    assert wording.effect(math.log(0.5), "ratio", 2) == "×0.50"
    assert wording.effect(math.log(129_383), "ratio", 0) == "×129,000"
    assert wording.effect(1e4, "ratio", 2) == "×∞"


@pytest.mark.parametrize("places", range(5))
def test_a_factor_is_shown_to_half_a_digit_and_never_as_nothing(places):
    for value in np.linspace(-30, 6, 361):
        shown = wording.effect(value, "ratio", places).removeprefix("×")
        least = float(shown.removeprefix("<"))
        assert least > 0
        if shown.startswith("<"):
            assert math.exp(value) < least
        else:
            assert abs(math.exp(value) - least) <= 0.5001 * 10.0**-places


def test_differences_have_signs():
    assert wording.effect(1.26, "difference", 1, sign=True) == "+1.3"
    assert wording.effect(-0.004, "difference", 2, sign=True) == "0.00"


def test_of_one_the_unit_is_singular():
    assert wording.counted("1", "percentage points") == "1 percentage point"
    assert wording.counted("1.5", "points") == "1.5 points"
    assert wording.counted("3", "") == "3"
