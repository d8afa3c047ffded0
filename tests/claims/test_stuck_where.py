"""Claim 1.1.7 on planted endpoints."""

from pathlib import Path

import pandas as pd
import pytest

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError
from unstuck.statistics.intervals import wilson_interval

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.7"]
SEEDS = 12
OPTIMIZERS = 4


def stalls(kinds, *, far=(), moving=(), control="saddle"):
    """Endpoints whose kinds are `kinds(schedule)`, one for each optimizer."""
    rows = []
    for dataset in ("digits", "mnist1d"):
        for schedule in ("constant", "cosine"):
            for seed in range(SEEDS):
                for index, kind in enumerate(kinds(schedule)):
                    row = {
                        "dataset": dataset,
                        "schedule": schedule,
                        "seed": seed,
                        "stalled": (schedule, seed) not in moving,
                        "kind": kind,
                        "path": 10.0,
                        "distance": 5.0 if index in far else 0.5,
                        "start_loss": 1.0,
                        "end_loss": 0.9,
                        "start_gradient_norm": 0.1,
                        "end_gradient_norm": 1e-16,
                    }
                    rows.append(row | {"origin": "endpoint"})
                    rows.append(row | {"origin": "known saddle", "kind": control, "distance": 0.1})
    return pd.DataFrame(rows)


def verdict(given):
    evidence = evaluate(CLAIM, {"stalls": given})
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


SADDLES = ("saddle", "saddle", "saddle", "minimum")
MINIMA = ("minimum", "saddle", "none", "gradient-flat")


@pytest.mark.parametrize(
    ("kinds", "expected", "effect"),
    [
        (SADDLES, "supported", 25),
        (MINIMA, "contradicted", -25),
        (("saddle", "saddle", "none", "minimum"), "no effect", 0),
    ],
)
def test_a_planted_share_is_found(kinds, expected, effect):
    found, _ = verdict(stalls(lambda schedule: kinds))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert found.effect == pytest.approx(effect)


def test_saddles_at_a_constant_rate_only():
    found, _ = verdict(stalls(lambda name: SADDLES if name == "constant" else MINIMA))
    assert found.verdict == "depends"
    assert "supported at a constant rate" in found.reason


def test_a_critical_point_that_is_too_far_is_none():
    found, evidence = verdict(stalls(lambda schedule: SADDLES, far=(0, 1)))
    assert found.verdict == "contradicted"
    assert evidence.numbers["critical_but_too_far"] == 2 * 2 * 2 * SEEDS
    assert evidence.numbers["share_of_none"] == pytest.approx(0.5)


def test_runs_that_still_move_are_left_out_and_counted():
    moving = {("constant", seed) for seed in range(4)}
    found, evidence = verdict(stalls(lambda schedule: SADDLES, moving=moving))
    assert found.verdict == "inconclusive"
    assert "8 seeds" in found.reason
    assert evidence.numbers["not_stalled"] == 2 * 4 * OPTIMIZERS
    shares = evidence.tables["shares"].set_index(["dataset", "rate", "kind"])
    row = shares.loc[("digits", "constant", "saddle")]
    assert (row["count"], row["stalled"], row["not_stalled"]) == (24, 32, 16)
    interval = wilson_interval(24, 32)
    assert (row["low"], row["high"]) == (interval.low, interval.high)


def test_a_search_that_misses_known_saddles_invalidates():
    found, _ = verdict(stalls(lambda schedule: SADDLES, control="minimum"))
    assert (found.verdict, found.control) == ("invalid", "failed")
    assert "known saddle" in found.reason


def test_a_difference_between_halves_of_the_seeds_invalidates():
    given = stalls(lambda schedule: SADDLES)
    # one control alone, which nothing is corrected for
    given = given[(given["dataset"] == "digits") & (given["schedule"] == "constant")].copy()
    endpoint = given["origin"] == "endpoint"
    given.loc[endpoint & (given["seed"] < SEEDS // 2), "kind"] = "minimum"
    # seeds that are all alike have no spread to test against
    given.loc[endpoint & (given["seed"] == SEEDS - 1), "kind"] = "saddle"
    found, _ = verdict(given)
    assert found.verdict == "invalid"


def test_a_table_without_stalled_runs_is_refused():
    given = stalls(lambda schedule: SADDLES)
    with pytest.raises(DataError, match="no run of the table has stalled"):
        evaluate(CLAIM, {"stalls": given.assign(stalled=False)})
