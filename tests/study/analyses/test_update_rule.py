"""What the update rule makes of known gradients, against torch.optim and recurrences."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.study.analyses.rates import early_variance, parity, steady_state


@pytest.fixture(scope="module")
def tables(tables_of):
    return tables_of("update_rule")


def test_adam_is_momentum_over_sigma_both_corrected_and_nothing_else(tables):
    table = tables["parity"]
    found = table[table["part"] == "combination"].groupby("against")["difference"]
    assert found.max()["corrected"] < 1e-12
    assert found.min()["uncorrected"] > 0.1
    assert found.min()["RMSprop(momentum)"] > 0.1
    assert table[table["part"] != "combination"]["difference"].max() < 1e-12
    assert set(table[table["part"] == "torch.optim"]["rule"]) == set(parity.REFERENCES)


def test_a_rule_with_another_coefficient_is_no_combination(monkeypatch):
    wrong = {**OPTIMIZERS, "adam": OPTIMIZERS["adam"].model_copy(update={"epsilon_scaled": True})}
    wrong["adam"] = wrong["adam"].model_copy(update={"epsilon": 1e-2})
    right = parity.OPTIMIZERS["adam"]
    rule = parity.UpdateRule
    monkeypatch.setattr(
        parity,
        "UpdateRule",
        lambda rows, *rest: rule([wrong["adam"] if row == right else row for row in rows], *rest),
    )
    assert parity.distance_from_parts(0, corrected=True) > 1e-4


def test_the_steps_of_adam_are_those_of_torch():
    found = steady_state.adam_steps(50)
    for member, (beta1, beta2) in enumerate(steady_state.PAIRS):
        weight = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([weight], lr=1.0, betas=(beta1, beta2), eps=0.0)
        for t, gradient in enumerate(steady_state.gradient_signs(50)):
            before = weight.detach().clone()
            weight.grad = torch.from_numpy(gradient.copy())
            optimizer.step()
            step = (before - weight.detach()).numpy()
            np.testing.assert_allclose(step, found.step[t, member], atol=1e-12)


def test_m_and_sigma_do_not_cancel(tables):
    limits = tables["limits"].set_index(["beta1", "beta2"])
    assert limits.loc[(0.9, 0.999), "ratio"] == pytest.approx(19, rel=1e-9)
    assert limits["relative_error"].max() < 1e-9
    assert limits["sigma_gap"].max() == 0
    assert limits["recurrence_gap"].max() < 1e-12
    steps = tables["steps"]
    # the first step has size 1 whatever the sequence: bias correction
    np.testing.assert_allclose(steps.query("update == 1")["ratio"], 1)
    np.testing.assert_allclose(steps.query("gradients == 'constant'")["ratio"], 1, rtol=1e-12)


def test_without_bias_correction_the_recurrence_tells(monkeypatch):
    plain = steady_state.optimizer
    monkeypatch.setattr(
        steady_state, "optimizer", lambda name, **given: plain(name, bias_correction=False, **given)
    )
    assert steady_state.limits()["recurrence_gap"].max() > 0.1


@pytest.mark.parametrize("alpha", steady_state.ALPHAS)
def test_sigma_forgets_as_a_recurrence_does(tables, alpha):
    squares, updates = 100.0**2, 0
    while 0.1 / np.sqrt(squares) < 0.5:
        squares, updates = alpha * squares + (1 - alpha) * 0.1**2, updates + 1
    # the step of an update takes in its own gradient
    row = tables["memory"].set_index("alpha").loc[alpha]
    assert row["updates"] == updates
    assert row["relative_error"] < 0.05


@pytest.mark.parametrize("count", [3, 10, 50])
def test_the_variance_of_sigma_is_that_of_the_chi_squared_distribution(count):
    density = stats.chi2(count).pdf
    first, second = (
        integrate.quad(lambda s, p=power: (s / count) ** (-p / 2) * density(s), 0, np.inf)[0]
        for power in (1, 2)
    )
    assert early_variance.gaussian_variance(count) == pytest.approx(second / first**2 - 1, rel=1e-6)


def test_simulated_and_rectified_variance(tables):
    table = tables["early_sigma"].set_index(["source", "update"])["over_exact"]
    assert table["simulated"][[5, 10, 50, 100]].sub(1).abs().max() < 0.1
    assert np.isnan(table["simulated"][2])
    assert table["RAdam"][100] == pytest.approx(1, rel=0.1)


def test_the_mean_with_a_decaying_rate_walks_the_path_of_the_sum(tables):
    gaps = tables["adagrad"].groupby("rule")["gap"]
    assert gaps.max()["mean, decayed"] < 1e-12
    assert gaps.max()["recurrence"] < 1e-8
    assert gaps.min()["mean"] > 1e-3
