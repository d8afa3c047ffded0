"""Claim 1.2.1 on planted effects."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.2.1"]
PARTS = ("train", "validation", "test")


def tables(effect, *, base=0.70, edge=()):
    """Runs whose reshuffled arm is better by `effect(other, policy)` points in every measure."""
    rng = np.random.default_rng([0, 8201])
    runs, curves = [], []
    for dataset in ("digits", "mnist1d"):
        for policy in ("fixed", "tuned"):
            for seed in range(20):
                own = rng.normal(0, 0.004)
                for order in ("reshuffled", "fixed", "sorted"):
                    loss = 0.0 if order == "reshuffled" else effect(order, policy) / 100
                    share = base + own - loss + rng.normal(0, 0.002, 3)
                    row = {
                        "role": "evaluation",
                        "dataset": dataset,
                        "lr_policy": policy,
                        "order": order,
                        "batch_size": 16,
                        "seed": seed,
                        "lr": 0.1,
                        "edge": (policy, order) in edge,
                        "diverged_at": np.nan,
                    }
                    row |= {f"{p}_accuracy": s for p, s in zip(PARTS, share, strict=True)}
                    row |= {f"{p}_loss": -np.log(s) for p, s in zip(PARTS, share, strict=True)}
                    runs.append(row)
                    curves += [
                        row | {"epoch": float(epoch), "train_accuracy": 0.1 * epoch}
                        for epoch in range(3)
                    ]
    return {"runs": pd.DataFrame(runs), "curves": pd.DataFrame(curves)}


def verdict(given):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).claims.iloc[0]


@pytest.mark.parametrize(
    ("points", "expected"), [(2.0, "supported"), (0.0, "no effect"), (-2.0, "contradicted")]
)
def test_a_planted_effect_is_found(points, expected):
    found = verdict(tables(lambda other, policy: points))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert found.effect == pytest.approx(points, abs=0.2)


def test_an_order_that_alone_does_harm_makes_it_depend():
    found = verdict(tables(lambda other, policy: 20.0 if other == "sorted" else 0.0))
    assert found.verdict == "depends"
    assert "supported against an order sorted by class" in found.reason
    assert "no effect against one random order" in found.reason


def test_a_rate_on_the_edge_carries_no_verdict():
    found = verdict(tables(lambda other, policy: 2.0, edge={("tuned", "sorted")}))
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_no_effect_is_not_concluded_at_the_ceiling():
    found = verdict(tables(lambda other, policy: 0.0, base=0.9945))
    assert found.verdict == "inconclusive"
    assert "could not have shown" in found.reason


def test_a_leak_between_seeds_fails_the_control():
    given = tables(lambda other, policy: 2.0)
    late = given["runs"]["seed"] >= 10
    given["runs"].loc[late, "validation_accuracy"] += 0.05
    assert verdict(given).verdict == "invalid"


def test_a_diverged_run_ranks_last_in_both_measures():
    given = tables(lambda other, policy: 2.0)
    runs = given["runs"]
    lost = (runs["order"] == "sorted") & (runs["seed"] == 4)
    runs.loc[lost, [f"{part}_accuracy" for part in PARTS]] = 0.0
    runs.loc[lost, [f"{part}_loss" for part in PARTS]] = np.inf
    runs.loc[lost, "diverged_at"] = 7
    evidence = evaluate(CLAIM, given)
    assert evidence.numbers["diverged"] == 4
    for contrast in evidence.contrasts:
        if contrast.role == "effect":
            lost_here = contrast.condition["against"] == "sorted"
            assert (contrast.values[4] > 60) == lost_here, contrast.key


def test_the_batches_of_the_training_loop_are_checked():
    checks = evaluate(CLAIM, tables(lambda other, policy: 0.0)).checks
    assert len(checks) == 6
    assert all(check.holds for check in checks)
    again = {check.name: check.value for check in checks if "come again" in check.name}
    assert sorted(again.values()) == [0.0, 1.0, 1.0]


def test_batches_that_repeat_though_reshuffled_fail_the_control(monkeypatch):
    from unstuck.training import order

    def always_the_same(kind, labels, seed, epoch):
        return np.arange(len(labels))

    monkeypatch.setattr(order, "sample_order", always_the_same)
    found = verdict(tables(lambda other, policy: 2.0))
    assert found.verdict == "invalid"
    assert "reshuffled batches that come again" in found.reason


def test_a_missing_order_is_named():
    given = tables(lambda other, policy: 0.0)
    given["runs"] = given["runs"][given["runs"]["order"] != "sorted"]
    with pytest.raises(DataError, match="no run has order 'sorted'"):
        evaluate(CLAIM, given)
