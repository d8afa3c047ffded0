"""The ladder of exact saddles, and its re-check by code that shares none with it."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from unstuck.curvature.critical_points.certificate import Certificate, certify
from unstuck.curvature.critical_points.escape import drop
from unstuck.curvature.critical_points.ladder import TanhNetworks
from unstuck.curvature.critical_points.polishing import polish
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra.lanczos import extreme_eigenpairs
from unstuck.errors import CurvatureError

INPUTS, CLASSES, WIDTH, WEIGHT_DECAY = 3, 4, 3, 5e-3


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng([0, 7206])
    centres = 2.5 * rng.standard_normal((CLASSES, INPUTS))
    y = rng.integers(CLASSES, size=80)
    return centres[y] + 0.7 * rng.standard_normal((80, INPUTS)), y


class Rung(NamedTuple):
    width: int
    problem: Problem
    certificate: Certificate
    narrow: float


@pytest.fixture(scope="module")
def rungs(data):
    networks = TanhNetworks(*data, CLASSES, WEIGHT_DECAY)
    made = []
    lowest = polish(networks.without_units()).theta
    for units, theta in enumerate(networks.minima(lowest, WIDTH, seed=0)):
        wide = networks.problem(WIDTH, networks.padded(theta, units, WIDTH))
        # with no unit the output does not depend on the input
        small = networks.problem(units or 1, networks.padded(theta, units, units or 1))
        made.append(Rung(units, wide, certify(wide), small.value()))
    return made


def test_rungs_are_exact_critical_points(rungs):
    assert [rung.width for rung in rungs] == [0, 1, 2, 3]
    for rung in rungs:
        assert rung.certificate.gradient_norm < 1e-14
        assert rung.certificate.kind == ("minimum" if rung.width == WIDTH else "saddle")
        assert rung.certificate.converged
        assert rung.certificate.loss == pytest.approx(rung.narrow, rel=1e-13)


def test_index_falls_with_the_loss(rungs):
    index = [rung.certificate.inertia.negative for rung in rungs]
    losses = [rung.certificate.loss for rung in rungs]
    assert (np.diff(index) < 0).all()
    assert (np.diff(losses) < 0).all()
    assert index[-1] == 0


def test_index_follows_from_the_backpropagated_moment(rungs):
    """Each idle unit adds eigenvalues decay +- s for the singular values s of mean a delta^T."""
    for rung in rungs[:-1]:
        problem = rung.problem
        outputs = problem.logits()
        delta = outputs.softmax(1) - torch.nn.functional.one_hot(problem.y, CLASSES)
        ones = torch.ones(len(delta), 1, dtype=torch.float64)
        moment = torch.cat([problem.x, ones], 1).mT @ delta / len(delta)
        steep = int((torch.linalg.svdvals(moment) > WEIGHT_DECAY).sum())
        idle = WIDTH - rung.width
        assert rung.certificate.inertia.negative == idle * steep


def test_losses_fall_along_negative_eigenvectors_as_foretold(rungs):
    for rung in rungs[:-1]:
        pairs = extreme_eigenpairs(
            rung.problem, lowest=1, tolerance=1e-10, generator=np.random.default_rng(0)
        )
        found = drop(
            rung.problem,
            direction=torch.from_numpy(pairs.vectors[:, 0].copy()),
            eigenvalue=float(pairs.values[0]),
            radii=np.logspace(-5, -3, 5),
        )
        np.testing.assert_allclose(found.ratio, 1, atol=1e-4)
        assert found.residual < 1e-9


def test_points_pass_a_check_that_shares_no_code(rungs, data):
    """Loss, gradient and Hessian in plain numpy, by central differences of a gradient by hand."""
    x, y = data

    def gradient(theta):
        first, biases, second, last = np.split(
            theta, np.cumsum([INPUTS * WIDTH, WIDTH, WIDTH * CLASSES])
        )
        first, second = first.reshape(INPUTS, WIDTH), second.reshape(WIDTH, CLASSES)
        hidden = np.tanh(x @ first + biases)
        powers = np.exp(hidden @ second + last)
        share = powers / powers.sum(1, keepdims=True)
        loss = -np.log(share[np.arange(len(y)), y]).mean() + 0.5 * WEIGHT_DECAY * theta @ theta
        delta = (share - np.eye(CLASSES)[y]) / len(y)
        back = (delta @ second.T) * (1 - hidden**2)
        parts = (x.T @ back, back.sum(0), hidden.T @ delta, delta.sum(0))
        return loss, np.concatenate([part.ravel() for part in parts]) + WEIGHT_DECAY * theta

    for rung in rungs:
        said, theta = rung.certificate, rung.problem.theta.numpy()
        loss, slope = gradient(theta)
        assert loss == pytest.approx(said.loss, rel=1e-13)
        assert np.linalg.norm(slope) < 1e-14
        step = 1e-5
        hessian = np.stack(
            [
                (gradient(theta + step * unit)[1] - gradient(theta - step * unit)[1]) / (2 * step)
                for unit in np.eye(len(theta))
            ]
        )
        values = np.linalg.eigvalsh(0.5 * (hessian + hessian.T))
        tolerance = said.inertia.tolerance
        # the error of the differences must not be able to move an eigenvalue across
        assert said.inertia.gap > 1e-6
        assert (values < -tolerance).sum() == said.inertia.negative
        assert (values > tolerance).sum() == said.inertia.positive
        assert said.inertia.zero == 0
        assert said.kind == ("minimum" if rung.width == WIDTH else "saddle")


def test_padding():
    networks = TanhNetworks(np.zeros((1, 2)), np.zeros(1), 3, 0.0)
    theta = torch.arange(1.0, 1 + 2 * 1 + 1 + 1 * 3 + 3, dtype=torch.float64)
    wide = networks.padded(theta, 1, 2)
    assert wide.tolist() == [1, 0, 2, 0, 3, 0, 4, 5, 6, 0, 0, 0, 7, 8, 9]
    assert networks.padded(theta[-3:], 0, 1).tolist() == [0, 0, 0, 0, 0, 0, 7, 8, 9]
    with pytest.raises(CurvatureError, match="theta has 9 parameters"):
        networks.padded(theta, 2, 2)
