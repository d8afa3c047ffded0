"""Claim 3.1.5 on planted differences between running averages and other statistics."""

from pathlib import Path

import pytest
from made_up.batch_normalisation_inference import inference_scores, short_memory

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.1.5"]


def flat(points):
    """Averages that are off by so many points, but for those that cannot have moved yet."""
    return lambda dataset, size, update, p: -20.0 if p == 0.999 else points


def verdict(scores):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, {"scores": scores})]).claims.iloc[0]


def test_averages_as_good_as_the_population_support_the_claim():
    found = verdict(inference_scores(flat(0.0)))
    assert (found.verdict, found.control) == ("supported", "passed"), found.reason


@pytest.mark.parametrize("points", [2.0, -2.0])
def test_averages_that_are_off_contradict_it(points):
    # against batch statistics they are off by as much
    found = verdict(inference_scores(flat(points)))
    assert (found.verdict, found.control) == ("contradicted", "passed"), found.reason


def test_batch_statistics_that_differ_contradict_that_part():
    found = verdict(inference_scores(flat(0.0), batch=3.0))
    assert found.verdict == "depends"
    assert "contradicted for test accuracy with running averages less that with the stat" in (
        found.reason
    )


def test_long_memory_names_the_condition():
    found = verdict(inference_scores(short_memory))
    assert found.verdict == "depends"
    assert "p = 0.99" in found.reason.split("contradicted")[1]


def test_averages_that_cannot_have_moved_must_fail():
    found = verdict(inference_scores(lambda *place: 0.0))
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_a_leak_between_seeds_fails_the_control():
    scores = inference_scores(flat(0.0))
    leak = (scores["seed"] >= 10) & (scores["kind"] == "running")
    scores.loc[leak, "accuracy"] += 0.05
    assert verdict(scores).verdict == "invalid"


def test_a_leak_between_seeds_of_batch_statistics_fails_the_control():
    scores = inference_scores(flat(0.0))
    leak = (scores["seed"] >= 10) & (scores["kind"] == "batch")
    scores.loc[leak, "accuracy"] += 0.05
    found = verdict(scores)
    assert (found.verdict, found.control) == ("invalid", "failed")
    assert "less batch statistics" in found.reason


def test_exact_parts_hold():
    checks = evaluate(CLAIM, {"scores": inference_scores(seeds=2)}).checks
    assert len(checks) == 6
    assert all(check.holds for check in checks)


def test_missing_averages_are_named():
    scores = inference_scores(seeds=2)
    with pytest.raises(DataError, match=r"p = 0\.99 after 10 updates"):
        evaluate(CLAIM, {"scores": scores[scores["momentum"] != 0.99]})
