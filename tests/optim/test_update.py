"""Properties of the update rule: companions, divergence, state, reductions, exact identities."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from unstuck.optim.coefficients import OPTIMIZERS, Coefficients, optimizer
from unstuck.optim.schedules import SCHEDULES, factors
from unstuck.optim.update import UpdateRule

UPDATES = 25

# every optimizer, and every branch that only an override reaches
ROWS: dict[str, Coefficients] = dict(OPTIMIZERS) | {
    "sgd with L2": optimizer("sgd", weight_decay=0.1),
    "sgd with decoupled decay": optimizer("sgd", weight_decay=0.1, decoupled_decay=True),
    "dampened momentum": optimizer("momentum", dampening=0.3, weight_decay=0.01),
    "nesterov with L2": optimizer("nesterov", weight_decay=0.01),
    "rmsprop with momentum": optimizer("rmsprop", momentum=0.8, weight_decay=0.01),
    "corrected rmsprop with momentum": optimizer("rmsprop", momentum=0.8, bias_correction=True),
    "adagrad with nesterov": optimizer("adagrad", momentum=0.5, nesterov=True),
    "adagrad_mean with momentum": optimizer("adagrad_mean", momentum=0.5, averaging="mean"),
    "adam with L2": optimizer("adam", weight_decay=0.01),
}


def run(
    rows: Sequence[Coefficients],
    start: Tensor,
    gradients: Tensor,
    lr: Tensor,
    factor: np.ndarray | None = None,
) -> Tensor:
    """Parameters after updates with given gradients, [T, K, P], plus a pull to the origin."""
    rule = UpdateRule(rows, start.shape[1], start.dtype)
    theta = start.clone()
    for t, gradient in enumerate(gradients):
        rule.step(theta, gradient + 0.1 * theta, lr if factor is None else lr * factor[t])
    return theta


def written_out(row: Coefficients, start: Tensor, gradients: Tensor, lr: Tensor) -> Tensor:
    """The same by the equation, of one member: start [P], gradients [T, P]."""
    theta, m, s = start, torch.zeros_like(start), torch.zeros_like(start)
    for t, drawn in enumerate(gradients, start=1):
        terms = row.terms(t)
        gradient = drawn + 0.1 * theta + terms.l2 * theta
        s = terms.keep_s * s + terms.take_s * gradient**2
        sigma = terms.root * s.sqrt() + terms.floor
        unit = gradient / sigma if terms.early else gradient
        m = terms.keep_m * m + terms.take_m * unit
        direction = terms.of_m * m + terms.of_u * unit
        step = direction if terms.early else direction / sigma
        theta = (1 - lr * terms.decay) * theta - lr * terms.scale * step
    return theta


def problem(members: int, parameters: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Start [K, P], gradients [T, K, P] and rates [K] of a random problem."""
    random = torch.Generator().manual_seed(0)
    start = torch.randn(members, parameters, generator=random, dtype=torch.float64)
    gradients = torch.randn(UPDATES, members, parameters, generator=random, dtype=torch.float64)
    lr = 10 ** torch.empty(members, dtype=torch.float64).uniform_(-3, -1, generator=random)
    return start.to(dtype), gradients.to(dtype), lr.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("parameters", [1, 13, 257])
def test_bits_of_a_member_depend_on_no_other(dtype: torch.dtype, parameters: int) -> None:
    """Alone, among its like, or between other optimizers: the same bits."""
    rows = list(ROWS.values())
    start, gradients, lr = problem(len(rows), parameters, dtype)
    mixed = run(rows, start, gradients, lr)
    for k, row in enumerate(rows):
        alone = run([row], start[k : k + 1], gradients[:, k : k + 1], lr[k : k + 1])
        assert torch.equal(mixed[k], alone[0])
        uniform = run([row] * len(rows), start, gradients, lr)
        assert torch.equal(mixed[k], uniform[k])


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_diverged_member_stays_alone(poison: float) -> None:
    rows = [row for row in ROWS.values() for _ in range(2)]
    start, gradients, lr = problem(len(rows), 13, torch.float32)
    healthy = run(rows, start, gradients, lr)
    gradients[3, ::2] = poison
    ill = run(rows, start, gradients, lr)
    assert not ill[::2].isfinite().all(dim=1).any()
    assert torch.equal(ill[1::2], healthy[1::2])


@pytest.mark.parametrize("rows", [*([row] * 3 for row in ROWS.values()), list(ROWS.values())])
def test_step_is_the_equation(rows: list[Coefficients]) -> None:
    """The in-place passes against the equation written once, for uniform and mixed populations."""
    start, gradients, lr = problem(len(rows), 13, torch.float64)
    expected = [written_out(row, start[k], gradients[:, k], lr[k]) for k, row in enumerate(rows)]
    found = run(rows, start, gradients, lr)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-12, atol=1e-13)


def test_gradient_and_rate_are_left_as_they_are() -> None:
    rows = list(ROWS.values())
    start, gradients, lr = problem(len(rows), 13, torch.float32)
    rule = UpdateRule(rows, 13)
    gradient, rate = gradients[0].clone(), lr.clone()
    rule.step(start, gradient, rate)
    assert torch.equal(gradient, gradients[0])
    assert torch.equal(rate, lr)


def test_rates_of_another_dtype_leave_that_of_the_parameters() -> None:
    rows = list(ROWS.values())
    start, gradients, lr = problem(len(rows), 13, torch.float32)
    rule, expected = UpdateRule(rows, 13), start.clone()
    UpdateRule(rows, 13).step(expected, gradients[0], lr)
    rule.step(start, gradients[0], lr.double())
    assert start.dtype == torch.float32
    torch.testing.assert_close(start, expected)


@pytest.mark.parametrize("name", list(ROWS))
def test_rate_zero_moves_nothing(name: str) -> None:
    start, gradients, lr = problem(1, 13, torch.float32)
    gradients[:, :, 0] = 0
    assert torch.equal(run([ROWS[name]], start, gradients, 0 * lr), start)


def test_state_restores_a_run() -> None:
    rows = list(ROWS.values())
    start, gradients, lr = problem(len(rows), 13, torch.float32)
    rule, theta = UpdateRule(rows, 13), start.clone()
    for t, gradient in enumerate(gradients):
        if t == 10:
            saved = {name: tensor.clone() for name, tensor in rule.state.items()}
            halfway = theta.clone()
        rule.step(theta, gradient, lr)
    resumed = UpdateRule(rows, 13)
    resumed.load_state(saved)
    for gradient in gradients[10:]:
        resumed.step(halfway, gradient, lr)
    assert torch.equal(halfway, theta)


def test_plain_descent_stores_nothing() -> None:
    rule = UpdateRule([OPTIMIZERS["sgd"]] * 4, 13)
    assert rule.m.numel() == rule.s.numel() == 0
    rule = UpdateRule([OPTIMIZERS["momentum"]] * 4, 13)
    assert rule.s.numel() == 0


def test_wrong_shapes_are_named() -> None:
    rule = UpdateRule([OPTIMIZERS["adam"]] * 2, 5)
    theta, lr = torch.zeros(2, 5), torch.zeros(2)
    with pytest.raises(ValueError, match=r"theta and gradient must be \[2, 5\].*\[2, 4\]"):
        rule.step(theta, theta[:, :4], lr)
    with pytest.raises(ValueError, match=r"lr must be \[2\], but is \[2, 1\]"):
        rule.step(theta, theta, lr.unsqueeze(1))
    with pytest.raises(ValueError, match=r"state 's' must be \[2, 5\], but is missing"):
        rule.load_state({"m": theta, "t": torch.tensor(0)})
    with pytest.raises(ValueError, match="at least one row"):
        UpdateRule([], 5)


def adam(**overrides: object) -> Coefficients:
    return optimizer("adam", **{"epsilon": 1e-4, "beta2": 0.9} | overrides)


def rmsprop(**overrides: object) -> Coefficients:
    return optimizer("rmsprop", **{"epsilon": 1e-4, "beta2": 0.9} | overrides)


# special case -> what it reduces to; bits may differ in the last place
REDUCTIONS: dict[str, tuple[Coefficients, Coefficients]] = {
    "adam without momentum and correction is rmsprop": (
        adam(momentum=0.0, bias_correction=False),
        rmsprop(),
    ),
    "adamw without decay is adam": (
        optimizer("adamw", epsilon=1e-4, beta2=0.9, weight_decay=0.0),
        adam(),
    ),
    "momentum 0 is sgd": (optimizer("momentum", momentum=0.0), OPTIMIZERS["sgd"]),
    "rmsprop that forgets nothing, scaled by its length, is adagrad_mean": (
        rmsprop(beta2=1 - 1e-8, bias_correction=True, epsilon_scaled=True),
        optimizer("adagrad_mean", epsilon=1e-4 * 1e4),
    ),
    "radam before it trusts σ is corrected momentum": (
        optimizer("radam", beta2=0.5),
        optimizer("momentum", averaging="mean", bias_correction=True),
    ),
}


@pytest.mark.parametrize("case", list(REDUCTIONS))
def test_reductions(case: str) -> None:
    special, general = REDUCTIONS[case]
    start, gradients, lr = problem(3, 13, torch.float64)
    left = run([special] * 3, start, gradients, lr)
    right = run([general] * 3, start, gradients, lr)
    close = 1e-6 if "forgets nothing" in case else 1e-11  # 1 − β₂ = 1e-8 is not quite nothing
    torch.testing.assert_close(left, right, rtol=close, atol=close)


def test_heavy_ball_is_scaled_averaging() -> None:
    """m summed at rate η steps like m averaged at rate η / (1 − β₁), but for the first gradient."""
    start, gradients, lr = problem(2, 5, torch.float64)
    heavy = run([optimizer("momentum", momentum=0.8)] * 2, start, gradients, lr)
    averaged = optimizer("momentum", momentum=0.8, averaging="mean")
    torch.testing.assert_close(run([averaged] * 2, start, gradients, lr / 0.2), heavy)


def test_adam_without_accumulator_forgetting_is_sign_descent() -> None:
    start, gradients, lr = problem(2, 5, torch.float64)
    row = adam(momentum=0.0).model_copy(update={"beta2": 0.0, "epsilon": 0.0})
    rule, theta = UpdateRule([row] * 2, 5, torch.float64), start.clone()
    for gradient in gradients:
        before = theta.clone()
        rule.step(theta, gradient, lr)
        torch.testing.assert_close(theta, before - lr[:, None] * gradient.sign())


@pytest.mark.parametrize("epsilon", [0.0, 1e-10, 0.1])
def test_mean_rule_with_inverse_sqrt_schedule_is_sum_rule(epsilon: float) -> None:
    """σ of the mean is σ of the sum over √t, whatever ε."""
    start, gradients, lr = problem(3, 13, torch.float64)
    factor = factors(SCHEDULES["inverse_sqrt"], UPDATES)
    mean = run([optimizer("adagrad_mean", epsilon=epsilon)] * 3, start, gradients, lr, factor)
    total = run([optimizer("adagrad", epsilon=epsilon)] * 3, start, gradients, lr)
    torch.testing.assert_close(mean, total, rtol=1e-13, atol=1e-14)


def test_adagrad_mean_is_the_lecture_s_formula() -> None:
    start, gradients, lr = problem(1, 5, torch.float64)
    rule = UpdateRule([optimizer("adagrad_mean", epsilon=0.0)], 5, torch.float64)
    theta, expected = start.clone(), start.clone()
    for t, gradient in enumerate(gradients):
        rule.step(theta, gradient, lr)
        sigma = (gradients[: t + 1].square().sum(dim=0) / (t + 1)).sqrt()
        expected = expected - lr[:, None] * gradient / sigma
        torch.testing.assert_close(theta, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("beta2", [0.5, 0.9, 0.999])
def test_direction_and_size_do_not_cancel(beta1: float, beta2: float) -> None:
    """m/σ of constant gradients is 1; of alternating ones (1 − β₁)/(1 + β₁) in the end."""
    row = Coefficients(
        momentum=beta1,
        averaging="mean",
        accumulator="exponential",
        beta2=beta2,
        bias_correction=True,
    )
    rule = UpdateRule([row] * 2, 1, torch.float64)
    theta, lr = torch.zeros(2, 1, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    for t in range(4000):
        before = theta.clone()
        rule.step(theta, torch.tensor([[1.0], [(-1.0) ** t]], dtype=torch.float64), lr)
    constant, alternating = (theta - before).abs().squeeze(1).tolist()
    assert constant == pytest.approx(1, abs=1e-10)
    assert alternating == pytest.approx((1 - beta1) / (1 + beta1), abs=1e-10)
