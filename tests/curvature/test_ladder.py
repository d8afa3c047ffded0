"""The ladder of exact saddles, and its re-check by code that shares none with it."""

import numpy as np
import pytest
import torch

from unstuck.curvature.critical_points.escape import drop, escape_times
from unstuck.curvature.critical_points.ladder import ladder, pad
from unstuck.curvature.spectra.lanczos import extreme_eigenpairs
from unstuck.errors import CurvatureError

INPUTS, CLASSES, WIDTH, WEIGHT_DECAY = 3, 4, 3, 5e-3


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng([0, 7206])
    centres = 2.5 * rng.standard_normal((CLASSES, INPUTS))
    y = rng.integers(CLASSES, size=80)
    return centres[y] + 0.7 * rng.standard_normal((80, INPUTS)), y


@pytest.fixture(scope="module", params=[WEIGHT_DECAY], ids=["weight_decay"])
def rungs(request, data):
    x, y = data
    return ladder(
        x=x, y=y, classes=CLASSES, width=WIDTH, seed=0, weight_decay=request.param, starts=2
    )


def test_rungs_are_exact_critical_points(rungs):
    assert [rung.width for rung in rungs] == [0, 1, 2, 3]
    for rung in rungs:
        assert rung.certificate.gradient_norm < 1e-14
        assert rung.certificate.kind == ("minimum" if rung.width == WIDTH else "saddle")
        assert rung.converged
        assert rung.certificate.loss == pytest.approx(rung.narrow.certificate.loss, rel=1e-13)


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
        assert found.converged


def test_escape_from_the_first_rung(rungs):
    problem = rungs[0].problem
    pairs = extreme_eigenpairs(problem, lowest=1, generator=np.random.default_rng(0))
    found = escape_times(
        problem,
        direction=torch.from_numpy(pairs.vectors[:, 0].copy()),
        eigenvalue=float(pairs.values[0]),
        exponents=(2, 4, 6, 8),
        rate=0.1,
        fall=0.05,
        max_updates=3_000,
    )
    assert found.converged
    assert found.slope == pytest.approx(found.predicted_slope, rel=0.02)
    assert found.largest_deviation < 2
    assert found.stays.escaped_at is None
    assert found.stays.distances.max() < 1e-12


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
        tolerance = said.tolerance
        # the error of the differences must not be able to move an eigenvalue across
        assert said.gap > 1e-6
        assert (values < -tolerance).sum() == said.inertia.negative
        assert (values > tolerance).sum() == said.inertia.positive
        assert said.inertia.zero == 0
        assert said.kind == ("minimum" if rung.width == WIDTH else "saddle")


def test_padding():
    theta = torch.arange(1.0, 1 + 2 * 1 + 1 + 1 * 3 + 3, dtype=torch.float64)
    wide = pad(theta, inputs=2, classes=3, units=1, width=2)
    assert wide.tolist() == [1, 0, 2, 0, 3, 0, 4, 5, 6, 0, 0, 0, 7, 8, 9]
    biases = pad(theta[-3:], inputs=2, classes=3, units=0, width=1)
    assert biases.tolist() == [0, 0, 0, 0, 0, 0, 7, 8, 9]
    with pytest.raises(CurvatureError, match="theta has 9 parameters"):
        pad(theta, inputs=3, classes=3, units=1, width=2)


def test_wrong_arguments_are_named(data):
    with pytest.raises(CurvatureError, match="width is 0"):
        ladder(x=data[0], y=data[1], classes=CLASSES, width=0, seed=0)
