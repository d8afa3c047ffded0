"""Claim 2.1.10 on planted largest stable rates, and the variance of 1/σ."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up.adaptive_rates_warm_up import early_sigma, rising_runs

from unstuck.claims.adaptive_rates_warm_up import largest_stable, peak_factor
from unstuck.claims.early_sigma import gaussian_variance, rectified_variance, simulated_variance
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError
from unstuck.figures.registry import draw
from unstuck.wording import number

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.1.10"]


def evidence(runs, sigma=None):
    return evaluate(CLAIM, {"runs": runs, "sigma": early_sigma() if sigma is None else sigma})


def verdict(runs, sigma=None):
    return decide({CLAIM.id: CLAIM}, [evidence(runs, sigma)]).claims.iloc[0]


@pytest.mark.parametrize(
    ("factor", "expected"), [(4.0, "supported"), (1.0, "no effect"), (0.25, "contradicted")]
)
def test_a_planted_gain_is_found(factor, expected):
    found = verdict(rising_runs(lambda optimizer, schedule: factor, limit=0.07))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert np.exp(found.effect) == pytest.approx(factor, rel=0.15)


def test_a_gain_of_adam_alone_is_told_apart():
    runs = rising_runs(lambda optimizer, schedule: 4.0 if optimizer != "sgd" else 1.0, limit=0.07)
    found = verdict(runs)
    assert found.verdict == "depends"
    assert "supported for Adam" in found.reason
    assert "no effect for SGD" in found.reason


def test_rates_at_an_end_of_the_grid_carry_no_verdict():
    high = verdict(rising_runs(lambda optimizer, schedule: 100.0))
    assert high.verdict == "inconclusive"
    assert "even the highest rate was stable" in high.reason
    low = verdict(rising_runs(lambda optimizer, schedule: 0.001))
    assert low.verdict == "inconclusive"
    assert "no rate was stable" in low.reason


def test_a_leak_between_seeds_fails_the_control():
    runs = rising_runs(lambda optimizer, schedule: 1.0)
    runs.loc[(runs["seed"] >= 10) & (runs["lr"] > 0.03), "train_accuracy"] = 0.1
    assert verdict(runs).verdict == "invalid"


def test_a_sigma_that_is_sure_from_the_first_contradicts_the_reason():
    found = verdict(
        rising_runs(lambda optimizer, schedule: 4.0, limit=0.07), early_sigma(power=0.1)
    )
    assert found.verdict == "depends"
    assert "contradicted in that the early σ is unreliable" in found.reason


def test_a_spread_that_is_tiny_from_the_first_contradicts_though_it_falls():
    tiny = early_sigma()
    tiny["relative_variance"] *= 1e-3
    found = verdict(rising_runs(lambda optimizer, schedule: 4.0, limit=0.07), tiny)
    assert found.verdict == "depends"
    assert "contradicted in that the early σ is unreliable" in found.reason
    checks = evidence(rising_runs(), tiny).checks
    failed = [each.name for each in checks if not each.holds]
    assert len(failed) == 2
    assert all("exceeds 0.1 after 3 updates" in name for name in failed)


def test_the_headline_quotes_arms_that_count_alone():
    runs = rising_runs(lambda optimizer, schedule: 4.0 if optimizer == "adam" else 1.0, limit=0.07)
    # one dataset on which every rate is stable for Adam after a warm-up, where no gain is known
    free = (runs["dataset"] == "digits") & (runs["schedule"] == "warmup")
    runs.loc[free & (runs["optimizer"] == "adam"), "train_accuracy"] = 0.9
    runs.loc[free & (runs["optimizer"] == "adam"), "diverged_at"] = np.nan
    gains = evidence(runs).tables["gains"].query("optimizer == 'adam' and remedy == 'short'")
    sound = np.exp(np.log(gains[gains["usable"]]["ratio"]).mean())
    assert set(gains[~gains["usable"]]["dataset"]) == {"digits"}
    assert f"by {number(sound, 2)} for Adam" in str(draw(CLAIM.id, evidence(runs)).get_label())


def test_the_smaller_steps_of_radam_are_no_gain():
    # algorithm 2 of Liu et al. 2020 at update 300 with β₂ = 0.999
    assert peak_factor("radam", 300) == pytest.approx(0.3742, abs=1e-4)
    assert peak_factor("radam", 5) == peak_factor("adam", 300) == 1.0
    runs = rising_runs(lambda optimizer, schedule: 1.0)
    gains = evidence(runs).tables["gains"].query("remedy == 'radam'")["ratio"]
    rates = evidence(runs).tables["stable"].query("schedule == 'constant'")
    nominal = np.log(rates.groupby("optimizer")["rate"].prod())
    assert np.log(gains).mean() == pytest.approx(0, abs=0.2)
    assert (nominal["radam"] - nominal["adam"]) / len(gains) > 0.7


def test_a_missing_arm_is_named():
    runs = rising_runs()
    with pytest.raises(DataError, match="no run has optimizer 'radam'"):
        evidence(runs[runs["optimizer"] != "radam"])
    with pytest.raises(DataError, match="more than once at a rate"):
        evidence(pd.concat([runs, runs]))


def test_controls_with_known_answers_hold():
    checks = evidence(rising_runs()).checks
    assert all(check.holds for check in checks)
    assert sum(check.role == "positive control" for check in checks) == 5 + 1 + 2


@pytest.mark.parametrize(
    ("learnt", "expected"),
    [
        ([1, 1, 1, 0, 0], (4.0, False, False)),
        # too low a rate learns nothing in time; a lucky run beyond the first failure does not count
        ([0, 1, 0, 1, 0], (2.0, False, False)),
        ([1, 1, 1, 1, 1], (16.0, True, False)),
        ([0, 0, 0, 0, 0], (0.5, False, True)),
    ],
)
def test_the_largest_stable_rate_is_the_last_before_the_first_failure(learnt, expected):
    rates = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    assert largest_stable(rates, np.array(learnt, dtype=bool)) == expected


def test_the_variance_of_sigma_has_a_closed_form():
    simulated = simulated_variance()
    for update in (5, 10, 50):
        assert simulated[update] == pytest.approx(gaussian_variance(update), rel=0.06)
    assert gaussian_variance(2) == np.inf
    # 1/σ of three squares: second moment 3, mean √(6/π)
    assert gaussian_variance(3) == pytest.approx(np.pi / 2 - 1)
    assert rectified_variance(4) == np.inf
    assert rectified_variance(100) == pytest.approx(gaussian_variance(100), rel=0.1)
