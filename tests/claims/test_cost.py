"""Claim 1.1.8 on planted times."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.8"]
SIZES = (500, 1000, 2000, 4000, 8000)


def tables(*, gap=1.0, error=0.0, again=0.0, memory=2.0):
    """Times whose exponents differ by `gap`, with a start-up cost that hides it at small sizes."""
    rng = np.random.default_rng([8])
    powers = {"product": 1.0, "lanczos": 1.0, "dense": 1.0 + gap, "spectrum": 1.0 + gap}
    powers["product again"] = 1.0 + again
    rows = [
        {
            "method": method,
            "parameters": size,
            "seed": seed,
            "seconds": 1e-3 * (size / 2000) ** power * np.exp(0.02 * rng.standard_normal())
            + 1e-3 * (size < 1000),
        }
        for method, power in powers.items()
        for size in SIZES
        for seed in range(10)
    ]
    held = [
        {"method": method, "parameters": size, "tensors": size**power, "arrays": 0}
        for method, power in {**powers, "dense": memory}.items()
        for size in SIZES
    ]
    values = pd.DataFrame({"dense": [-2.0, 4.0], "lanczos": [-2.0, 4.0 * (1 + error)]})
    return {"times": pd.DataFrame(rows), "memory": pd.DataFrame(held), "agreement": values}


def verdict(**planted):
    evidence = evaluate(CLAIM, tables(**planted))
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


@pytest.mark.parametrize(
    ("gap", "expected"), [(1.0, "supported"), (0.0, "no effect"), (-1.0, "contradicted")]
)
def test_planted_exponents_reach_their_verdict(gap, expected):
    evidence = evaluate(CLAIM, tables(gap=gap))
    decided = decide({CLAIM.id: CLAIM}, [evidence])
    effects = decided.contrasts[decided.contrasts["role"] == "effect"]
    assert set(effects["verdict"]) == {expected}
    assert effects["effect"].to_list() == pytest.approx([gap, gap], abs=0.05)
    # checks that hold are no evidence of the effect
    assert all(check.holds for check in evidence.checks)
    assert decided.claims.iloc[0]["verdict"] == expected


def test_a_size_that_one_seed_lacks_does_not_count():
    given = tables()
    times = given["times"]
    slow = (times["method"] == "dense") & (times["parameters"] == 8000)
    given["times"] = times.assign(seconds=times["seconds"].where(~slow, 1e3))[
        ~(slow & (times["seed"] > 0))
    ]
    evidence = evaluate(CLAIM, given)
    found = decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0]
    # the next smaller size stands in
    assert found["effect"] == pytest.approx(1.0, abs=0.05)
    assert evidence.tables["times"]["median"].max() == 1e3


def test_eigenvalues_that_disagree_break_the_claim():
    found, _ = verdict(error=1e-5)
    assert found["verdict"] != "supported"
    assert verdict(error=1e-8)[0]["verdict"] == "supported"


def test_memory_that_does_not_grow_with_the_square_breaks_the_claim():
    assert verdict(memory=1.5)[0]["verdict"] != "supported"


def test_a_drift_between_two_timings_of_the_same_makes_the_claim_invalid():
    assert verdict(again=0.7)[0]["verdict"] == "invalid"


def test_a_missing_method_is_named():
    given = tables()
    given["times"] = given["times"][given["times"]["method"] != "lanczos"]
    with pytest.raises(DataError, match="lacks lanczos"):
        evaluate(CLAIM, given)
