"""Random symmetric matrices against closed forms, direct integration and draws."""

import math

import numpy as np
import pytest
from scipy import integrate

from unstuck.errors import DataError
from unstuck.statistics.gaussian_matrices import orthogonal_ensemble, probability_positive


@pytest.mark.parametrize(
    ("size", "known"),
    [
        (1, 1 / 2),
        (2, (2 - math.sqrt(2)) / 4),
        (3, (math.pi - 2 * math.sqrt(2)) / (4 * math.pi)),
    ],
)
def test_closed_forms(size, known):
    assert probability_positive(size) == pytest.approx(known, rel=1e-12)


def test_direct_integration_over_two_eigenvalues():
    def density(x, y):
        return abs(x - y) * math.exp(-0.5 * (x * x + y * y))

    half = integrate.dblquad(density, 0, 9, 0, lambda x: x)[0]
    whole = integrate.dblquad(density, -9, 9, -9, lambda x: x)[0]
    assert probability_positive(2) == pytest.approx(half / whole, rel=1e-7)


def test_draws_have_the_variances_of_the_ensemble():
    draws = orthogonal_ensemble(np.random.default_rng([0, 7503]), 40_000, 3)
    np.testing.assert_array_equal(draws, draws.swapaxes(1, 2))
    np.testing.assert_allclose(draws.var(axis=0), 0.5 * (np.ones((3, 3)) + np.eye(3)), rtol=0.03)


def test_draws_meet_the_exact_probability():
    draws = orthogonal_ensemble(np.random.default_rng([1, 7503]), 100_000, 4)
    share = (np.linalg.eigvalsh(draws)[:, 0] > 0).mean()
    exact = probability_positive(4)
    assert share == pytest.approx(exact, abs=4 * math.sqrt(exact / 100_000))


def test_the_law_for_large_sizes_is_approached():
    logs = -np.log([probability_positive(size) for size in range(1, 9)])
    # exp(-n² ln 3 / 4), Dean and Majumdar 2006
    errors = np.abs(np.diff(logs, 2) - math.log(3) / 2)
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 1e-3


@pytest.mark.parametrize("size", [0, 9])
def test_other_sizes_are_refused(size):
    with pytest.raises(DataError, match=f"size is {size}"):
        probability_positive(size)
