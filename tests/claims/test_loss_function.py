"""Claim 2.2.4 on planted speeds."""

from pathlib import Path

import numpy as np
import pytest
from made_up.classification_losses import curves

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.2.4"]


def verdict(factor, *, alone=None, **fields):
    table = curves(factor, **fields)
    tables = {"curves": table, "control": alone if alone is not None else curves(factor, seeds=20)}
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, tables)])


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1.5**2, "supported"), (1.0, "no effect"), (1.5**-2, "contradicted")],
)
def test_a_planted_factor_is_found(factor, expected):
    decided = verdict(lambda *place: factor)
    found = decided.claims.iloc[0]
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    effects = decided.contrasts[decided.contrasts["role"] == "effect"]
    np.testing.assert_allclose(np.exp(effects["effect"]), factor, rtol=0.12)


def test_a_factor_at_the_margin_is_not_decided():
    found = verdict(lambda *place: 1.5).claims.iloc[0]
    assert found.verdict == "inconclusive"


def test_a_loss_that_is_slow_from_wrong_starts_alone_is_told_apart():
    found = verdict(lambda loss, start, optimizer: 4.0 if start == "wrong" else 1.0).claims.iloc[0]
    assert found.verdict == "depends"
    assert "no effect from an ordinary start" in found.reason


def test_runs_that_never_arrive_count_their_budget_and_are_said_so():
    slow = curves(lambda *place: 1000.0)
    evidence = evaluate(CLAIM, {"curves": slow, "control": curves(lambda *place: 1.0, seeds=20)})
    taken = evidence.tables["updates"]
    late = taken[taken["loss"] != "cross_entropy"]
    assert not late["arrived"].any()
    assert (late["updates"] == late["budget"]).all()
    effects = [each for each in evidence.contrasts if each.role == "effect"]
    assert all(each.usable and "did not arrive" in each.note for each in effects)
    assert evidence.numbers["not_arrived"] == len(late)


def test_where_no_arm_arrives_nothing_is_concluded():
    table = curves(lambda *place: 1.0).assign(target=1.5)
    found = decide(
        {CLAIM.id: CLAIM}, [evaluate(CLAIM, {"curves": table, "control": table})]
    ).claims.iloc[0]
    assert found.verdict == "inconclusive"


def test_a_rate_on_the_edge_carries_no_verdict():
    table = curves(lambda *place: 3.0)
    table["edge"] = (table["loss"] == "squared_error") & (table["optimizer"] == "sgd")
    tables = {"curves": table, "control": curves(lambda *place: 1.0, seeds=20)}
    found = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, tables)]).claims.iloc[0]
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_seeds_that_differ_by_themselves_fail_the_control():
    leaky = curves(lambda *place: 1.0, seeds=20, later=3.0)
    found = verdict(lambda *place: 3.0, alone=leaky).claims.iloc[0]
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_a_missing_loss_is_refused():
    table = curves(lambda *place: 1.0)
    with pytest.raises(DataError, match="no runs with loss 'squared_error'"):
        evaluate(CLAIM, {"curves": table[table["loss"] != "squared_error"], "control": table})


def test_how_sure_the_wrong_starts_are_is_reported():
    table = curves(lambda *place: 1.0)
    numbers = evaluate(CLAIM, {"curves": table, "control": table}).numbers
    assert numbers["p_true_sure_and_wrong"] == pytest.approx(np.exp(-9.0))
