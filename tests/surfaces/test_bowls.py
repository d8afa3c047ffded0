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
def test_the_gradient_is_that_of_each_bowl(place):
    gradient = SINGLE[place].gradient(STARTS[place])
    torch.testing.assert_close(Bowls(SINGLE).gradient(STARTS)[place], gradient)


def test_the_centres_are_the_minima():
    bowls = Bowls(SINGLE)
    assert bowls.centres.tolist() == [list(bowl.minimiser) for bowl in SINGLE]
    assert bowls.gradient(bowls.centres).abs().max() == 0


def test_a_walker_in_company_walks_as_alone():
    row = OPTIMIZERS["adagrad"]
    together = descend(Bowls(SINGLE), STARTS.numpy(), row, 0.3, 50)
    for place, bowl in enumerate(SINGLE):
        alone = descend(bowl, STARTS[place : place + 1].numpy(), row, 0.3, 50)
        np.testing.assert_array_equal(together[:, place], alone[:, 0])
