"""Lanczos and traces against dense spectra and matrices with known ones."""

import numpy as np
import pytest
import torch

from unstuck.curvature.objective import Surface
from unstuck.curvature.spectra import trace
from unstuck.curvature.spectra.lanczos import extreme_eigenpairs
from unstuck.curvature.spectra.spectrum import spectrum
from unstuck.errors import CurvatureError


@pytest.fixture
def generator():
    return np.random.default_rng([0, 7202])


def quadratic(values, rng):
    """Give a quadratic whose Hessian has the given eigenvalues."""
    basis = np.linalg.qr(rng.standard_normal((len(values),) * 2))[0]
    matrix = torch.from_numpy((basis * values) @ basis.T)
    matrix = 0.5 * (matrix + matrix.mT)
    point = torch.zeros(len(values), dtype=torch.float64)
    return Surface(function=lambda t: 0.5 * t @ matrix @ t, theta=point), matrix


KINDS = {
    "layerwise": {"hidden": (9, 6)},
    "products": {"hidden": (9, 6), "batchnorm": "before"},
    "convolution": {"kind": "conv2d", "hidden": (4, 6)},
}


@pytest.mark.parametrize("case", KINDS.values(), ids=KINDS.keys())
def test_both_ends_of_a_network(build, generator, case):
    problem = build(**case)
    expected = spectrum(problem).eigenvalues
    found = extreme_eigenpairs(problem, lowest=3, highest=4, tolerance=1e-10, generator=generator)
    np.testing.assert_allclose(
        found.values, np.r_[expected[:3], expected[-4:]], atol=1e-9 * expected[-1]
    )
    assert found.converged
    vectors = torch.from_numpy(found.vectors.T.copy())
    images = problem.hessian_product(vectors).numpy()
    residuals = np.linalg.norm(images - found.values[:, None] * found.vectors.T, axis=1)
    assert residuals.max() < 1e-9 * expected[-1]
    assert (found.products == 0) == (case == KINDS["layerwise"])


@pytest.mark.parametrize(("lowest", "highest"), [(5, 0), (0, 5), (1, 3), (12, 12)])
def test_one_end_and_uneven_ends(rng, generator, lowest, highest):
    values = np.sort(rng.standard_normal(60))
    found = extreme_eigenpairs(
        quadratic(values, rng)[0], lowest=lowest, highest=highest, generator=generator
    )
    np.testing.assert_allclose(found.values, np.r_[values[:lowest], values[60 - highest :]])


def test_the_negative_end_is_seen_where_power_iteration_is_blind(rng, generator):
    """The largest absolute eigenvalue is negative: the highest is still the positive one."""
    values = np.concatenate([[-9.0], rng.uniform(-0.1, 0.1, 78), [1.0]])
    surface, _ = quadratic(values, rng)
    found = extreme_eigenpairs(surface, lowest=1, highest=1, generator=generator)
    np.testing.assert_allclose(found.values, [-9, 1], rtol=1e-10)


def test_no_ghosts(rng, generator):
    """A lone top eigenvalue converges in ten steps; ghosts would repeat it from then on."""
    values = np.concatenate([rng.uniform(-1, 1, 198), [10.0, 100.0]])
    surface, _ = quadratic(values, rng)
    found = extreme_eigenpairs(surface, highest=5, generator=generator)
    np.testing.assert_allclose(found.values, np.sort(values)[-5:], rtol=1e-8)


def test_traces(build, generator):
    problem = build(hidden=(9, 6), weight_decay=0.1)
    expected = spectrum(problem).trace
    found = trace.hutch_plus_plus(problem, probes=60, generator=generator)
    assert 0 < found.error < 0.2 * expected
    assert abs(found.value - expected) < 4 * found.error


def test_hutch_plus_plus_is_exact_on_low_rank(rng, generator):
    values = np.zeros(80)
    values[:8] = [5, 4, -3, 2, 1, 1, 0.5, -0.1]
    surface, _ = quadratic(values, rng)
    found = trace.hutch_plus_plus(surface, probes=30, generator=generator)
    assert found.value == pytest.approx(values.sum(), rel=1e-10)
    assert found.error < 1e-10
    # six rows of a sketch are fewer than the rank
    assert trace.hutch_plus_plus(surface, probes=18, generator=generator).error > 0.1


def test_wrong_arguments_are_named(build, generator):
    problem = build()
    with pytest.raises(CurvatureError, match="lowest is 0 and highest 0"):
        extreme_eigenpairs(problem, generator=generator)
    with pytest.raises(CurvatureError, match="tolerance is nan"):
        extreme_eigenpairs(problem, highest=1, tolerance=float("nan"), generator=generator)
    with pytest.raises(CurvatureError, match="at least 6"):
        trace.hutch_plus_plus(problem, probes=5, generator=generator)


def test_lanczos_that_runs_out_of_restarts_says_so(rng, generator):
    values = np.r_[np.linspace(0, 1, 398), 1 + 1e-9, 1 + 2e-9]
    with pytest.raises(CurvatureError, match="raise `restarts` or `tolerance`"):
        extreme_eigenpairs(
            quadratic(values, rng)[0],
            highest=3,
            tolerance=1e-12,
            restarts=1,
            generator=generator,
        )


def test_nan_product_is_refused(build, generator):
    problem = build(kind="conv1d", activation="relu", loss="squared_error", hidden=(3, 3, 3))
    with pytest.raises(CurvatureError, match="NaN"):
        extreme_eigenpairs(problem.at(problem.theta * 1e120), highest=1, generator=generator)
