"""Claim 2.1.7 on planted regrets, and its exact part."""

from pathlib import Path

import pytest
from made_up.adaptive_rates_adam import defaults_runs

from unstuck.claims.adaptive_rates_adam import formulas
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError
from unstuck.figures.registry import draw
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.study.analyses.rates import parity

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.1.7"]


@pytest.fixture(autouse=True)
def known_parity(monkeypatch):
    """The distance from torch.optim, which tests of the update rule hold, costs seconds."""
    monkeypatch.setattr(
        "unstuck.claims.adaptive_rates_adam.distance_from_torch", lambda name, rows, seed: 1e-16
    )


def decided(table):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, {"runs": table})])


@pytest.mark.parametrize(
    ("points", "expected"), [(2.0, "supported"), (0.0, "supported"), (-2.0, "contradicted")]
)
def test_a_planted_regret_is_found(points, expected):
    found = decided(defaults_runs(lambda budget, against: points))
    effects = found.contrasts[found.contrasts["role"] == "effect"]
    assert set(effects["verdict"]) == {expected}
    assert len(effects) == 2 * 2 * 5
    row = found.claims.iloc[0]
    assert row.control == "passed", row.reason
    assert row.verdict == expected


def test_a_short_budget_is_told_apart():
    found = decided(defaults_runs(lambda budget, against: -5.0 * (budget == "short"))).claims.iloc[
        0
    ]
    assert found.verdict == "depends"
    assert "supported at an ordinary budget" in found.reason
    assert "contradicted at a short budget" in found.reason


def test_a_measure_that_finds_no_regret_of_slow_descent_is_invalid():
    found = decided(defaults_runs(lambda budget, against: 0.0, slow=0.0)).claims.iloc[0]
    assert found.verdict == "invalid"
    assert "positive control" in found.reason


def test_a_leak_between_seeds_fails_the_control():
    table = defaults_runs(lambda budget, against: 0.0)
    table.loc[table["seed"] >= 15, "test_accuracy"] -= 0.05
    assert decided(table).claims.iloc[0].verdict == "invalid"


def test_a_rate_on_the_edge_carries_no_verdict():
    table = defaults_runs(lambda budget, against: 0.0)
    table.loc[(table["optimizer"] == "sgd") & (table["lr_policy"] == "tuned"), "edge"] = True
    effects = decided(table).contrasts
    edge = effects[effects["condition"].str.contains("against=sgd") & (effects["role"] == "effect")]
    assert set(edge["verdict"]) == {"inconclusive"}


def test_adam_tuned_to_its_default_is_not_compared_with_itself():
    table = defaults_runs(lambda budget, against: 0.0)
    adam = table["optimizer"] == "adam"
    digits = adam & (table["dataset"] == "digits") & (table["updates"] == 1280)
    table.loc[digits, "lr"] = 0.001
    effects = decided(table).contrasts.query("role == 'effect'")
    same = effects["note"].str.contains("one arm against itself")
    assert effects[same]["condition"].tolist() == ["against=adam; budget=ordinary; part=defaults"]
    assert set(effects[same]["verdict"]) == {"inconclusive"}
    headline = draw(CLAIM.id, evaluate(CLAIM, {"runs": table})).get_label()
    assert "in all 19 comparisons" in str(headline)


def test_missing_arms_and_budgets_are_named():
    table = defaults_runs()
    with pytest.raises(DataError, match="no run has optimizer 'adam' with rate"):
        evaluate(CLAIM, {"runs": table[(table["optimizer"] != "adam") | (table["lr"] != 0.001)]})
    with pytest.raises(DataError, match="two budgets, but digits has 1"):
        evaluate(CLAIM, {"runs": table[table["updates"] == 256]})


def test_a_rule_with_another_coefficient_contradicts_the_exact_part(monkeypatch):
    wrong = {**OPTIMIZERS, "rmsprop": OPTIMIZERS["rmsprop"].model_copy(update={"epsilon": 1e-2})}
    monkeypatch.setattr(parity, "OPTIMIZERS", wrong)
    checks = evaluate(CLAIM, {"runs": defaults_runs()}).checks
    failed = [check.name for check in checks if not check.holds]
    assert len(failed) == 1
    assert "is RMSProp" in failed[0]


@pytest.mark.parametrize("reduction", parity.reductions(), ids=lambda each: each.name)
def test_reductions_hold_for_other_gradients(reduction):
    assert parity.difference(reduction, seed=5) < 1e-12


def test_rmsprop_with_momentum_of_its_own_is_another_optimizer():
    assert parity.difference(parity.rmsprop_with_own_momentum()) > 0.1


def test_the_summary_spells_the_coefficients():
    assert formulas(OPTIMIZERS["sgd"]) == ("g", "1")
    assert formulas(OPTIMIZERS["adam"]) == ("0.9m + 0.1g", "√(0.999s + 0.001g²)")
    assert formulas(OPTIMIZERS["rmsprop"]) == ("g", "√(0.99s + 0.01g²)")
