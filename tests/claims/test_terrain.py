"""Claim 2.1.6 on planted walks over a slope of changing steepness."""

from pathlib import Path

import numpy as np
import pytest
from made_up.adaptive_rates_terrain import paths, updates_to_settle, walks

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.1.6"]
POINTS = paths()


def verdicts(table):
    evidence = evaluate(CLAIM, {"walks": table, "paths": POINTS})
    return evidence, decide({CLAIM.id: CLAIM}, [evidence])


def effects(found, measure):
    table = found.contrasts
    return table[(table["role"] == "effect") & (table["measure"] == measure)]


def slower(factor):
    """Adagrad slower than RMSProp by a factor."""

    def settle(walker, rate):
        return (factor if walker == "adagrad" else 1) * updates_to_settle("", rate)

    return settle


@pytest.mark.parametrize(
    ("factor", "expected"), [(4, "supported"), (1, "no effect"), (0.25, "contradicted")]
)
def test_a_planted_gain_is_found(factor, expected):
    _, found = verdicts(walks(settle=slower(factor)))
    assert found.claims["control"].iloc[0] == "passed"
    arrivals = effects(found, "arrival")
    assert len(arrivals) == 16
    assert set(arrivals["verdict"]) == {expected}
    assert np.exp(arrivals["effect"].mean()) == pytest.approx(factor, rel=0.1)


@pytest.mark.parametrize(
    ("factor", "expected"), [(4, "supported"), (1, "no effect"), (0.25, "contradicted")]
)
def test_a_planted_floor_is_found(factor, expected):
    def late(walker, rate):
        return 1e-3 * rate / (factor if "decayed" in walker else 1)

    _, found = verdicts(walks(late=late))
    assert set(effects(found, "floor")["verdict"]) == {expected}


def owed(found):
    return effects(found, "owed").set_index("condition")["verdict"]


@pytest.mark.parametrize(
    ("factor", "expected"), [(4, "supported"), (1, "no effect"), (0.25, "contradicted")]
)
def test_what_a_change_adds_is_told_from_what_is_there_without_one(factor, expected):
    """RMSProp settles twice as soon on both slopes; the change multiplies that by a factor."""
    table = walks(settle=slower(2))
    late = (table["surface"] == "changing") & (table["walker"] == "adagrad")
    table.loc[late, "settled"] = (factor * table.loc[late, "settled"]).round()
    _, found = verdicts(table)
    assert set(owed(found)) == {expected}
    assert found.claims["control"].iloc[0] == "passed"


def test_a_rate_too_small_on_any_slope_owes_nothing_to_the_change():
    """At 0.01 Adagrad arrives nowhere: an advantage on both slopes, and no ratio between them."""
    table = walks(settle=slower(4))
    table.loc[(table["walker"] == "adagrad") & (table["rate"] == 0.01), "settled"] = np.nan
    _, found = verdicts(table)
    arrivals = effects(found, "arrival").set_index("condition")["verdict"]
    for surface in ("changing", "even"):
        assert arrivals[f"alpha=half; rate=default; surface={surface}"] == "supported"
    assert owed(found)["alpha=half; rate=default"] == "inconclusive"
    assert owed(found)["alpha=half; rate=best"] == "no effect"


def test_a_floor_that_does_not_follow_the_rate_contradicts():
    table = walks(settle=slower(4), late=lambda walker, rate: 1e-3 * rate**0.5)
    evidence, found = verdicts(table)
    failed = [each.name for each in evidence.checks if not each.holds]
    assert failed == ["exponent of the rate in the distance that RMSProp keeps, α = 0.9"]
    assert found.claims["verdict"].iloc[0] == "depends"
    assert found.claims["reason"].iloc[0].endswith("; contradicted")


def test_arms_that_do_not_settle_carry_no_verdict():
    _, found = verdicts(walks(settle=lambda walker, rate: 1e6))
    arrivals = effects(found, "arrival")
    assert set(arrivals["verdict"]) == {"inconclusive"}
    assert arrivals["reason"].str.contains("fewer than half").any()


def test_a_rate_on_the_edge_carries_no_verdict():
    _, found = verdicts(walks(settle=lambda walker, rate: 500 / rate**0.5))
    best = effects(found, "arrival")
    best = best[best["condition"].str.contains("best")]
    assert set(best["verdict"]) == {"inconclusive"}


def test_sigma_forgets_as_the_closed_form_says():
    evidence, _ = verdicts(walks())
    memory = [each for each in evidence.checks if "forgets" in each.name]
    assert len(memory) == 4
    assert all(each.holds for each in memory)
