"""Claim 1.2.6 on planted differences at equal training loss."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up.runs import stopped

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.2.6"]
DELTA = CLAIM.measure("").margin
SIZES = {16: "16", 48: "48", 512: "full"}
ARMS = (("adam", "fixed"), ("adam", "tuned"), ("sgd", "tuned"))
SEEDS = 20


def runs(dataset, gain, *, late=(), edge=(), base=0.6, leak=0.0):
    """Runs whose smallest batch tests better by `gain(optimizer)` points."""
    rng = np.random.default_rng([0, len(dataset)])
    rows = []
    for arm in ARMS:
        optimizer, _ = arm
        for seed in range(SEEDS):
            own = rng.normal(0, 0.004) + (leak if seed >= SEEDS // 2 else 0.0)
            for size, batch in SIZES.items():
                more = gain(optimizer) / 100 if size == 16 else 0.0
                accuracy = base + own + more + rng.normal(0, 0.001)
                row = stopped(dataset, arm, size, batch, seed, test_accuracy=accuracy) | {
                    "validation_accuracy": accuracy,
                    "train_loss": 0.095 if size == 16 else 0.1,
                    "edge": (dataset, optimizer, size) in edge,
                }
                if (dataset, optimizer, size, seed) in late:
                    row["stopped_at"] = np.nan
                rows.append(row)
    table = pd.DataFrame(rows)
    return pd.concat([table, table.assign(role="tuning", test_accuracy=0.0)], ignore_index=True)


def tables(gain, **options):
    return {"easy": runs("digits", gain, **options), "hard": runs("mnist1d", gain, **options)}


def verdict(given):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).claims.iloc[0]


@pytest.mark.parametrize(
    ("points", "expected"),
    [(2 * DELTA, "supported"), (0.0, "no effect"), (-2 * DELTA, "contradicted")],
)
def test_a_planted_effect_is_found(points, expected):
    found = verdict(tables(lambda optimizer: points))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert found.effect == pytest.approx(points, abs=0.1)


def test_runs_that_stand_under_both_rates_count_once():
    given = tables(lambda optimizer: 2 * DELTA)
    hard = given["hard"]
    hard["run_id"] = hard["run_id"].str.replace("adamtuned", "adamfixed")
    contrasts = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).contrasts
    effects = contrasts[contrasts["role"] == "effect"]
    same = (effects["dataset"] == "mnist1d") & effects["condition"].str.contains("adam; rate=tuned")
    assert same.sum() == 2
    assert set(effects[~same]["verdict"]) == {"supported"}
    assert set(effects[same]["verdict"]) == {"inconclusive"}
    assert effects[same]["note"].str.contains("the same runs").all()


def test_a_gain_with_one_optimizer_depends_on_it():
    found = verdict(tables(lambda optimizer: 2.0 if optimizer == "adam" else 0.0))
    assert found.verdict == "depends"
    assert "supported with Adam" in found.reason
    assert "no effect with SGD" in found.reason


def test_runs_that_did_not_arrive_carry_no_verdict():
    found = verdict(tables(lambda optimizer: 2.0, late={("mnist1d", "sgd", 512, 3)}))
    assert found.verdict == "inconclusive"
    assert "1 of 40 runs did not reach the training loss" in found.reason


def test_a_rate_on_the_edge_carries_no_verdict():
    found = verdict(tables(lambda optimizer: 2.0, edge={("digits", "adam", 48)}))
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_a_difference_between_seeds_fails_the_control():
    found = verdict(tables(lambda optimizer: 2.0, leak=0.05))
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_at_the_ceiling_nothing_could_have_shown():
    found = verdict(tables(lambda optimizer: 0.0, base=0.996))
    assert found.verdict == "inconclusive"


def test_the_losses_that_remain_are_reported():
    numbers = evaluate(CLAIM, tables(lambda optimizer: 0.0)).numbers
    assert numbers["loss_ratio_digits_sgd_tuned_all"] == pytest.approx(0.1 / 0.095)
    assert numbers["largest_loss_ratio"] == pytest.approx(0.1 / 0.095)
    assert numbers["late"] == 0


def test_other_batch_sizes_are_refused():
    given = tables(lambda optimizer: 0.0)
    given["hard"] = given["hard"][given["hard"]["batch_size"] != 512]
    with pytest.raises(DataError, match="mnist1d: batch sizes are 16, 48; give three"):
        evaluate(CLAIM, given)
