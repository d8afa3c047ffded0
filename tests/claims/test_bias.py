"""Claim 3.2.6 on planted effects."""

from pathlib import Path

import pytest
from made_up.convolution import bias_tables

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.2.6"]


def verdicts(tables):
    evidence = evaluate(CLAIM, tables)
    return decide({CLAIM.id: CLAIM}, [evidence]), evidence


def verdict(**effects):
    return verdicts(bias_tables(**effects))[0].claims.iloc[0]


@pytest.mark.parametrize("natural", [5.0, 4.0])
def test_all_three_effects_support_it(natural):
    found = verdict(natural=natural, permuted=0.0, fit=-4.0)
    assert (found.verdict, found.control) == ("supported", "passed"), found.reason


def test_as_good_is_no_harm():
    # no gain on data as they are, but none lost; permuting costs 4 points
    found = verdict(natural=0.0, permuted=-4.0, fit=-4.0)
    assert found.verdict == "supported", found.reason


def test_opposite_effects_contradict_it():
    found = verdict(natural=-4.0, permuted=0.0, fit=4.0)
    assert found.verdict == "contradicted", found.reason


@pytest.mark.parametrize(
    ("measure", "effects"),
    [
        ("flexibility", {"natural": 5.0, "fit": 0.0}),
        ("permuted", {"natural": 5.0, "permuted": 5.0, "fit": -4.0}),
    ],
)
def test_an_effect_that_is_not_there_makes_it_depend(measure, effects):
    made, _ = verdicts(bias_tables(**effects))
    assert made.claims.iloc[0].verdict == "depends"
    rows = made.contrasts[(made.contrasts["measure"] == measure)]
    assert set(rows[rows["role"] == "effect"]["verdict"]) == {"no effect"}


def test_permuting_that_costs_full_weights_fails_the_control():
    tables = bias_tables()
    full = tables["permuted"]["architecture"] == "dense"
    tables["permuted"].loc[full, "test_accuracy"] -= 0.05
    found = verdicts(tables)[0].claims.iloc[0]
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_random_labels_that_nobody_fits_are_no_measure():
    tables = bias_tables()
    tables["random"]["train_accuracy"] = 0.1
    assert verdicts(tables)[0].claims.iloc[0].verdict == "invalid"


def test_rivals_are_known_by_their_counts():
    _, evidence = verdicts(bias_tables())
    runs = evidence.tables["runs"]
    budgets = runs.groupby(["family", "parameters"])["budget"].unique()
    assert list(budgets["full", 1980]) == ["parameters"]
    assert list(budgets["full", 9100]) == ["compute"]
    assert list(budgets["local", 8000]) == ["compute"]
    assert list(budgets["shared", 2000]) == ["both"]
    assert evidence.numbers["multiply_adds_a_full_parameters"] == 1900


def test_a_rival_of_neither_budget_is_refused():
    tables = bias_tables()
    tables["natural"].loc[tables["natural"]["parameters"] == 1980, "parameters"] = 1500
    with pytest.raises(DataError, match="1,500 parameters"):
        verdicts(tables)


def test_one_size_is_refused():
    tables = bias_tables()
    tables["natural"] = tables["natural"][tables["natural"]["subset"] == 64]
    with pytest.raises(DataError, match="give two sizes"):
        verdicts(tables)


def test_an_edge_carries_no_verdict():
    tables = bias_tables()
    for name in ("natural", "permuted", "random"):
        table = tables[name]
        table.loc[table["architecture"] == "conv2d", "edge"] = True
    assert verdicts(tables)[0].claims.iloc[0].verdict == "inconclusive"
