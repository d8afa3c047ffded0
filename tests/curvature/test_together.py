"""Expansions at many points against those of one point after another."""

import pytest
import torch

from unstuck.curvature.hessian import dense, together
from unstuck.curvature.hessian.together import expand
from unstuck.errors import CurvatureError


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": ()},
        {"hidden": (4,)},
        {"hidden": (5, 4, 3)},
        {"hidden": (3, 3), "activation": "sigmoid", "loss": "squared_error"},
        {"hidden": (3, 4), "activation": "relu", "loss": "softmax_squared_error"},
    ],
)
def test_they_are_those_of_each_point(build, options):
    problem = build(weight_decay=0.02, samples=23, **options)
    theta = problem.theta + 0.1 * torch.arange(3, dtype=torch.float64)[:, None]
    found = expand(problem, theta)
    for member in range(3):
        here = problem.at(theta[member])
        loss, gradient = here.loss_and_gradient()
        assert float(found.loss[member]) == pytest.approx(loss, rel=1e-13)
        torch.testing.assert_close(found.gradient[member], gradient, rtol=1e-11, atol=1e-14)
        torch.testing.assert_close(found.hessian[member], dense.hessian(here), rtol=0, atol=1e-14)


def test_the_hessian_is_that_of_autograd(build, reference_hessian):
    problem = build(hidden=(4, 3), samples=30)
    found = expand(problem, problem.theta[None])
    torch.testing.assert_close(found.hessian[0], reference_hessian(problem), rtol=0, atol=1e-13)


def test_points_are_taken_in_passes(build, monkeypatch):
    problem = build(hidden=(4,), weight_decay=0.01)
    theta = problem.theta + 0.1 * torch.arange(5, dtype=torch.float64)[:, None]
    whole = expand(problem, theta)
    monkeypatch.setattr(together, "_PASS_BYTES", 1)
    parts = expand(problem, theta)
    torch.testing.assert_close(parts.hessian, whole.hessian, rtol=0, atol=1e-15)
    torch.testing.assert_close(parts.loss, whole.loss, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    "options", [{"kind": "conv1d", "hidden": (3,)}, {"hidden": (4,), "batchnorm": "before"}]
)
def test_other_networks_are_refused(build, options):
    problem = build(**options)
    with pytest.raises(CurvatureError, match="dense networks without batchnorm"):
        expand(problem, problem.theta[None])


def test_some_are_chosen(build):
    problem = build(hidden=(4,))
    found = expand(problem, torch.stack([problem.theta, 2 * problem.theta]))
    second = found[torch.tensor([False, True])]
    assert torch.equal(second.theta, 2 * problem.theta[None])
    assert torch.equal(second.hessian, found.hessian[1:])
