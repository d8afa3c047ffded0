"""Inertia by LDL^T against inertia by eigenvalues, and both against matrices of known inertia."""

import numpy as np
import pytest
import torch

from unstuck.curvature.spectra.inertia import inertia_by_ldl, inertia_of_eigenvalues, spectral_norm
from unstuck.curvature.spectra.spectrum import spectrum_of
from unstuck.errors import CurvatureError


def symmetric(rng, eigenvalues):
    basis = np.linalg.qr(rng.standard_normal((len(eigenvalues),) * 2))[0]
    matrix = (basis * eigenvalues) @ basis.T
    return 0.5 * (matrix + matrix.T)


def counts(inertia):
    return inertia.negative, inertia.zero, inertia.positive


@pytest.mark.parametrize("size", [1, 2, 3, 15, 16, 40, 150])
@pytest.mark.parametrize("zeros", [0.0, 0.3, 1.0])
def test_ldl_counts_what_was_put_in(rng, size, zeros):
    values = rng.choice([-1.0, 1.0], size) * rng.uniform(0.1, 2.0, size)
    values[rng.uniform(size=size) < zeros] = 0.0
    expected = ((values < 0).sum(), (values == 0).sum(), (values > 0).sum())
    matrix = symmetric(rng, values)
    found = inertia_by_ldl(matrix, relative_tolerance=1e-8)
    if values.any():
        assert counts(found) == expected
        assert found.certain
    assert counts(inertia_of_eigenvalues(values, relative_tolerance=1e-8)) == expected


@pytest.mark.parametrize("relative_tolerance", [1e-10, 1e-6, 1e-3, 0.1])
def test_ldl_equals_eigenvalues_with_its_gap(rng, relative_tolerance):
    for rank in (20, 80):
        factor = rng.standard_normal((80, rank)) * 10 ** rng.uniform(-4, 0, rank)
        matrix = (factor * rng.choice([-1.0, 1.0], rank)) @ factor.T
        by_values = inertia_of_eigenvalues(
            np.linalg.eigvalsh(matrix), relative_tolerance=relative_tolerance
        )
        by_ldl = inertia_by_ldl(matrix, relative_tolerance=relative_tolerance)
        assert counts(by_ldl) == counts(by_values)
        assert by_ldl.tolerance == pytest.approx(by_values.tolerance, rel=1e-5)
        assert by_ldl.gap == pytest.approx(by_values.gap, rel=0.05)


def test_blocks_of_two_are_counted(rng):
    """A zero diagonal forces 2 x 2 pivots: eigenvalues come in pairs of both signs."""
    half = rng.standard_normal((30, 30))
    zero = np.zeros((30, 30))
    found = inertia_by_ldl(np.block([[zero, half], [half.T, zero]]), relative_tolerance=1e-10)
    assert counts(found) == (30, 0, 30)


def test_zero_and_singular_matrices():
    assert counts(inertia_by_ldl(np.zeros((20, 20)), relative_tolerance=1e-8)) == (0, 20, 0)
    ones = np.ones((20, 20))
    assert counts(inertia_by_ldl(ones, relative_tolerance=1e-8)) == (0, 19, 1)


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
    assert inertia_by_ldl(factor @ factor.T, relative_tolerance=1e-8).zero == 30


def test_spectral_norm(rng):
    values = np.concatenate([rng.uniform(-1, 1, 99), [-3.0]])
    assert spectral_norm(symmetric(rng, values)) == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize("tolerance", [-1e-3, 1.0, float("nan"), 0.0])
def test_wrong_tolerance_is_named(rng, tolerance):
    with pytest.raises(CurvatureError, match="relative_tolerance is"):
        inertia_by_ldl(np.eye(3), relative_tolerance=tolerance)


def test_wrong_matrices_are_named():
    with pytest.raises(CurvatureError, match="NaN or infinity"):
        inertia_by_ldl(np.full((3, 3), np.nan), relative_tolerance=1e-8)
    with pytest.raises(CurvatureError, match="differs from its transpose"):
        inertia_by_ldl(np.triu(np.ones((3, 3))), relative_tolerance=1e-8)
    with pytest.raises(CurvatureError, match="expected \\[P, P\\]"):
        inertia_by_ldl(np.ones((3, 2)), relative_tolerance=1e-8)
    with pytest.raises(CurvatureError, match="NaN or infinity"):
        inertia_of_eigenvalues(np.array([1.0, np.nan]), relative_tolerance=0.1)
