"""Claim 1.2.9 on planted walks along valleys."""

from pathlib import Path

import pytest
from made_up.batch_momentum_valleys import tables

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.2.9"]


def verdict(given):
    evidence = evaluate(CLAIM, given)
    return evidence, decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0]


def test_the_root_of_kappa_at_the_best_momentum_alone_makes_it_depend():
    evidence, found = verdict(tables())
    assert (found.verdict, found.control) == ("depends", "passed")
    assert evidence.numbers["exponent_best"] == pytest.approx(0.5)
    assert evidence.numbers["exponent_usual"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("power", "holds"), [(0.4, False), (0.46, True), (0.54, True), (0.6, False)]
)
def test_an_exponent_beyond_the_tolerance_is_found(power, holds):
    evidence, _ = verdict(tables(power=power))
    check = next(each for each in evidence.checks if "best momentum, over" in each.name)
    assert check.value == pytest.approx(power, abs=0.001)
    assert check.holds is holds


def test_the_usual_momentum_with_the_root_of_kappa_supports_the_claim():
    given = tables()
    usual = given["momentum"]["walker"] == "usual"
    kappa = given["momentum"]["surface"].str.removeprefix("kappa_").astype(float)
    for name in ("arrived", "settled"):
        slow = 1.2 - 0.2 * (given["momentum"]["rate"] == 3.7)
        given["momentum"].loc[usual, name] = (20 * kappa**0.5 * slow)[usual]
    assert verdict(given)[1].verdict == "supported"


def test_a_rate_on_the_edge_carries_no_verdict():
    given = tables()
    keep = (given["momentum"]["walker"] != "usual") | (given["momentum"]["rate"] >= 3.7)
    given["momentum"] = given["momentum"][keep]
    evidence, found = verdict(given)
    assert not any(each.condition.get("part") in ("usual", "faster") for each in evidence.checks)
    assert found.verdict == "inconclusive"


def test_a_gain_without_a_valley_makes_it_invalid():
    given = tables()
    round_bowl = given["descent"]["surface"] == "kappa_1"
    given["descent"].loc[round_bowl, ["arrived", "settled"]] = 2.0
    assert verdict(given)[1].verdict == "invalid"


def test_a_path_off_the_closed_form_makes_it_invalid():
    given = tables()
    given["momentum_paths"]["distance"] *= 1.01
    assert verdict(given)[1].verdict == "invalid"
