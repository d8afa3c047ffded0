"""Half-widths against margins, and the units that they would take."""

import pandas as pd
import pytest

from unstuck.report.forecast import forecast

ROWS = pd.DataFrame(
    [
        # half of the interval is 2 δ: four times the units
        ("1.2.5", "", "primary", "difference", 1.0, 0.5, -1.5, 2.5, 20),
        # that of ×4 to ×16 is ×2, δ is ×4
        ("2.1.4", "A", "primary", "ratio", 4.0, 8.0, 4.0, 16.0, 20),
        ("2.1.4", "B", "primary", "ratio", 2.0, 8.0, 2.0, 32.0, 10),
        ("2.1.4", "", "scope", "ratio", 2.0, 8.0, 2.0, 32.0, 10),
        ("2.1.9", "", "primary", "difference", 1.0, float("nan"), float("nan"), float("nan"), 0),
    ],
    columns=["claim", "line", "role", "scale", "margin", "effect", "low", "high", "units"],
)


def test_the_units_that_bring_a_half_width_to_its_margin():
    found = forecast(ROWS).set_index(["claim", "part"])
    assert list(found.index) == [("1.2.5", ""), ("2.1.4", "A"), ("2.1.4", "B")]
    assert found["half_width"].tolist() == pytest.approx([2, 2, 4])
    assert found["units_needed"].tolist() == [80, 20, 40]
