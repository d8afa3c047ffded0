"""The largest eigenvalues of a population's Hessians against those of one network at a time."""

import numpy as np
import pytest
import torch

from unstuck.curvature.hessian.dense import hessian
from unstuck.curvature.problem import Problem
from unstuck.curvature.stacked import largest_eigenvalues
from unstuck.errors import CurvatureError
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

MEMBERS, SAMPLES = 3, 32


@pytest.fixture(params=["off", "before"])
def given(request):
    spec = NetworkSpec(hidden=(5, 4), activation="tanh", batchnorm=request.param)
    network = Network(spec, (6,), 3)
    rng = np.random.default_rng([0, 8821])
    theta = torch.stack([network.initial(seed) for seed in range(MEMBERS)])
    x = torch.from_numpy(rng.standard_normal((MEMBERS, SAMPLES, 6)))
    return network, theta, x, torch.from_numpy(rng.integers(3, size=(MEMBERS, SAMPLES)))


def test_they_are_those_of_the_dense_hessians(given):
    network, theta, x, y = given
    found = largest_eigenvalues(
        *(network, theta, x, y, "cross_entropy"), generator=np.random.default_rng(0), steps=40
    )
    for member in range(MEMBERS):
        problem = Problem(
            network=network,
            theta=theta[member],
            buffers=network.initial_buffers(),
            x=x[member],
            y=y[member],
            loss="cross_entropy",
        )
        loss, gradient = problem.loss_and_gradient()
        top = float(torch.linalg.eigvalsh(hessian(problem))[-1])
        assert float(found.values[member]) == pytest.approx(top, rel=1e-6)
        assert float(found.residuals[member]) < 1e-3 * top
        assert float(found.losses[member]) == pytest.approx(loss, rel=1e-12)
        torch.testing.assert_close(found.gradients[member], gradient)


def test_few_products_give_a_lower_bound_and_say_how_far_it_may_be(given):
    network, theta, x, y = given
    few, many = (
        largest_eigenvalues(
            *(network, theta, x, y, "cross_entropy"),
            generator=np.random.default_rng(0),
            steps=steps,
        )
        for steps in (4, 40)
    )
    assert (few.values <= many.values + 1e-9).all()
    assert (few.residuals > many.residuals).all()


def test_a_diverged_member_is_refused(given):
    network, theta, x, y = given
    with pytest.raises(CurvatureError, match="NaN or infinity"):
        largest_eigenvalues(
            *(network, theta * float("inf"), x, y, "cross_entropy"),
            generator=np.random.default_rng(0),
        )
