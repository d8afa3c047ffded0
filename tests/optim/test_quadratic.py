"""Closed forms on quadratics: limits, and against the update rule."""

import numpy as np
import pytest

from unstuck.optim.coefficients import optimizer
from unstuck.optim.quadratic import best_descent, best_heavy_ball, heavy_ball_shares
from unstuck.optim.trajectory import descend
from unstuck.surfaces.valleys import Ellipse


@pytest.mark.parametrize("kappa", [1.0, 10.0, 1e4])
@pytest.mark.parametrize("low", [0.5, 3.0])
def test_best_coefficients(kappa, low):
    plain, heavy = best_descent(low, kappa * low), best_heavy_ball(low, kappa * low)
    root = np.sqrt(kappa)
    assert plain.contraction == pytest.approx((kappa - 1) / (kappa + 1))
    assert plain.contraction == pytest.approx(abs(1 - plain.rate * low))
    assert plain.contraction == pytest.approx(abs(1 - plain.rate * kappa * low))
    assert heavy.contraction == pytest.approx((root - 1) / (root + 1))
    assert heavy.momentum == pytest.approx(heavy.contraction**2)


@pytest.mark.parametrize("kappa", [1.0, 10.0, 100.0])
def test_neighbours_of_the_best_are_slower(kappa):
    best = best_heavy_ball(1.0, kappa)

    def slowest(rate, momentum):
        roots = [np.roots([1, -(1 + momentum - rate * c), momentum]) for c in (1.0, kappa)]
        return np.abs(roots).max()

    at_best = slowest(best.rate, best.momentum)
    assert at_best == pytest.approx(best.contraction, abs=1e-6)
    for factor in (0.9, 1.1):
        assert slowest(best.rate * factor, best.momentum) > at_best - 1e-9
        assert slowest(best.rate, best.momentum * factor) > at_best - 1e-6


@pytest.mark.parametrize("kappa", [1.0, 10.0, 1000.0])
def test_shares_are_those_of_the_update_rule(kappa):
    best = best_heavy_ball(1.0, kappa)
    row = optimizer("momentum", momentum=best.momentum)
    path = descend(Ellipse(kappa), [[1.0, 1.0]], row, best.rate, 200)
    np.testing.assert_allclose(path[:, 0], heavy_ball_shares(1.0, kappa, 200), atol=1e-10)


def test_curvatures_must_be_positive_and_ordered():
    with pytest.raises(ValueError, match="0 < low <= high"):
        best_descent(2.0, 1.0)
