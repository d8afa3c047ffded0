"""Orders of the Taylor remainders, and the fall of the loss beside a saddle."""

import numpy as np
import pytest
import torch

from unstuck.curvature.critical_points.escape import drop
from unstuck.curvature.objective import Surface
from unstuck.curvature.taylor import remainders
from unstuck.errors import CurvatureError

RADII = np.logspace(-4, -2, 9)
CASES = {
    "tanh": {},
    "sigmoid_squared_error": {"activation": "sigmoid", "loss": "squared_error"},
    "batchnorm": {"batchnorm": "before"},
    "conv2d": {"kind": "conv2d", "hidden": (3,)},
}


def toy(theta):
    return (1 - theta[0] * theta[1]) ** 2


TOY_SADDLE = Surface(function=toy, theta=torch.zeros(2, dtype=torch.float64))
TOY_DOWN = torch.tensor([1.0, 1.0], dtype=torch.float64)


def slopes(found):
    """Log-log slope of each remainder, where it stands above rounding."""
    sizes = np.abs(found.remainders)
    assert (sizes > 100 * found.floor).all()
    return np.polyfit(np.log(found.radii), np.log(sizes).T, 1)[0]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_slopes_are_one_two_three(build, rng, case):
    problem = build(**case)
    direction = torch.from_numpy(rng.standard_normal(problem.parameter_count))
    found = remainders(problem, direction, radii=RADII)
    np.testing.assert_allclose(slopes(found), [1, 2, 3], atol=0.05)


def test_remainders_are_differences_of_the_loss(build, rng):
    problem = build()
    direction = torch.from_numpy(rng.standard_normal(problem.parameter_count))
    unit = direction / direction.norm()
    radii = np.array([0.1, 0.2, 0.4])
    found = remainders(problem, direction, radii=radii)
    hessian = problem.hessian_product(unit) @ unit
    slope = problem.gradient() @ unit
    for index, radius in enumerate(radii):
        change = problem.at(problem.theta + radius * unit).value() - problem.value()
        terms = np.array([0.0, radius * float(slope), 0.5 * radius**2 * float(hessian)])
        np.testing.assert_allclose(
            found.remainders[:, index], change - np.cumsum(terms), rtol=1e-7, atol=1e-10
        )


def test_remainder_of_a_cubic_is_its_cube():
    cubic = Surface(
        function=lambda t: t[0] ** 3 + 2 * t[0] ** 2 - t[0],
        theta=torch.zeros(1, dtype=torch.float64),
    )
    found = remainders(cubic, torch.ones(1, dtype=torch.float64), radii=RADII)
    np.testing.assert_allclose(found.remainders[2], RADII**3, rtol=1e-8)


def test_a_remainder_of_zero_is_below_its_rounding_error():
    bowl = Surface(function=lambda t: 0.5 * t @ t, theta=torch.ones(2, dtype=torch.float64))
    found = remainders(bowl, torch.tensor([1.0, 2.0], dtype=torch.float64), radii=RADII)
    assert (np.abs(found.remainders[2]) <= 100 * found.floor[2]).all()
    assert (np.abs(found.remainders[:2]) > 100 * found.floor[:2]).all()


def test_toy_drop():
    """Along (1, 1) from the origin the loss is (1 - e^2 / 2)^2: ratio 1 - e^2 / 4."""
    found = drop(TOY_SADDLE, direction=TOY_DOWN, eigenvalue=-2.0, radii=RADII)
    np.testing.assert_allclose(found.ratio, 1 - RADII**2 / 4, rtol=1e-12)
    assert found.residual < 1e-14
    wrong = drop(TOY_SADDLE, direction=TOY_DOWN, eigenvalue=-1.0, radii=RADII)
    assert wrong.residual == pytest.approx(1)


def test_wrong_arguments_are_named():
    with pytest.raises(CurvatureError, match="the eigenvalue is 2"):
        drop(TOY_SADDLE, direction=TOY_DOWN, eigenvalue=2.0, radii=RADII)
    with pytest.raises(CurvatureError, match="positive and ascending"):
        remainders(TOY_SADDLE, TOY_DOWN, radii=RADII[::-1])
    with pytest.raises(CurvatureError, match="direction has norm 0"):
        remainders(TOY_SADDLE, 0 * TOY_DOWN, radii=RADII)
