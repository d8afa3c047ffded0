"""Claim 1.1.7 on planted endpoints."""

from pathlib import Path

import pytest
from made_up.stalls import SEEDS, grid_endpoints, stalls

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError
from unstuck.statistics.intervals import wilson_interval

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.7"]


def never(run, seed):
    return False


def one_in(cycle):
    """Kinds that follow each other by seed."""
    return lambda run, seed: cycle[seed % len(cycle)]


def verdict(kind, *, on_grid=None, moving=never, **options):
    tables = {"stalls": stalls(kind, moving=moving, **options)}
    tables["grid"] = grid_endpoints(on_grid or kind)
    evidence = evaluate(CLAIM, tables)
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


SADDLES = one_in(("saddle",))
MINIMA = one_in(("minimum", "none"))


@pytest.mark.parametrize(
    ("kind", "expected", "effect"), [(SADDLES, "supported", 50), (MINIMA, "contradicted", -50)]
)
def test_a_planted_share_is_found(kind, expected, effect):
    found, _ = verdict(kind)
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert found.effect == pytest.approx(effect)


def test_as_many_saddles_as_others_decide_nothing():
    found, _ = verdict(one_in(("saddle", "none")))
    assert found.verdict == "inconclusive"


def test_saddles_with_full_batches_only():
    found, _ = verdict(lambda run, seed: "saddle" if run == "full" else "minimum")
    assert found.verdict == "depends"
    assert "supported with full batches at a constant rate" in found.reason


def test_runs_that_still_move_are_left_out_and_counted():
    found, evidence = verdict(SADDLES, moving=lambda run, seed: run == "full" and seed < 7)
    assert found.verdict == "inconclusive"
    assert "9 seeds" in found.reason
    assert evidence.numbers["not_stalled"] == 2 * 7
    shares = evidence.tables["shares"].set_index(["dataset", "run", "kind"])
    row = shares.loc[("digits", "full", "saddle")]
    assert (row["count"], row["stalled"], row["not_stalled"]) == (9, 9, SEEDS - 9)
    interval = wilson_interval(9, 9)
    assert (row["low"], row["high"]) == (interval.low, interval.high)


def test_a_search_that_misses_known_saddles_invalidates():
    found, _ = verdict(SADDLES, known="minimum")
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_a_search_that_calls_known_minima_saddles_invalidates():
    found, _ = verdict(SADDLES, beside_minimum="saddle")
    assert (found.verdict, found.control) == ("invalid", "failed")
    assert "known minimum" in found.reason


def test_a_table_without_stalled_runs_is_refused():
    with pytest.raises(DataError, match="no run of the table stalls has stalled"):
        verdict(SADDLES, moving=lambda run, seed: True)
