"""Sharpness of endpoints, against the dense Hessian."""

import numpy as np
import pytest
import torch

from unstuck.curvature.hessian import dense
from unstuck.curvature.problem import Problem
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.study.measurements.sharpness import FACTORS, rescaled, sharpness_of


def problem(activation):
    network = Network(NetworkSpec(hidden=(6, 5), activation=activation, init="he"), (8,), 3)
    random = np.random.default_rng(4)
    x = torch.from_numpy(random.normal(size=(64, 8)).astype(np.float32))
    y = torch.from_numpy(random.integers(0, 3, 64))
    theta = network.initial(0).double()
    return Problem(network=network, theta=theta, x=x, y=y, loss="cross_entropy")


def test_it_is_that_of_the_dense_hessian():
    given = problem("relu")
    found, exact = sharpness_of(given, 0), dense.hessian(given)
    assert found["lambda_max"] == pytest.approx(float(torch.linalg.eigvalsh(exact)[-1]), rel=1e-4)
    assert found["trace"] == pytest.approx(
        float(exact.trace()), abs=4 * found["trace_error"] + 1e-4
    )
    assert found["sam"] > 0


def test_rescaled_relu_layers_are_the_same_function_at_another_sharpness():
    given = problem("relu")
    found = list(rescaled(given, 0))
    assert [each["factor"] for each in found] == list(FACTORS)
    for each in found:
        assert each["output_change"] < 1e-12
        assert each["lambda_max"] > 2 * sharpness_of(given, 0)["lambda_max"]


def test_other_activations_are_not_rescaled():
    assert not list(rescaled(problem("tanh"), 0))
