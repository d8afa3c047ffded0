"""Reductions of paths against numbers worked out by hand."""

import math

import pandas as pd
import pytest

from unstuck.claims.reductions.summaries import at_common_level


def test_a_common_level_is_the_least_that_both_arms_come_to():
    rows = pd.DataFrame(
        {
            "unit": 0,
            "run": ["a"] * 3 + ["b"] * 3,
            "update": [0, 1, 2] * 2,
            "loss": [3.0, 2.0, 1.0, 3.0, 1.5, 0.5],
            "size": [1.0, math.e, math.e**2, 5.0, 6.0, 7.0],
        }
    )
    found = at_common_level(rows, rows, column="size", level="loss", along="update")
    # `a` ends at 1; `b` passes it half-way between its last two points
    assert found["a"] == pytest.approx(math.e**2)
    assert found["b"] == pytest.approx(math.sqrt(6 * 7))
