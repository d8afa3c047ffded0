"""The search that favours no index, and gradient descent from many places at once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from unstuck.curvature.critical_points.departure import descend_together, loss_and_gradient
from unstuck.curvature.critical_points.following import (
    follow_eigenvectors,
    last_layer,
    minimise_last_layer,
)
from unstuck.errors import CurvatureError
from unstuck.optim.coefficients import optimizer
from unstuck.optim.update import UpdateRule

DECAY = 0.02


@pytest.fixture
def problem(build):
    return build(hidden=(2,), weight_decay=DECAY, samples=40, shape=(3,), seed=1)


def hessian_of(problem, theta, loss):
    return torch.autograd.functional.hessian(loss(problem), theta)


def test_the_last_layer_starts_after_the_hidden_ones(build):
    assert last_layer(build(hidden=(2,), shape=(3,))) == 3 * 2 + 2
    assert last_layer(build(hidden=(2, 5), shape=(3,))) == 3 * 2 + 2 + 2 * 5 + 5


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_the_last_layer_is_at_its_minimum(build, loss):
    problem = build(hidden=(2,), weight_decay=DECAY, samples=40, shape=(3,), loss=loss)
    starts = problem.theta + torch.tensor([0.0, 0.5], dtype=torch.float64)[:, None]
    head = last_layer(problem)
    for start, found in zip(starts, minimise_last_layer(problem, starts), strict=True):
        torch.testing.assert_close(found[:head], start[:head])
        gradient = problem.at(found).gradient()
        assert gradient[head:].norm() < 1e-8
        # the hidden layer has no reason to be at its own
        assert gradient[:head].norm() > 1e-4


def test_searches_end_at_critical_points_of_several_indices(build, reference_loss):
    rng = np.random.default_rng([0, 7502])
    problem = build(hidden=(2,), weight_decay=0.05, samples=40, shape=(2,), seed=2)
    loss = reference_loss(problem)
    found = []
    starts = 0.5 * torch.from_numpy(rng.standard_normal((25, problem.parameter_count)))
    for point in follow_eigenvectors(problem, starts):
        if not point.converged:
            continue
        theta = point.theta.requires_grad_()
        (gradient,) = torch.autograd.grad(loss(theta), theta)
        assert gradient.norm() < 1e-10
        values = torch.linalg.eigvalsh(hessian_of(problem, point.theta.detach(), reference_loss))
        inertia = point.certificate.inertia
        assert int((values < -inertia.tolerance).sum()) == inertia.negative
        # eliminating the convex last layer leaves the index to the hidden one
        assert inertia.negative <= last_layer(problem)
        found.append(inertia.negative)
    assert len(found) >= 10
    assert len(set(found)) >= 2


def test_a_search_that_runs_out_of_steps_is_not_converged(problem):
    (found,) = follow_eigenvectors(problem, problem.theta[None], steps=1)
    assert not found.converged
    assert len(found.gradient_norms) == 2


def test_no_step_is_longer_than_allowed(problem):
    head = last_layer(problem)
    longest = 0.01
    starts = problem.theta[None]
    (first,) = minimise_last_layer(problem, starts)
    (after,) = follow_eigenvectors(problem, starts, steps=1, longest=longest)
    move = (after.theta - first)[:head]
    assert 0 < move.norm() <= longest * np.sqrt(head) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"weight_decay": 0.0}, {}, "positive weight decay"),
        ({"loss": "softmax_squared_error"}, {}, "needs one of cross_entropy"),
        ({}, {"steps": 0}, "steps 0"),
        ({}, {"longest": 0.0}, "longest is 0.0"),
    ],
)
def test_what_cannot_be_searched_is_named(build, changes, options, message):
    problem = build(**{"hidden": (2,), "weight_decay": DECAY} | changes)
    with pytest.raises(CurvatureError, match=message):
        follow_eigenvectors(problem, problem.theta[None], **options)


def test_searches_side_by_side_end_as_each_alone(problem):
    starts = problem.theta + torch.tensor([0.0, 0.3, -0.4], dtype=torch.float64)[:, None]
    together = follow_eigenvectors(problem, starts)
    for start, found in zip(starts, together, strict=True):
        (alone,) = follow_eigenvectors(problem, start[None])
        assert alone.certificate.kind == found.certificate.kind
        assert len(alone.gradient_norms) == len(found.gradient_norms)
        torch.testing.assert_close(alone.theta, found.theta, atol=1e-8, rtol=1e-8)
        assert found.start_loss == pytest.approx(problem.at(start).value())


def test_losses_and_gradients_of_many_points_are_those_of_each(problem):
    points = problem.theta + 0.1 * torch.arange(3.0, dtype=torch.float64)[:, None]
    losses, gradients = loss_and_gradient(problem, points)
    for point, loss, gradient in zip(points, losses, gradients, strict=True):
        expected, slope = problem.at(point).loss_and_gradient()
        assert float(loss) == pytest.approx(expected, rel=1e-13)
        torch.testing.assert_close(gradient, slope, rtol=1e-11, atol=1e-13)


def test_together_they_descend_as_each_alone(problem):
    starts = problem.theta + torch.tensor([0.0, 0.2, 0.4], dtype=torch.float64)[:, None]
    rates = torch.tensor([0.1, 0.3, 0.2], dtype=torch.float64)
    # each on samples of its own
    problems = [
        replace(problem, theta=start, x=problem.x.roll(shift, 0))
        for shift, start in enumerate(starts)
    ]
    thresholds = torch.tensor([0.9 * each.value() for each in problems], dtype=torch.float64)
    runs = descend_together(
        problems, starts=starts, rates=rates, thresholds=thresholds, max_updates=400
    )
    for index, start in enumerate(starts):
        theta, losses, distances = start, [], []
        while not losses or losses[-1] >= thresholds[index]:
            loss, gradient = problems[index].at(theta).loss_and_gradient()
            losses.append(loss)
            distances.append(float((theta - start).norm()))
            theta = theta - rates[index] * gradient
        assert runs.escaped_at[index] == len(losses) - 1
        found = runs.losses[:, index]
        np.testing.assert_allclose(found[np.isfinite(found)], losses, rtol=1e-11)
        assert runs.farthest[index] == pytest.approx(max(distances), rel=1e-10)


def test_a_run_goes_on_after_its_escape_and_a_staying_one_as_long_as_any(problem):
    starts = problem.theta.expand(3, -1)
    above, below = problem.value() + 1, 0.0
    runs = descend_together(
        [problem] * 3,
        starts=starts,
        rates=torch.full((3,), 0.1, dtype=torch.float64),
        thresholds=torch.tensor([above, above, below], dtype=torch.float64),
        max_updates=50,
        afterwards=torch.tensor([0, 7, 0]),
        stay=torch.tensor([False, False, True]),
    )
    assert np.isfinite(runs.losses).sum(axis=0).tolist() == [1, 8, 8]
    assert runs.escaped_at[:2].tolist() == [0, 0]
    assert np.isnan(runs.escaped_at[2])


def test_wrong_arguments_of_a_descent_are_named(problem):
    one = torch.ones(1, dtype=torch.float64)
    given = {"starts": problem.theta[None], "rates": one, "thresholds": one, "max_updates": 5}
    with pytest.raises(CurvatureError, match=r"thresholds \(2,\)"):
        descend_together([problem], **given | {"thresholds": torch.ones(2)})
    with pytest.raises(CurvatureError, match="must be positive"):
        descend_together([problem], **given | {"rates": -one})


def test_momentum_is_that_of_the_heavy_ball(problem):
    starts = problem.theta + torch.tensor([0.1, 0.3], dtype=torch.float64)[:, None]
    rule = UpdateRule([optimizer("momentum", momentum=0.9)] * 2, starts.shape[1], torch.float64)
    theta, rates = starts.clone(), torch.full((2,), 0.05, dtype=torch.float64)
    losses = []
    for _ in range(6):
        loss, gradient = loss_and_gradient(problem, theta)
        losses.append(loss.numpy())
        rule.step(theta, gradient, rates)
    runs = descend_together(
        [problem] * 2,
        starts=starts,
        rates=rates,
        thresholds=torch.full((2,), -1.0, dtype=torch.float64),
        momenta=torch.full((2,), 0.9, dtype=torch.float64),
        max_updates=5,
    )
    np.testing.assert_allclose(runs.losses, losses, rtol=1e-12)
