"""Full-batch measurements against one pass over everything."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.training import measure
from unstuck.training.measure import Measure, Part, evaluation_updates

L2 = torch.tensor([0, 0.01, 0.1, 1, 10], dtype=torch.float64)


@pytest.mark.parametrize(
    ("updates", "evaluations", "expected"),
    [(10, 5, [0, 2, 4, 6, 8, 10]), (10, 3, [0, 3, 7, 10]), (2, 5, [0, 1, 2]), (7, 1, [0, 7])],
)
def test_evaluations_are_evenly_spaced(updates, evaluations, expected):
    assert evaluation_updates(updates, evaluations) == expected


@pytest.fixture
def population(dataset):
    network = Network(NetworkSpec(hidden=(8,)), dataset.input_shape, dataset.classes)
    theta = torch.stack([network.initial(seed) for seed in range(5)])
    x, y = (torch.from_numpy(dataset.tensors[f"{kind}_train"]) for kind in "xy")
    part = Part.shared(x.double(), y, 5)
    return network, theta, network.initial_buffers().expand(5, -1), part


def test_chunks_and_blocks_change_nothing(population, monkeypatch):
    network, theta, buffers, part = population
    whole = Measure(network, "cross_entropy").gradient_norm(theta, buffers, part, L2)
    monkeypatch.setattr(measure, "CHUNK_BYTES", 48 * 8 * network.activation_count)
    monkeypatch.setattr(measure, "BLOCK_BYTES", 2 * measure.CHUNK_BYTES)
    cut = Measure(network, "cross_entropy")
    for mine, theirs in zip(cut.gradient_norm(theta, buffers, part, L2), whole, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    loss, accuracy = cut.loss_and_accuracy(theta, buffers, part)
    np.testing.assert_allclose(loss, whole[1], rtol=1e-12)
    np.testing.assert_array_equal(accuracy, whole[2])


def test_gradient_norm_is_that_of_autograd(population):
    network, theta, buffers, part = population
    leaf = theta.clone().requires_grad_()
    loss, _ = network.loss_and_correct(
        leaf, part.x.unsqueeze(0), part.y.unsqueeze(0), "cross_entropy", buffers, True
    )
    descended = loss + L2 / 2 * leaf.square().sum(1)
    (gradient,) = torch.autograd.grad(descended.sum(), leaf)
    norm, _, _ = Measure(network, "cross_entropy").gradient_norm(theta, buffers, part, L2)
    np.testing.assert_allclose(norm, gradient.norm(dim=1).numpy(), rtol=1e-12)


def test_members_are_measured_on_their_own_unit(population, monkeypatch):
    network, theta, buffers, part = population
    units = replace(part, size=64, rows=np.array([64, 0, 64, 192, 0]))
    monkeypatch.setattr(measure, "CHUNK_BYTES", 48 * 8 * network.activation_count)
    scores = Measure(network, "cross_entropy")
    norms = scores.gradient_norm(theta, buffers, units, L2)
    losses = scores.loss_and_accuracy(theta, buffers, units)
    for member, row in enumerate(units.rows):
        own = Part.shared(part.x[row : row + 64], part.y[row : row + 64], 1)
        alone = slice(member, member + 1)
        mine = scores.gradient_norm(theta[alone], buffers[alone], own, L2[alone])
        np.testing.assert_array_equal([each[member] for each in norms], np.ravel(mine))
        mine = scores.loss_and_accuracy(theta[alone], buffers[alone], own)
        np.testing.assert_array_equal([each[member] for each in losses], np.ravel(mine))


def test_an_empty_part_measures_nothing(population):
    network, theta, buffers, part = population
    empty = Part.shared(part.x[:0], part.y[:0], 5)
    loss, accuracy = Measure(network, "cross_entropy").loss_and_accuracy(theta, buffers, empty)
    assert np.isnan(loss).all()
    assert np.isnan(accuracy).all()
