"""Claim 3.2.5 on planted effects."""

from pathlib import Path

import numpy as np
import pytest
from made_up.convolution import halves_runs, halves_tables

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.2.5"]


def verdict(runs):
    evidence = evaluate(CLAIM, halves_tables(runs))
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


def with_effect(points):
    """Shared weights better by so many points, pooled or not."""
    runs = halves_runs(0.0)
    runs.loc[runs["architecture"] == "conv2d", "test_accuracy"] += points / 100
    return runs


@pytest.mark.parametrize(
    ("points", "expected"), [(20.0, "supported"), (0.0, "no effect"), (-20.0, "contradicted")]
)
def test_a_planted_effect_is_found(points, expected):
    found, _ = verdict(with_effect(points))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert found.effect == pytest.approx(points, abs=1)


def test_a_gain_by_pooling_alone_depends_on_it():
    found, _ = verdict(halves_runs(50.0))
    assert found.verdict == "depends"
    assert found.reason == (
        "supported where each map is pooled over all places; "
        "no effect where the last layer has weights of its own for each place"
    )


def test_rivals_that_learnt_nothing_make_it_invalid():
    runs = with_effect(20.0)
    runs.loc[runs["architecture"] == "dense", "validation_accuracy"] = 0.15
    found, _ = verdict(runs)
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_rivals_that_find_their_patterns_anywhere_refute_the_claim():
    runs = halves_runs(0.0)
    runs["test_accuracy"] = runs["validation_accuracy"] - 0.01 * runs["seed"] / 10
    found, _ = verdict(runs)
    assert (found.verdict, found.control) == ("no effect", "passed")


def test_a_leak_between_seeds_fails_the_control():
    runs = with_effect(20.0)
    shared = runs["architecture"] == "conv2d"
    leaked = (shared & (runs["seed"] >= 5)) | (~shared & (runs["seed"] % 2 == 0))
    runs.loc[leaked, "test_accuracy"] += 0.2
    assert verdict(runs)[0].control == "failed"


def test_a_rate_on_the_edge_carries_no_verdict():
    runs = with_effect(20.0)
    runs.loc[(runs["architecture"] == "local2d") & (runs["dataset"] == "a_halves"), "edge"] = True
    found, _ = verdict(runs)
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_a_diverged_run_scores_nothing_and_is_counted():
    runs = with_effect(20.0)
    lost = (
        (runs["architecture"] == "conv2d") & (runs["seed"] == 3) & (runs["dataset"] == "a_halves")
    )
    runs.loc[lost, "diverged_at"] = 7.0
    _, evidence = verdict(runs)
    assert evidence.numbers["diverged"] == 2
    assert evidence.contrasts[0].values[3] < -30


def test_a_missing_family_is_named():
    runs = halves_runs()
    with pytest.raises(DataError, match="'local'"):
        verdict(runs[runs["architecture"] != "local2d"])


def test_what_was_lost_is_quoted():
    _, evidence = verdict(halves_runs(50.0))
    assert evidence.numbers["lost_a_halves_shared_mean"] == pytest.approx(5, abs=1)
    assert evidence.numbers["lost_a_halves_full_flatten"] == pytest.approx(55, abs=1)
    assert np.isclose(evidence.tables["places"]["accuracy"].max(), 0.9)
