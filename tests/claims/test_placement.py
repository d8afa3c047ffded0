"""Claim 3.1.4 on planted differences between the two places."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.1.4"]
SEEDS = 20


def runs(gain, *, edge=(), base=0.8):
    """Runs that are better by `gain(dataset, activation)` points with batchnorm before."""
    rng = np.random.default_rng([0, 8131])
    rows = []
    for dataset in ("digits", "mnist1d"):
        for activation in ("relu", "tanh", "sigmoid"):
            for seed in range(SEEDS):
                own = rng.normal(0, 0.004)
                for place in ("before", "after"):
                    more = gain(dataset, activation) / 100 if place == "before" else 0
                    accuracy = base + own + more + rng.normal(0, 0.001)
                    rows.append(
                        {
                            "role": "evaluation",
                            "dataset": dataset,
                            "activation": activation,
                            "batchnorm": place,
                            "seed": seed,
                            "lr": 0.1,
                            "edge": (dataset, activation, place) in edge,
                            "diverged_at": np.nan,
                            "train_accuracy": accuracy,
                            "validation_accuracy": accuracy,
                            "test_accuracy": accuracy,
                        }
                    )
    table = pd.DataFrame(rows)
    return pd.concat([table, table.assign(role="tuning", test_accuracy=0.0)], ignore_index=True)


def verdict(table):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, {"runs": table})]).claims.iloc[0]


def by_activation(sigmoid, others):
    return lambda dataset, activation: sigmoid if activation == "sigmoid" else others


def test_no_difference_but_with_sigmoids_supports_the_claim():
    found = verdict(runs(by_activation(2.0, 0.0)))
    assert found.verdict == "supported", found.reason
    assert found.control == "passed"


@pytest.mark.parametrize("points", [2.0, -2.0])
def test_any_difference_with_the_others_contradicts_that_part(points):
    found = verdict(runs(by_activation(2.0, points)))
    assert found.verdict == "depends"
    assert "contradicted for test accuracy with batch normalisation before" in found.reason
    everywhere = verdict(runs(by_activation(-2.0, points)))
    assert everywhere.verdict == "contradicted", everywhere.reason


def test_sigmoids_without_a_difference_make_no_exception():
    found = verdict(runs(by_activation(0.0, 0.0)))
    assert found.verdict == "depends"
    assert "no effect for test accuracy of sigmoid networks" in found.reason


def test_a_difference_with_one_activation_names_it():
    found = verdict(runs(lambda dataset, activation: 2.0 if activation != "relu" else 0.0))
    assert found.verdict == "depends"
    assert "with tanh" in found.reason.split("contradicted")[1]


def test_a_rate_on_the_edge_carries_no_verdict():
    found = verdict(runs(by_activation(2.0, 0.0), edge={("digits", "tanh", "after")}))
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_sigmoids_at_the_ceiling_show_nothing():
    found = verdict(runs(by_activation(0.0, 0.0), base=0.995))
    assert "could not have shown" in found.reason


def test_a_leak_between_seeds_fails_the_control():
    table = runs(by_activation(2.0, 0.0))
    table.loc[table["seed"] >= SEEDS // 2, "test_accuracy"] += 0.05
    found = verdict(table)
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_runs_at_one_place_alone_are_refused():
    table = runs(by_activation(2.0, 0.0))
    one = (table["activation"] == "tanh") & (table["batchnorm"] == "after")
    with pytest.raises(DataError, match="tanh: there are no runs with batchnorm 'after'"):
        evaluate(CLAIM, {"runs": table[~one]})
