"""Claim 3.2.4: its verdict, that its checks can fail, and its effective field."""

from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import toeplitz

from unstuck.claims import convolution_matrix
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.population.convolution import Convolution, LocalConvolution

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.2.4"]


def verdict():
    evidence = evaluate(CLAIM, {})
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(convolution_matrix, "DEPTHS", range(1, 4))
    monkeypatch.setattr(convolution_matrix, "SEEDS", 2)


def test_a_convolution_is_that_matrix():
    found, evidence = verdict()
    assert (found.verdict, found.control) == ("supported", "passed"), found.reason
    fields = evidence.tables["fields"].groupby("depth")["effective"].mean()
    # an even kernel of 3 spreads by the variance 2/3 a layer (Luo et al. 2016)
    expected = np.sqrt(12 * (2 / 3) * fields.index.to_numpy() + 1)
    np.testing.assert_allclose(fields, expected, rtol=0.15)


def test_the_matrix_of_one_dimension_is_toeplitz():
    index = convolution_matrix.places_of_weights((7,), 1, 1, kernel=3, stride=1, padding=1)
    weights = np.array([2.0, 3.0, 5.0])
    matrix = np.where(index >= 0, weights[index], 0.0)
    expected = toeplitz(np.r_[3.0, 2.0, np.zeros(5)], np.r_[3.0, 5.0, np.zeros(5)]).T
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize(
    ("layer", "words"),
    [(Convolution, "gradient by a shared weight"), (LocalConvolution, "gradients of the local")],
)
def test_a_wrong_gradient_contradicts(monkeypatch, few, layer, words):
    right = layer.backward

    def wrong(self, *given):
        (weight, bias), to_input = right(self, *given)
        return (weight * (1 + 1e-9), bias), to_input

    monkeypatch.setattr(layer, "backward", wrong)
    found, _ = verdict()
    assert found.verdict == "contradicted"
    assert words in found.reason


def test_a_wider_field_contradicts(monkeypatch, few):
    monkeypatch.setattr(convolution_matrix, "SEEN", {1: 3, 2: 5, 3: 9})
    found, _ = verdict()
    assert found.verdict == "contradicted"
    assert "3 layers" in found.reason
