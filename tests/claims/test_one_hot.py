"""Claim 2.2.1 on planted differences between one-hot targets and class numbers."""

from pathlib import Path

import pytest
from made_up.classification_codes import SEEDS, coded_runs

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.2.1"]


def verdict(runs):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, {"runs": runs})]).claims.iloc[0]


def test_a_planted_gain_supports_the_claim():
    found = verdict(coded_runs(loss=4.0, ordered=0.0))
    assert found.verdict == "supported", found.reason
    assert found.control == "passed"


@pytest.mark.parametrize(("loss", "words"), [(0.0, "no effect"), (-4.0, "contradicted")])
def test_without_a_gain_the_part_about_unordered_classes_falls(loss, words):
    found = verdict(coded_runs(loss=loss, ordered=0.0))
    assert found.verdict == "depends", found.reason
    assert f"{words} for test accuracy with one-hot targets" in found.reason


def test_numbers_that_lose_on_ordered_classes_too_are_told():
    found = verdict(coded_runs(loss=4.0, ordered=-4.0))
    assert found.verdict == "depends"
    assert "contradicted for test accuracy with the numbers of ordered classes" in found.reason


def test_a_permutation_that_changes_nothing_where_there_is_an_order_fails_the_control():
    found = verdict(coded_runs(loss=4.0, permuted=0.0))
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_one_hot_targets_that_depend_on_the_numbering_fail_the_control():
    runs = coded_runs(loss=4.0)
    moved = (runs["loss"] == "squared_error") & (runs["relabel"] == 1)
    runs.loc[moved, "test_accuracy"] -= 0.05
    assert verdict(runs).verdict == "invalid"


def test_a_leak_between_seeds_of_ordered_classes_fails_the_control():
    runs = coded_runs(loss=4.0)
    ordered = runs["dataset"].str.endswith("brightness")
    runs.loc[ordered & (runs["seed"] >= 6), "test_accuracy"] -= 0.05
    assert verdict(runs).verdict == "invalid"


def test_the_mean_over_numberings_counts():
    runs = coded_runs(loss=4.0)
    one = (runs["loss"] == "class_number") & (runs["relabel"] == 2) & (runs["dataset"] == "digits")
    runs.loc[one, "test_accuracy"] -= 0.08
    evidence = evaluate(CLAIM, {"runs": runs})
    (effect,) = (
        each
        for each in evidence.contrasts
        if each.dataset == "digits" and each.role == "effect" and each.measure == "unordered"
    )
    assert len(effect.values) == SEEDS
    assert sum(effect.values) / SEEDS == pytest.approx(4 + 8 / 4, abs=0.3)


def test_a_rate_on_the_edge_carries_no_verdict():
    runs = coded_runs()
    runs["edge"] = runs["relabel"] == 3
    found = verdict(runs)
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_one_code_alone_is_refused():
    runs = coded_runs()
    with pytest.raises(DataError, match="needs runs with one-hot targets"):
        evaluate(CLAIM, {"runs": runs[runs["loss"] == "class_number"]})
