"""Critical points with known answers, polishing, and certificates."""

import numpy as np
import pytest
import torch

from unstuck.curvature.critical_points.certificate import certify
from unstuck.curvature.critical_points.newton import (
    damped_newton_step,
    newton_residual,
    saddle_free_step,
)
from unstuck.curvature.critical_points.polishing import polish
from unstuck.curvature.objective import Surface
from unstuck.errors import CurvatureError


def surface(function, *theta):
    return Surface(function=function, theta=torch.tensor(theta, dtype=torch.float64))


GALLERY = {
    "bowl": (lambda t: t[0] ** 2 + 3 * t[1] ** 2, (0, 0), "minimum"),
    "dome": (lambda t: -(t[0] ** 2) - 3 * t[1] ** 2, (0, 0), "maximum"),
    "saddle": (lambda t: t[0] ** 2 - 3 * t[1] ** 2, (0, 0), "saddle"),
    "monkey_saddle": (lambda t: t[0] ** 3 - 3 * t[0] * t[1] ** 2, (0, 0), "degenerate"),
    "quartic_bowl": (lambda t: t[0] ** 4 + t[1] ** 4, (0, 0), "degenerate"),
    "gutter": (lambda t: t[0] ** 2 + 0 * t[1], (0, 5), "degenerate"),
    "toy_saddle": (lambda t: (1 - t[0] * t[1]) ** 2, (0, 0), "saddle"),
    "toy_minimum": (lambda t: (1 - t[0] * t[1]) ** 2, (2, 0.5), "degenerate"),
    "slope": (lambda t: t[0] + t[1] ** 2, (0, 0), "gradient-flat"),
    "bowl_side": (lambda t: t[0] ** 2 + 3 * t[1] ** 2, (1, 1), "none"),
}


@pytest.mark.parametrize(("function", "theta", "kind"), GALLERY.values(), ids=GALLERY.keys())
def test_gallery(function, theta, kind):
    certificate = certify(surface(function, *theta))
    assert certificate.kind == kind
    assert certificate.converged == (kind not in ("none", "gradient-flat", "degenerate")) or (
        kind == "degenerate"
    )


@pytest.mark.parametrize("negatives", [0, 3, 20, 39, 40])
def test_newton_finds_the_saddle_of_any_index(rng, negatives):
    """A quadratic saddle bent by a quartic term, from a start beside it."""
    values = rng.uniform(0.5, 2.0, 40)
    values[:negatives] *= -1
    basis = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    matrix = torch.from_numpy((basis * values) @ basis.T)
    start = torch.from_numpy(0.1 * rng.standard_normal(40))
    bent = Surface(
        function=lambda t: 0.5 * t @ matrix @ t + 0.1 * (t**4).sum() - 0.05 * (t**3).sum(),
        theta=start,
    )
    found = polish(bent, target="nearest")
    assert found.converged
    assert found.certificate.inertia.negative == negatives
    assert found.certificate.gradient_norm < 1e-14
    assert found.theta.norm() < 1e-13
    assert found.distance == pytest.approx(float(start.norm()))
    assert found.gradient_norms[0] == found.start_gradient_norm


def test_saddle_free_step_leaves_the_saddle_that_newton_walks_into():
    function = GALLERY["saddle"][0]
    beside = surface(function, 0.5, 1e-3)
    loss, gradient = beside.loss_and_gradient()
    matrix = torch.diag(torch.tensor([2.0, -6.0], dtype=torch.float64))
    newton = damped_newton_step(matrix, gradient, damping=1e-12)
    torch.testing.assert_close(newton, -beside.theta)
    free = saddle_free_step(matrix, gradient, floor=1e-12)
    torch.testing.assert_close(free, torch.tensor([-0.5, 1e-3], dtype=torch.float64))
    assert beside.at(beside.theta + free).value() < 0 < loss


def test_damped_step_drops_flat_directions(rng):
    values = np.array([3.0, -1.0, 0.5, 1e-9, 0.0])
    basis = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    matrix = torch.from_numpy((basis * values) @ basis.T)
    gradient = torch.from_numpy(rng.standard_normal(5))
    step = damped_newton_step(matrix, gradient, damping=1e-5)
    inverse = values / (values**2 + 1e-10)
    components = torch.from_numpy(basis.T) @ gradient
    # the flat eigenvalue is 1e-9, so rounding of 1e-16 in the matrix is 1e-7 of it
    expected = -torch.from_numpy(basis * inverse) @ components
    torch.testing.assert_close(step, expected, rtol=1e-5, atol=1e-5)


def test_newton_residual_tells_flat_from_solvable():
    matrix = torch.diag(torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64))
    kernel, image = torch.eye(3, dtype=torch.float64)[[2, 0]]
    assert newton_residual(matrix, kernel, relative_cut=1e-8) == pytest.approx(1)
    assert newton_residual(matrix, image, relative_cut=1e-8) < 1e-12
    assert newton_residual(0 * matrix, image, relative_cut=1e-8) == 1


def test_polishing_a_network_ends_in_a_certified_minimum(build):
    found = polish(build(hidden=(4,), weight_decay=0.02, samples=60))
    assert found.converged
    assert found.certificate.kind == "minimum"
    assert found.certificate.gradient_norm < 1e-14
    assert found.certificate.loss < found.start_loss


def test_symmetric_zeros_do_not_make_a_minimum_degenerate(build):
    """Softmax regression without weight decay: flat along shifts, a minimum across them."""
    problem = build(hidden=(), samples=200)
    found = polish(problem)
    assert found.certificate.kind == "minimum"
    assert found.certificate.inertia.zero == found.certificate.symmetry_zeros == 6 + 1
    assert found.converged


def test_wrong_arguments_are_named(build):
    with pytest.raises(CurvatureError, match=r"torch\.float32"):
        polish(build().to(torch.float32))
    with pytest.raises(CurvatureError, match="gradient_tolerance is -1"):
        certify(build(), gradient_tolerance=-1)
    with pytest.raises(CurvatureError, match="relative_tolerance is 2"):
        certify(build(), relative_tolerance=2)
    with pytest.raises(CurvatureError, match="damping is 0"):
        damped_newton_step(torch.eye(2), torch.ones(2), damping=0)
