"""Claim 1.2.5 on planted effects."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.evaluation import evaluate
from unstuck.claims.evidence import Evidence
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.2.5"]
SIZES = {8: "8", 32: "32", 1024: "full"}
SEEDS = 10
BASE = 0.80


def runs(budget, effect, *, base=BASE, edge=(), seeds=SEEDS):
    """Runs whose smallest batch is better by `effect(dataset, policy)` points."""
    rows = []
    rng = np.random.default_rng([len(budget), 8101])
    for dataset in ("digits", "mnist1d"):
        for policy in ("fixed", "tuned"):
            for seed in range(seeds):
                own = rng.normal(0, 0.003)
                for size, label in SIZES.items():
                    gain = effect(dataset, policy) / 100 if size == 8 else 0.0
                    accuracy = base + own + gain + rng.normal(0, 0.001, 3)
                    rows.append(
                        {
                            "role": "evaluation",
                            "dataset": dataset,
                            "lr_policy": policy,
                            "batch": label,
                            "batch_size": size,
                            "seed": seed,
                            "lr": 0.1,
                            "edge": (dataset, policy, size) in edge,
                            "diverged_at": np.nan,
                            "train_accuracy": accuracy[0],
                            "validation_accuracy": accuracy[1],
                            "test_accuracy": accuracy[2],
                        }
                    )
    table = pd.DataFrame(rows)
    tuning = table.assign(role="tuning", seed=table["seed"] + 1000, train_accuracy=0.0)
    return pd.concat([table, tuning], ignore_index=True)


def tables(effect, **options):
    return {name: runs(name, effect, **options) for name in ("epochs", "updates")}


def verdict(given):
    evidence = evaluate(CLAIM, given)
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0]


@pytest.mark.parametrize(
    ("points", "expected"), [(2.0, "supported"), (0.0, "no effect"), (-2.0, "contradicted")]
)
def test_a_planted_effect_is_found(points, expected):
    found = verdict(tables(lambda dataset, policy: points))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert found.effect == pytest.approx(points, abs=0.2)


def test_a_gain_that_tuning_removes_depends_on_the_rate():
    found = verdict(tables(lambda dataset, policy: 3.0 if policy == "fixed" else 0.0))
    assert found.verdict == "depends"
    assert found.reason == (
        "supported with one fixed rate; no effect with a rate tuned for each batch size"
    )


def test_a_rate_on_the_edge_carries_no_verdict():
    edge = {("digits", "tuned", 1024)}
    found = verdict(tables(lambda dataset, policy: 2.0, edge=edge))
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_no_effect_is_not_concluded_at_the_ceiling():
    found = verdict(tables(lambda dataset, policy: 0.0, base=0.995))
    assert found.verdict == "inconclusive"
    assert "could not have shown" in found.reason


def test_a_leak_between_seeds_fails_the_control():
    given = tables(lambda dataset, policy: 2.0)
    for table in given.values():
        # the two arms are split in unlike ways
        small, even = table["batch_size"] < 1024, table["seed"] % 2 == 0
        leaked = (small & (table["seed"] >= SEEDS // 2)) | (~small & even)
        table.loc[leaked, "train_accuracy"] += 0.05
    found = verdict(given)
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_diverged_runs_rank_last_and_are_counted():
    given = tables(lambda dataset, policy: 2.0)
    lost = (given["epochs"]["batch_size"] == 1024) & (given["epochs"]["seed"] == 3)
    columns = ["train_accuracy", "validation_accuracy", "test_accuracy"]
    given["epochs"].loc[lost, columns] = np.nan
    given["epochs"].loc[lost, "diverged_at"] = 12
    evidence = evaluate(CLAIM, given)
    assert evidence.numbers["diverged"] == 4
    contrast = next(c for c in evidence.contrasts if c.condition["budget"] == "epochs")
    assert len(contrast.values) == SEEDS
    assert contrast.values[3] > 75


def test_tuning_runs_are_left_out_and_the_table_holds_fractions():
    table = evaluate(CLAIM, tables(lambda dataset, policy: 2.0)).tables["accuracy"]
    assert len(table) == 2 * 2 * 2 * len(SIZES) * SEEDS
    assert table["train_accuracy"].between(0.7, 0.9).all()
    assert set(table["budget"]) == {"epochs", "updates"}
    assert set(table["rate"]) == {"fixed", "tuned"}


def test_arms_with_other_seeds_are_refused():
    given = tables(lambda dataset, policy: 2.0)
    table = given["epochs"]
    given["epochs"] = table[~((table["batch_size"] == 8) & (table["seed"] == 4))]
    with pytest.raises(DataError, match="seed 4 is in one arm only"):
        evaluate(CLAIM, given)


def test_arms_that_mix_another_axis_are_refused():
    given = tables(lambda dataset, policy: 2.0)
    given["epochs"] = pd.concat([given["epochs"], given["epochs"]])
    with pytest.raises(DataError, match="more than once"):
        evaluate(CLAIM, given)


def test_the_evidence_is_stored_with_its_sources(tmp_path):
    evidence = evaluate(CLAIM, tables(lambda dataset, policy: 2.0))
    evidence.save(tmp_path)
    loaded = Evidence.load(tmp_path)
    assert loaded.contrasts == evidence.contrasts
    assert [source.table for source in loaded.sources] == [
        "batch_epochs.runs",
        "batch_updates.runs",
    ]
    assert loaded.sources[0].rows == 240
    assert len(loaded.sources[0].sha256) == 64
