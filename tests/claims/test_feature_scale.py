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


def test_an_order_of_features_that_matters_fails_the_control():
    found = verdict(scale_tables(reversed_by=3.0))
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_a_leak_between_seeds_of_curvature_fails_the_control():
    tables = scale_tables()
    table = tables["curvature"]
    # spread scales are split in the middle, equal ones by every other seed
    late = (table["spread"] == 10) & (table["seed"] < table["seed"].nunique() // 2)
    odd = (table["spread"] == 1) & (table["seed"] % 2 == 1)
    table.loc[late | odd, "condition"] *= 3
    assert verdict(tables).verdict == "invalid"


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
