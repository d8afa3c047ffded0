"""Claim 3.1.1 on planted slopes."""

from pathlib import Path

import numpy as np
import pytest
from made_up.batch_normalisation_scale import scale_tables

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.1.1"]


def verdict(tables):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, tables)]).claims.iloc[0]


@pytest.mark.parametrize(
    ("factor", "expected"), [(4.0, "supported"), (1.0, "no effect"), (0.25, "contradicted")]
)
def test_a_planted_factor_is_found(factor, expected):
    found = verdict(scale_tables({"sgd": factor, "adam": factor}, steeper=factor))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"


def test_an_optimizer_that_does_not_mind_is_told_apart():
    found = verdict(scale_tables({"sgd": 8.0, "adam": 1.1}))
    assert found.verdict == "depends"
    assert "no effect for updates" in found.reason
    assert "by Adam" in found.reason


@pytest.mark.parametrize("planted", ["runs", "curvature"])
def test_scales_that_matter_by_which_draw_they_are_fail_the_control(planted):
    tables = scale_tables()
    tables[planted] = scale_tables(redrawn=3.0)[planted]
    found = verdict(tables)
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_one_lucky_assignment_of_scales_is_no_effect_of_scales():
    tables = scale_tables({"sgd": 1.0, "adam": 1.0}, steeper=1.0)
    lucky = (tables["runs"]["spread"] == 10) & (tables["runs"]["seed"] == 0)
    tables["runs"].loc[lucky, "arrived"] *= 30
    decided = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, tables)])
    assert decided.claims.iloc[0].verdict in ("no effect", "inconclusive")
    updates = decided.contrasts.query("measure == 'updates' and role == 'effect'")
    # the interval knows that assignments differ
    assert (updates["ci_high"] - updates["ci_low"] > 0.3).all()


def test_eigenvalues_that_are_zero_for_no_reason_fail_the_control():
    tables = scale_tables()
    tables["curvature"].loc[0, "zero"] = 12
    assert verdict(tables).verdict == "invalid"


def test_runs_that_do_not_arrive_count_their_budget():
    tables = scale_tables({"sgd": 1e4, "adam": 1.0})
    evidence = evaluate(CLAIM, tables)
    (effect,) = (
        each
        for each in evidence.contrasts
        if each.dataset == "digits_pca8"
        and each.condition.get("optimizer") == "sgd"
        and each.role == "effect"
    )
    assert effect.usable
    assert "did not arrive" in effect.note
    assert max(effect.values) <= np.log(2000 / 30)


def test_a_rate_on_the_edge_carries_no_verdict():
    tables = scale_tables()
    tables["runs"]["edge"] = tables["runs"]["spread"] == 10
    found = verdict(tables)
    assert found.verdict in ("inconclusive", "depends")
    assert "edge" in found.reason or "inconclusive" in found.reason


def test_a_missing_spread_is_refused():
    tables = scale_tables()
    tables["runs"] = tables["runs"][tables["runs"]["spread"] != 10]
    with pytest.raises(DataError, match="needs scales spread by 10"):
        evaluate(CLAIM, tables)


def test_the_shown_paths_are_those_of_the_closed_form():
    paths = evaluate(CLAIM, scale_tables()).tables["paths"]
    for ratio, path in paths.groupby("ratio"):
        shrink = (ratio**2 - 1) / (ratio**2 + 1)
        np.testing.assert_allclose(path["x"].abs(), 8 * shrink ** path["update"], atol=1e-9)
        np.testing.assert_allclose(path["y"].abs(), 5 * shrink ** path["update"], atol=1e-9)
