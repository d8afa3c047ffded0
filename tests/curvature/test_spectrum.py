"""Spectra: closed forms, the float32 audit in small, and the zeros that symmetries enforce."""

import numpy as np
import pytest
import torch

from unstuck.curvature.critical_points.zeros import symmetries, symmetry_zeros
from unstuck.curvature.hessian import dense
from unstuck.curvature.objective import Surface
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra.spectrum import spectrum, spectrum_of
from unstuck.errors import CurvatureError


def toy(theta):
    """(1 - w1 w2)^2, the network y = w1 w2 x fitted to (1, 1)."""
    return (1 - theta[0] * theta[1]) ** 2


def test_toy_origin_and_minimum():
    origin = spectrum(Surface(function=toy, theta=torch.zeros(2, dtype=torch.float64)))
    np.testing.assert_allclose(origin.eigenvalues, [-2, 2], atol=1e-15)
    minimum = spectrum(Surface(function=toy, theta=torch.tensor([2.0, 0.5], dtype=torch.float64)))
    np.testing.assert_allclose(minimum.eigenvalues, [0, 8.5], atol=1e-14)
    assert minimum.inertia(1e-10).minimum_ratio == 0.5


def test_a_function_that_draws_anew_is_refused():
    module = torch.nn.Dropout(0.5)
    surface = Surface(function=lambda t: module(t).square().sum(), theta=torch.ones(20).double())
    with pytest.raises(CurvatureError, match="turn off dropout"):
        spectrum(surface)
    module.eval()
    np.testing.assert_allclose(spectrum(surface).eigenvalues, 2)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(CurvatureError, match="NaN or infinite"):
        spectrum_of(torch.full((3, 3), bad).double())
    with pytest.raises(CurvatureError, match="NaN or infinite"):
        spectrum(Surface(function=lambda t: bad * t @ t, theta=torch.ones(3).double()))


@pytest.mark.parametrize("hidden", [(), (5, 4)])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_a_network_of_zeros_has_its_zeros_counted(build, hidden, loss):
    """No hidden layer has a unit to rescale, and rescaling a dead one is no direction."""
    problem = build(hidden=hidden, activation="relu", loss=loss)
    problem = problem.at(torch.zeros_like(problem.theta))
    found = symmetry_zeros(problem, critical=True)
    eigenvalues = spectrum(problem).eigenvalues
    assert found.shape[1] <= (np.abs(eigenvalues) < 1e-12).sum()
    assert residual(problem, found) < 1e-12


def test_quadratic(rng):
    values = np.sort(rng.standard_normal(12))
    basis = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    matrix = torch.from_numpy((basis * values) @ basis.T)
    point = torch.from_numpy(rng.standard_normal(12))
    found = spectrum(Surface(function=lambda t: 0.5 * t @ matrix @ t, theta=point))
    np.testing.assert_allclose(found.eigenvalues, values, atol=1e-13)
    assert found.trace == pytest.approx(values.sum())
    assert (found.lambda_min, found.lambda_max) == pytest.approx((values[0], values[-1]))


def test_single_precision_turns_zeros_into_signs(build):
    """A rank-deficient matrix without tolerance is half positive by rounding alone."""
    problem = build(hidden=(8,), samples=6, loss="squared_error")
    double = spectrum_of(dense.gauss_newton(problem))
    single = spectrum_of(dense.gauss_newton(problem.to(torch.float32)))
    rank = 6 * 4
    assert double.inertia(1e-10).positive == single.inertia(1e-4).positive == rank
    assert single.inertia(0).negative > 0.25 * (problem.parameter_count - rank)
    assert not single.inertia(0).certain
    assert single.precision is np.float32


def counts(problem, **options):
    kinds = symmetries(problem, **options).items()
    return {kind: directions.shape[1] for kind, directions in kinds if directions.shape[1]}


def residual(problem, zeros):
    """Give the largest distance of H q from λq, λ the coefficient of weight decay."""
    image = problem.hessian_product(zeros.mT.contiguous()) - problem.weight_decay * zeros.mT
    return max(image.norm(dim=1).tolist(), default=0.0)


@pytest.mark.parametrize("loss", ["cross_entropy", "softmax_squared_error", "squared_error"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.03])
def test_symmetry_zeros_of_a_dense_network(build, loss, weight_decay):
    base = build(hidden=(5, 3), samples=60, loss=loss)
    x = base.x.clone()
    x[:, 1] = 0  # a dead input, and one that repeats another up to a constant
    x[:, 4] = 2 * x[:, 0] - 1
    problem = Problem(
        network=base.network,
        theta=base.theta,
        x=x,
        y=base.y,
        loss=loss,
        buffers=base.buffers,
        weight_decay=weight_decay,
    )
    shifts = 0 if loss == "squared_error" else 3 + 1
    kinds = counts(problem)
    assert (kinds.get("softmax shift", 0), kinds["dependent input"]) == (shifts, 2 * 5)
    zeros = symmetry_zeros(problem)
    assert zeros.shape[1] == shifts + 10
    assert residual(problem, zeros) < 1e-14
    values = spectrum(problem).eigenvalues - weight_decay
    assert (np.abs(values) < 1e-12 * np.abs(values).max()).sum() == zeros.shape[1]


def test_overlapping_symmetries_count_once(build):
    """Without a hidden layer, the softmax shift of a dead input is one of its dead weights."""
    base = build(hidden=(), samples=50)
    x = base.x.clone()
    x[:, 2] = 0
    problem = Problem(network=base.network, theta=base.theta, x=x, y=base.y, loss="cross_entropy")
    assert counts(problem) == {"softmax shift": 7, "dependent input": 4}
    assert spectrum(problem).inertia(1e-10).zero == symmetry_zeros(problem).shape[1] == 7 + 4 - 1


def test_biases_before_batchnorm_are_free(build):
    problem = build(hidden=(5, 3), batchnorm="before", samples=60)
    zeros = symmetry_zeros(problem)
    assert counts(problem)["batchnorm bias"] == 5 + 3
    assert residual(problem, zeros) < 1e-13
    values = np.abs(spectrum(problem).eigenvalues)
    assert (values < 1e-12 * values.max()).sum() == zeros.shape[1] == 8 + 4
    assert "batchnorm bias" not in counts(build(batchnorm="before", training=False))


def test_rescaling_generators_are_null_up_to_the_gradient(build):
    """From L(e^(tD) theta) = L(theta): H D theta = -D g, so D theta is null where g is zero."""
    problem = build(hidden=(5, 3), activation="relu", loss="squared_error")
    zeros = symmetry_zeros(problem, critical=True)
    assert counts(problem, critical=True) == {"relu rescaling": 5 + 3}
    assert zeros.shape[1] == 5 + 3
    weight, bias, following = problem.network.layout[2:5]
    signs = torch.zeros_like(problem.theta)
    signs[weight.start : weight.stop].view(weight.shape)[:, 1] = 1
    signs[bias.start + 1] = 1
    signs[following.start : following.stop].view(following.shape)[1] = -1
    generator = signs * problem.theta
    torch.testing.assert_close(
        problem.hessian_product(generator), -signs * problem.gradient(), rtol=1e-11, atol=1e-13
    )
    inside = zeros @ (zeros.mT @ generator)
    torch.testing.assert_close(inside, generator)
    assert residual(problem, zeros) < 10 * float(problem.gradient().norm())
    assert not counts(problem)
    with_decay = build(activation="relu", weight_decay=0.1)
    assert "relu rescaling" not in counts(with_decay, critical=True)


def test_wrong_matrices_are_named():
    with pytest.raises(CurvatureError, match="expected \\[P, P\\]"):
        spectrum_of(torch.zeros(2, 3))
    with pytest.raises(CurvatureError, match="NaN"):
        spectrum_of(torch.full((2, 2), float("nan")))
