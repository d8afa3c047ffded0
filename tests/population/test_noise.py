"""Noise behind batch normalisation: where it comes from, and that its gradient is right."""

import numpy as np
import pytest
import torch

from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

K, B = 2, 8


@pytest.fixture
def noisy():
    spec = NetworkSpec(hidden=(5,), repeat=2, batchnorm="before", batchnorm_noise=0.5)
    return Network(spec, (4,), 3)


@pytest.fixture
def given(noisy):
    rng = np.random.default_rng([0, 8801])
    theta = torch.stack([noisy.initial(seed) for seed in range(K)])
    buffers = noisy.initial_buffers().repeat(K, 1)
    x = torch.from_numpy(rng.standard_normal((K, B, 4)))
    return theta, buffers, x, torch.from_numpy(rng.integers(3, size=(K, B)))


def test_a_network_without_noise_is_described_as_before():
    plain = NetworkSpec(hidden=(5,)).model_dump()
    assert "batchnorm_noise" not in plain
    assert "repeat" not in plain
    assert NetworkSpec(hidden=(5,), repeat=3).widths == (5, 5, 5)
    assert NetworkSpec(hidden=(5,), repeat=3).model_dump()["repeat"] == 3


def test_the_noise_of_an_update_depends_on_seed_and_update_alone(noisy, given):
    _, buffers, *_ = given
    ways = {}
    for name, seeds, update in (
        ("one", [3, 4], 7),
        ("again", [4, 3], 7),
        ("later", [3, 4], 8),
    ):
        ways[name] = buffers.clone()
        noisy.disturb(ways[name], seeds, update)
    assert torch.equal(ways["one"][0], ways["again"][1])
    assert torch.equal(ways["one"][1], ways["again"][0])
    assert not torch.equal(ways["one"][0], ways["one"][1])
    assert not torch.equal(ways["one"][0], ways["later"][0])


def test_the_output_is_multiplied_and_shifted_in_training_alone(noisy, given):
    theta, buffers, x, _ = given
    still, moved = noisy.forward(theta, x, buffers, True)
    noise = buffers.clone()
    noisy.disturb(noise, [0, 1], 0)
    disturbed, after = noisy.forward(theta, x, noise, True)
    assert (disturbed - still).abs().max() > 0.01
    # the pass uses the noise up, and nothing else of the buffers depends on that of the last layer
    again, _ = noisy.forward(theta, x, after, False)
    undisturbed, _ = noisy.forward(theta, x, moved, False)
    assert not torch.equal(again, undisturbed)  # the second layer's statistics saw the noise
    quiet, _ = noisy.forward(theta, x, noise, False)
    untouched, _ = noisy.forward(theta, x, buffers, False)
    assert torch.equal(quiet, untouched)


def test_the_gradient_is_that_of_autograd(noisy, given):
    theta, buffers, x, y = given
    noise = buffers.clone()
    noisy.disturb(noise, [0, 1], 3)
    loss, _, gradient, _ = noisy.loss_and_gradient(theta, x, y, "cross_entropy", noise, True)
    leaf = theta.clone().requires_grad_()
    value, _ = noisy.loss_and_correct(leaf, x, y, "cross_entropy", noise, True)
    (expected,) = torch.autograd.grad(value.sum(), leaf)
    torch.testing.assert_close(loss, value.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-12)
