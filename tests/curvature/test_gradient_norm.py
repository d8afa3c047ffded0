"""Minimisation of the gradient norm where its ends are known, and on networks."""

import pytest
import torch

from unstuck.curvature.critical_points.following import minimise_last_layer
from unstuck.curvature.critical_points.gradient_norm import minimise_gradient_norm
from unstuck.curvature.objective import Surface
from unstuck.errors import CurvatureError


def ends(function, *starts, **options):
    points = torch.tensor(starts, dtype=torch.float64)
    return minimise_gradient_norm(Surface(function=function, theta=points[0]), points, **options)


def test_it_is_caught_where_the_gradient_is_in_the_kernel_of_the_hessian():
    """(t0^3 / 3 + t0) + t1^2: its slope is least at t0 = 0, where it is 1 and H g = 0."""
    for found in ends(lambda t: t[0] ** 3 / 3 + t[0] + t[1] ** 2, (1.0, 1.0), (-0.7, 2.0)):
        assert found.certificate.kind == "gradient-flat"
        assert not found.converged
        assert found.certificate.gradient_norm == pytest.approx(1, abs=1e-12)
        assert found.certificate.flatness == pytest.approx(1, abs=1e-6)
        torch.testing.assert_close(found.theta, torch.zeros_like(found.theta), atol=1e-6, rtol=0)


def test_where_it_starts_decides_whether_it_is_caught():
    """The slope along t0 is t0 (t0 - 1)^2 + 0.1: a root below 0, and a least value of 0.1 at 1."""

    def slope(t):
        return t[0] ** 4 / 4 - 2 * t[0] ** 3 / 3 + t[0] ** 2 / 2 + 0.1 * t[0] + t[1] ** 2

    caught, found = ends(slope, (1.1, 0.5), (-0.2, 0.5))
    assert caught.certificate.kind == "gradient-flat"
    torch.testing.assert_close(
        caught.theta, torch.tensor([1.0, 0.0], dtype=torch.float64), atol=1e-6, rtol=0
    )
    assert caught.certificate.gradient_norm == pytest.approx(0.1, abs=1e-12)
    assert found.certificate.kind == "minimum"
    root = float(found.theta[0])
    assert root * (root - 1) ** 2 + 0.1 == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("sign", "kind"), [(1, "minimum"), (-1, "saddle")])
def test_a_quadratic_is_solved(sign, kind):
    (found,) = ends(lambda t: t[0] ** 2 + sign * 3 * t[1] ** 2 + t[0] * t[1], (2.0, -1.0))
    assert found.certificate.kind == kind
    assert found.converged
    assert found.theta.norm() < 1e-12
    assert (found.gradient_norms[1:] < found.gradient_norms[:-1]).all()


def test_the_toy_ends_at_its_saddle_or_among_its_minima():
    saddle, minimum = ends(lambda t: (1 - t[0] * t[1]) ** 2, (0.3, 0.1), (2.0, 1.0))
    assert saddle.certificate.kind == "saddle"
    assert saddle.theta.norm() < 1e-12
    # its minima lie on a curve, so that one eigenvalue is 0
    assert minimum.certificate.kind == "degenerate"
    assert float(minimum.theta.prod()) == pytest.approx(1, abs=1e-10)


def test_ends_on_networks_pass_a_check_that_shares_no_code(build, reference_loss):
    problem = build(hidden=(3,), weight_decay=0.01, samples=60, shape=(2,))
    generator = torch.Generator().manual_seed(7)
    draws = torch.randn(16, problem.parameter_count, generator=generator, dtype=torch.float64)
    found = minimise_gradient_norm(problem, minimise_last_layer(problem, 0.7 * draws))
    kinds = {point.certificate.kind for point in found}
    assert "gradient-flat" in kinds
    assert kinds & {"saddle", "minimum"}
    loss = reference_loss(problem)

    def height(theta):
        theta = theta.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(theta), theta)
        return 0.5 * float(gradient @ gradient)

    for point in found:
        matrix = torch.autograd.functional.hessian(loss, point.theta)
        theta = point.theta.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(theta), theta)
        if point.converged:
            assert gradient.norm() <= 1e-10
        elif point.certificate.kind == "gradient-flat":
            assert gradient.norm() > 1e-6
            kernel = (matrix @ gradient).norm() / (matrix.norm() * gradient.norm())
            assert kernel < 1e-11
        # nothing nearby has a smaller gradient
        for draw in draws[:5]:
            moved = point.theta + 1e-3 * draw / draw.norm()
            assert height(moved) >= height(point.theta)


def test_alone_and_among_others_a_search_ends_alike(build):
    problem = build(hidden=(2,), weight_decay=0.02, samples=40, shape=(3,))
    starts = problem.theta + 0.1 * torch.arange(4, dtype=torch.float64)[:, None]
    together = minimise_gradient_norm(problem, starts)
    for start, found in zip(starts, together, strict=True):
        (alone,) = minimise_gradient_norm(problem, start[None])
        assert alone.certificate.kind == found.certificate.kind
        torch.testing.assert_close(alone.theta, found.theta, atol=1e-6, rtol=1e-6)


def test_too_few_steps_leave_neither():
    (found,) = ends(lambda t: t[0] ** 4 + t[0] ** 2 + t[1] ** 2, (2.0, 1.0), steps=1)
    assert found.certificate.kind == "none"
    assert len(found.gradient_norms) <= 2


def test_single_precision_is_refused():
    with pytest.raises(CurvatureError, match=r"torch\.float32"):
        minimise_gradient_norm(
            Surface(function=lambda t: (t**2).sum(), theta=torch.zeros(2)), torch.ones(1, 2)
        )
