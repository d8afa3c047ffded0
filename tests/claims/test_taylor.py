"""Claim 1.1.1 on planted remainders."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.critical_points_taylor import slope_of
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.1"]
RADII = 10.0 ** np.array([-10, -9, -8, -5.5, -5, -4.5, -4])
POINTS = {"initial": 0.5, "critical": 0.0, "kink": 0.5}  # slope of the loss along a direction


def tables(third=0.2, kink=0.3, slope_at_critical=0.0):
    """Remainders of slope·r + r² + third·r³, with a jump of the slope at the kink."""
    points, rows = [], []
    for point, slope in POINTS.items():
        along = slope_at_critical if point == "critical" else slope
        case = "ReLU" if point == "kink" else "tanh"
        points.append({"case": case, "point": point, "kind": "", "gradient_norm": abs(along)})
        for direction in ("random 0", "lowest", "highest"):
            jump = kink if point == "kink" and direction == "highest" else 0.0
            for order in range(3):
                terms = [along * RADII, 2 * RADII**2, third * RADII**3]
                size = jump * RADII + sum(terms[order:])
                rounding = 1e-16 * RADII
                for radius, remainder, error in zip(RADII, size, rounding, strict=True):
                    rows.append(
                        {
                            "case": case,
                            "point": point,
                            "direction": direction,
                            "shown": direction == "random 0",
                            "order": order,
                            "radius": radius,
                            "remainder": remainder,
                            "rounding": error,
                            "slope": along,
                            "curvature": 4.0,
                        }
                    )
    return {"points": pd.DataFrame(points), "remainders": pd.DataFrame(rows)}


def verdict(given):
    evidence = evaluate(CLAIM, given)
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


def test_the_expansion_holds_where_the_loss_is_smooth_and_not_at_a_kink():
    found, evidence = verdict(tables())
    assert (found.verdict, found.control) == ("depends", "passed")
    assert "supported where the loss is smooth" in found.reason
    assert "contradicted at a kink of a ReLU network" in found.reason
    slopes = evidence.tables["slopes"]
    smooth = slopes[slopes["point"] == "initial"]
    np.testing.assert_allclose(smooth["slope"], smooth["order"] + 1, atol=1e-3)
    assert evidence.numbers["slopes_lost_in_rounding"] == 0


def test_without_a_jump_it_holds_everywhere():
    found, _ = verdict(tables(kink=0.0))
    assert found.verdict == "supported", found.reason


def test_a_slope_that_is_left_at_a_critical_point_contradicts():
    found, _ = verdict(tables(kink=0.0, slope_at_critical=1e-6))
    assert found.verdict == "depends"
    assert "contradicted where the loss is smooth" in found.reason


def test_remainders_without_third_order_are_counted_and_no_slope_is_made_up():
    found, evidence = verdict(tables(third=0.0, kink=0.0))
    assert found.verdict == "contradicted"
    assert evidence.numbers["slopes_lost_in_rounding"] == 9
    assert any(np.isnan(check.value) for check in evidence.checks)


def test_a_wrong_curvature_fails_the_control():
    given = tables()
    given["remainders"]["curvature"] = 0.0
    found, _ = verdict(given)
    assert found.verdict == "invalid"


def test_a_study_without_a_kink_leaves_it_undecided():
    given = {name: table[table["point"] != "kink"] for name, table in tables().items()}
    found, _ = verdict(given)
    assert found.verdict == "inconclusive"
    assert "no evidence" in found.reason


def test_the_limit_of_the_slope_is_found_where_the_next_term_is_large():
    radii = np.array([1e-5, 3e-5, 1e-4, 1e-3])
    sizes = radii**3 * (1 + 2000 * radii)
    assert slope_of(radii, sizes, 0 * radii) == pytest.approx(3, abs=0.02)
    assert np.polyfit(np.log(radii), np.log(sizes), 1)[0] > 3.2
    # the two smallest drown in rounding, which leaves too few
    assert np.isnan(slope_of(radii, sizes, np.array([1.0, 1.0, 0.0, 0.0])))


def test_a_table_without_critical_points_is_refused():
    given = tables()
    given["points"] = given["points"][given["points"]["point"] != "critical"]
    with pytest.raises(DataError, match="has no critical point"):
        evaluate(CLAIM, given)
