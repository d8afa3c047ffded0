"""Claim 3.2.2 on made-up pairs."""

from pathlib import Path

import pytest
from made_up.convolution import pairs

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.2.2"]


def verdict(table):
    evidence = evaluate(CLAIM, {"pairs": table})
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


def test_twins_stay_and_others_part():
    found, evidence = verdict(pairs())
    assert (found.verdict, found.control) == ("depends", "passed")
    assert found.reason == (
        "supported where what follows weighs both alike; "
        "contradicted where each has outgoing weights of its own"
    )
    assert evidence.numbers["bit_identical_share_in_float32"] == 1.0


def test_one_bit_contradicts_in_float64_only():
    table = pairs()
    twins = table["pair"] == "field and outgoing"
    table.loc[twins & (table["dtype"] == "float32") & (table["update"] == 4), "weight_gap"] = 1e-7
    assert verdict(table)[0].verdict == "depends"
    table.loc[twins & (table["dtype"] == "float64") & (table["update"] == 4), "weight_gap"] = 1e-16
    assert verdict(table)[0].verdict == "contradicted"


def test_pairs_that_never_part_support_it_everywhere():
    table = pairs()
    own = table["pair"] == "field"
    table.loc[own, ["weight_gap", "output_gap", "merging_gap"]] = 0.0
    assert verdict(table)[0].verdict == "supported"


@pytest.mark.parametrize(
    ("rows", "column", "value"),
    [
        (lambda t: t["pair"] == "outgoing", "output_gap", 0.0),
        (lambda t: t["pair"] == "outgoing", "weight_gap", 0.0),
        (lambda t: t["update"] == 16, "loss", 2.4),
    ],
)
def test_controls_can_fail(rows, column, value):
    table = pairs()
    table.loc[rows(table), column] = value
    assert verdict(table)[0].verdict == "invalid"


def test_a_study_without_two_fields_is_refused():
    table = pairs()
    with pytest.raises(DataError, match="'outgoing'"):
        verdict(table[table["pair"] != "outgoing"])
