"""Inertia against matrices of known inertia."""

import numpy as np
import pytest
import torch

from unstuck.curvature.spectra.inertia import inertia_of_eigenvalues
from unstuck.curvature.spectra.spectrum import spectrum_of
from unstuck.errors import CurvatureError


def counts(inertia):
    return inertia.negative, inertia.zero, inertia.positive


@pytest.mark.parametrize("size", [1, 2, 40])
@pytest.mark.parametrize("zeros", [0.0, 0.3, 1.0])
def test_signs_are_those_that_were_put_in(rng, size, zeros):
    values = rng.choice([-1.0, 1.0], size) * rng.uniform(0.1, 2.0, size)
    values[rng.uniform(size=size) < zeros] = 0.0
    expected = ((values < 0).sum(), (values == 0).sum(), (values > 0).sum())
    assert counts(inertia_of_eigenvalues(values, relative_tolerance=1e-8)) == expected
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    found = spectrum_of(torch.from_numpy((basis * values) @ basis.T)).inertia(1e-8)
    assert counts(found) == expected
    assert found.certain or not values.any()


def test_gap_is_the_perturbation_that_first_changes_the_counts(rng):
    values = np.array([-2.0, -0.3, 0.0, 0.05, 0.2, 1.0])
    inertia = inertia_of_eigenvalues(values, relative_tolerance=0.05)
    assert inertia.tolerance == pytest.approx(0.1)
    assert inertia.gap == pytest.approx(0.05)
    below = inertia_of_eigenvalues(values + 0.049, relative_tolerance=0.1 / 1.951)
    beyond = inertia_of_eigenvalues(values + 0.051, relative_tolerance=0.1 / 1.949)
    assert counts(below) == counts(inertia)
    assert counts(beyond) != counts(inertia)


def test_inertia_without_tolerance_is_not_certain_on_a_singular_matrix(rng):
    factor = rng.standard_normal((60, 30))
    inertia = spectrum_of(torch.from_numpy(factor @ factor.T)).inertia(0)
    assert inertia.zero < 30
    assert not inertia.certain
    assert spectrum_of(torch.from_numpy(factor @ factor.T)).inertia(1e-8).zero == 30


@pytest.mark.parametrize("tolerance", [-1e-3, 1.0, float("nan")])
def test_wrong_tolerance_is_named(tolerance):
    with pytest.raises(CurvatureError, match="relative_tolerance is"):
        inertia_of_eigenvalues(np.ones(3), relative_tolerance=tolerance)


def test_wrong_values_are_named():
    with pytest.raises(CurvatureError, match="NaN or infinit"):
        spectrum_of(torch.full((3, 3), torch.nan))
    with pytest.raises(CurvatureError, match="expected \\[P, P\\]"):
        spectrum_of(torch.ones(3, 2))
    with pytest.raises(CurvatureError, match="NaN or infinity"):
        inertia_of_eigenvalues(np.array([1.0, np.nan]), relative_tolerance=0.1)
