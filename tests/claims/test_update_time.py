"""Claims 1.2.3 and 1.2.4 on planted times."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

REGISTRY = load_registry(Path(__file__).parents[2] / "workflow" / "claims")
SIZES = (1, 30, 1000, 60_000)


def times(
    seconds, *, hardware=("thread", "parallel"), again=1.0, repeats=10, samples=60_000, gpu=True
):
    """Rounds in which an update takes `seconds(batch size, processor)`, give or take 2 %."""
    rng = np.random.default_rng([0, 8111])
    rows = [
        {
            "hardware": name,
            "processor": "A GPU" if gpu and name == "parallel" else "CPU",
            "threads": 1,
            "repeat": repeat,
            "batch_size": size,
            "timing": timing,
            "samples": samples,
            "updates": 9,
            "seconds": seconds(size, name) * factor * math.exp(rng.normal(0, 0.02)),
        }
        for name in hardware
        for repeat in range(repeats)
        for size, timing, factor in [(each, "first", 1.0) for each in SIZES] + [(1, "again", again)]
    ]
    return pd.DataFrame(rows)


def linear(knee):
    return lambda size, name: 1e-4 * (1 + size / knee)


def verdict(claim, table):
    evidence = evaluate(REGISTRY[claim], {"times": table})
    return decide({claim: REGISTRY[claim]}, [evidence]).claims.iloc[0], evidence


@pytest.mark.parametrize(
    ("knee", "expected", "ratio"),
    [(5000, "supported", 1.2), (1000, "inconclusive", 2.0), (100, "contradicted", 11.0)],
)
def test_updates_are_the_same_up_to_the_knee(knee, expected, ratio):
    found, evidence = verdict("1.2.3", times(linear(knee)))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert math.exp(found.effect) == pytest.approx(ratio, rel=0.05)
    numbers = evidence.numbers
    assert numbers["knee_thread"] == pytest.approx(knee, rel=0.1)
    assert numbers["knee_low_thread"] <= numbers["knee_thread"] <= numbers["knee_high_thread"]
    assert numbers["misfit_parallel"] < 0.05


def test_processors_that_differ_are_told_apart():
    found, _ = verdict(
        "1.2.3", times(lambda size, name: linear(50 if name == "thread" else 4000)(size, name))
    )
    assert found.verdict == "depends"
    assert found.reason == "supported on a GPU; contradicted on a CPU"


@pytest.mark.parametrize("claim", ["1.2.3", "1.2.4"])
def test_cores_that_others_use_carry_no_verdict(claim):
    waiting = times(lambda size, name: linear(100)(size, name) + 0.5 * (name == "parallel"))
    found, evidence = verdict(claim, waiting)
    assert found.verdict == "inconclusive"
    assert "the machine was busy" in found.reason
    (table,) = (each for name, each in evidence.tables.items() if name in ("times", "epochs"))
    assert set(table[table["busy"]]["hardware"]) == {"parallel"}


def test_without_parallel_hardware_nothing_is_said_about_it():
    for hardware in (("thread",), ("thread", "parallel")):
        found, _ = verdict("1.2.3", times(linear(50), hardware=hardware, gpu=False))
        assert found.verdict == "inconclusive"
        assert found.control == "passed"
        assert found.reason == (
            "contradicted on a CPU, but inconclusive on a GPU; "
            "on a GPU: this study has no evidence there"
        )
        found, _ = verdict("1.2.4", times(linear(1000), hardware=hardware, gpu=False))
        assert found.verdict == "inconclusive"
        assert "supported on a CPU, but inconclusive on a GPU" in found.reason


@pytest.mark.parametrize(
    ("knee", "expected", "ratio"),
    [
        (1000, "supported", 60_000 * 1.001 / (60 * 2)),
        (1e-3, "no effect", 1.0),
        # a batch that costs more than its samples one by one
        (None, "contradicted", 0.25),
    ],
)
def test_epochs_are_faster_where_updates_have_a_fixed_cost(knee, expected, ratio):
    seconds = linear(knee) if knee else lambda size, name: 1e-4 * size**1.2007
    found, evidence = verdict("1.2.4", times(seconds))
    assert found.verdict == expected, found.reason
    assert math.exp(found.effect) == pytest.approx(ratio, rel=0.05)
    table = evidence.tables["epochs"]
    row = table[table["batch_size"] == 1000].iloc[0]
    assert row["epoch"] == pytest.approx(60 * row["seconds"])


@pytest.mark.parametrize("claim", ["1.2.3", "1.2.4"])
def test_a_clock_that_cannot_repeat_itself_invalidates(claim):
    found, _ = verdict(claim, times(linear(5000), again=3.0))
    assert (found.verdict, found.control) == ("invalid", "failed")
    assert "timed again" in found.reason


def test_a_largest_batch_that_costs_nothing_invalidates():
    found, _ = verdict("1.2.3", times(lambda size, name: 1e-4))
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_the_last_batch_of_an_epoch_is_a_whole_one():
    _, evidence = verdict("1.2.4", times(linear(1000), samples=60_001))
    row = evidence.tables["epochs"].query("batch_size == 60000").iloc[0]
    assert row["epoch"] == pytest.approx(2 * row["seconds"])


@pytest.mark.parametrize("claim", ["1.2.3", "1.2.4"])
def test_times_without_a_batch_of_a_thousand_are_refused(claim):
    table = times(linear(50))
    with pytest.raises(DataError, match=r"batch sizes are 1, 30, 60000; it needs 1000"):
        verdict(claim, table[table["batch_size"] != 1000])
