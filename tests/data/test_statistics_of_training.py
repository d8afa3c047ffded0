"""Standardisation against scikit-learn."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from unstuck.data.standardise import fit_standardisation


@pytest.fixture
def x() -> np.ndarray:
    """Correlated samples ``[5000, 3, 4]``, more than one chunk, with one constant feature."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(5_000, 12)) @ rng.normal(size=(12, 12)) + rng.normal(size=12)
    values[:, 5] = 0.1
    return values.reshape(-1, 3, 4).astype(np.float32)


def test_feature_standardisation_is_that_of_scikit_learn(x: np.ndarray) -> None:
    train, other = x[:4_500], x[4_500:]
    fitted = fit_standardisation(train, "feature")
    scaler = StandardScaler().fit(train.reshape(len(train), -1).astype(np.float64))
    for part in (train, other):
        expected = scaler.transform(part.reshape(len(part), -1).astype(np.float64))
        got = fitted.apply(part)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got.reshape(len(part), -1), expected, rtol=1e-6, atol=1e-6)
    assert fitted.constant_features == 1


def test_constant_feature_is_zero_even_where_it_varies_later(x: np.ndarray) -> None:
    fitted = fit_standardisation(x, "feature")
    later = x[:8].copy()
    later[:, 1, 1] = 7
    assert np.all(fitted.apply(later)[:, 1, 1] == 0)


def test_global_standardisation_uses_one_mean_and_deviation(x: np.ndarray) -> None:
    fitted = fit_standardisation(x, "global")
    wide = x.astype(np.float64)
    np.testing.assert_allclose(fitted.apply(x), (wide - wide.mean()) / wide.std(), atol=1e-5)
