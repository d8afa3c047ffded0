"""Claim 1.2.7 on planted ratios of sharpness."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up.runs import stopped

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.2.7"]
ARMS = (("adam", "fixed"), ("adam", "tuned"), ("sgd", "tuned"))
MARGINS = math.log(1.5)


def endpoints(dataset, effect, slope, change=1e-15):
    """Endpoints whose log ratio is `effect`, and accuracies that fall with sharpness by `slope`."""
    rng = np.random.default_rng([3, len(dataset)])
    rows = []
    for number, arm in enumerate(ARMS):
        for seed in range(20):
            for size, batch in ((16, "16"), (512, "full")):
                log = (effect if size == 512 else 0.0) + number + rng.normal(0, 0.1)
                level = math.exp(log)
                accuracy = 0.5 - 0.1 * slope * log + rng.normal(0, 0.002 + (not slope))
                measured = {"lambda_max": level, "trace": 10 * level, "sam": 0.01 * level}
                row = stopped(dataset, arm, size, batch, seed, test_accuracy=accuracy) | measured
                row |= {"validation_accuracy": 0.5, "factor": 1.0, "output_change": 0.0}
                rows.append(row)
                if seed == 0:
                    other = {"factor": 10.0, "lambda_max": 50 * level, "output_change": change}
                    rows.append(row | other)
    return pd.DataFrame(rows)


def tables(effect, slope, **options):
    names = {"easy": "digits", "hard": "mnist1d"}
    return {key: endpoints(name, effect, slope, **options) for key, name in names.items()}


def verdict(given):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).claims.iloc[0]


def judged(given, measure):
    contrasts = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).contrasts
    chosen = (contrasts["role"] == "effect") & (contrasts["measure"] == measure)
    return set(contrasts.loc[chosen, "verdict"])


@pytest.mark.parametrize(
    ("effect", "expected"),
    [(2 * MARGINS, "supported"), (0.0, "no effect"), (-2 * MARGINS, "contradicted")],
)
@pytest.mark.parametrize("measure", ["lambda_max", "trace", "sam"])
def test_a_planted_ratio_is_found(effect, expected, measure):
    assert judged(tables(effect, 1.0), measure) == {expected}


@pytest.mark.parametrize(("slope", "expected"), [(1, "supported"), (-1, "contradicted")])
def test_a_planted_correlation_is_found(slope, expected):
    assert judged(tables(0.0, slope), "correlation") == {expected}


def test_runs_that_did_not_arrive_carry_no_verdict():
    given = tables(2 * MARGINS, 1.0)
    for table in given.values():
        table.loc[table["seed"] == 3, "stopped_at"] = np.nan
    for measure in CLAIM.effects:
        assert judged(given, measure) == {"inconclusive"}


def test_no_correlation_is_not_called_one():
    assert judged(tables(0.0, 0), "correlation") <= {"no effect", "inconclusive"}


def test_a_correlation_that_optimizers_alone_make_is_not_there_within_arms():
    given = tables(0.0, 0)
    for table in given.values():
        level = table["optimizer"].map({"adam": 0.0, "sgd": 0.1})
        noise = np.random.default_rng([12]).normal(0, 0.002, len(table))
        table["test_accuracy"] = 0.5 - level + noise
    assert judged(given, "correlation") == {"supported"}
    numbers = evaluate(CLAIM, given).numbers
    assert abs(numbers["correlation_within_arms_digits"]) < 0.2
    planted = evaluate(CLAIM, tables(0.0, 1.0)).numbers
    assert planted["correlation_within_arms_digits"] > 0.8


def test_seeds_that_are_not_alike_are_noticed_by_the_control_of_the_correlation():
    given = tables(0.0, 0)
    for table in given.values():
        place = pd.factorize(table["optimizer"] + table["lr_policy"] + table["batch"])[0] - 2.5
        drift = place * table["seed"] / 2
        table["lambda_max"] *= np.exp(drift)
        table["test_accuracy"] -= drift + np.random.default_rng([13]).normal(0, 2, len(table))
    contrasts = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).contrasts
    control = (contrasts["measure"] == "correlation") & (contrasts["role"] == "negative control")
    assert set(contrasts.loc[control, "passed"]) == {"no"}


def test_sharp_runs_that_test_worse_support_the_claim():
    found = verdict(tables(2 * MARGINS, 1.0))
    assert found.verdict == "supported", found.reason


def test_a_rescaling_that_changes_the_function_is_noticed():
    found = verdict(tables(2 * MARGINS, 1.0, change=1e-3))
    assert (found.verdict, found.control) == ("invalid", "failed")


def test_the_numbers_of_rescaling_and_of_the_edge():
    numbers = evaluate(CLAIM, tables(0.0, 1.0)).numbers
    assert numbers["rescaled_times"] == pytest.approx(50)
    assert numbers["edge_digits"] == pytest.approx(0.1 * math.exp(2) / 2, rel=0.1)
