"""Bowls side by side: each is the bowl it stands for."""

import numpy as np
import pytest
import torch

from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.trajectory import descend
from unstuck.surfaces.bowls import Bowls
from unstuck.surfaces.valleys import Ellipse, Regression

SINGLE = (Ellipse(100.0), Regression(), Ellipse(1e4, 45.0))
STARTS = torch.tensor([[1.0, -2.0], [-100.0, 2.0], [3.0, 0.5]], dtype=torch.float64)


@pytest.mark.parametrize("place", range(3))
def test_value_and_derivatives_are_those_of_each_bowl(place):
    together, alone = Bowls(SINGLE), SINGLE[place]
    point = STARTS[place]
    torch.testing.assert_close(together.value(STARTS)[place], alone.value(point), rtol=1e-9, atol=0)
    torch.testing.assert_close(together.gradient(STARTS)[place], alone.gradient(point))
    torch.testing.assert_close(together.hessian(STARTS)[place], alone.hessian(point))
    path = STARTS.expand(4, 3, 2)
    assert together.value(path).shape == (4, 3)
    assert together.hessian(path).shape == (4, 3, 2, 2)


def test_the_centres_are_the_minima():
    bowls = Bowls(SINGLE)
    assert [point.point for point in bowls.critical_points()] == [bowl.minimiser for bowl in SINGLE]
    assert bowls.gradient(bowls.centres).abs().max() == 0


def test_a_walker_in_company_walks_as_alone():
    row = OPTIMIZERS["adagrad"]
    together = descend(Bowls(SINGLE), STARTS.numpy(), row, 0.3, 50)
    for place, bowl in enumerate(SINGLE):
        alone = descend(bowl, STARTS[place : place + 1].numpy(), row, 0.3, 50)
        np.testing.assert_array_equal(together.points[:, place], alone.points[:, 0])
