"""Convolutions against counts, scipy and matrices, and that wrong ones show."""

import numpy as np
import pytest
from scipy.linalg import toeplitz

from unstuck.population import windows
from unstuck.population.convolution import Convolution, LocalConvolution
from unstuck.study.analyses.convolution import (
    layer_counts,
    layer_fields,
    layer_filter,
    layer_matrix,
)

DIFFERENCES = [
    *("outputs", "input gradient", "weight gradient", "bias gradient"),
    *("outputs without sharing", "gradients without sharing", "torch"),
]


@pytest.fixture(scope="module")
def tables(tables_of):
    return tables_of("convolution_layer")


def test_the_counts_are_those_of_the_notes(tables):
    counts = tables["counts"]
    assert not counts["wrong"].any()
    notes = counts[counts["part"] == "notes"]["value"].tolist()
    assert notes == [30_000, 2_000, 30_000_000, 1_728, 1_728, 64]
    layers = tables["layers"].set_index("layer")
    assert list(layers["weights"]) == [30_000_000, 17_280_000, 1_728]
    assert list(layers["biases"]) == [1_000, 640_000, 64]
    # sharing spares weights, not work
    assert layers.loc["local", "multiply_adds"] == layers.loc["shared", "multiply_adds"]


def test_maps_and_overlaps_are_those_of_windows_one_by_one(tables):
    assert len(tables["maps"]) == 640
    assert not tables["maps"]["wrong"].any()
    assert not tables["overlaps"]["wrong"].any()


def test_windows_that_overhang_the_image_are_wrong(monkeypatch):
    def rounded_up(size, kernel, stride, padding):
        return -(-(size + 2 * padding - kernel) // stride) + 1

    monkeypatch.setattr(windows, "map_size", rounded_up)
    assert layer_counts.maps()["wrong"].sum() > 100


def test_the_filter_answers_three_to_the_diagonal_alone(tables):
    table = tables["filter"]
    own = table[table["part"] != "mirrored"]
    assert not own["wrong"].any()
    assert table["part"].value_counts().to_dict() == {"patch": 512, "place": 16, "mirrored": 16}
    assert table["scipy_error"].max() == 0
    mirrored = table[table["part"] == "mirrored"]
    corners = mirrored[(mirrored["column"] == 0) & mirrored["row"].isin([0, 3])]["value"]
    assert corners.tolist() == [-1, -1]
    # of three pixels that add and six that take away
    assert tables["answers"].set_index("answer")["patches"].to_dict() == {
        **{3: 1, 2: 9, 1: 36, 0: 84, -1: 126, -2: 126, -3: 84, -4: 36, -5: 9, -6: 1}
    }


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("IMAGE", ("100100", "010010", "001001", "100010", "010010", "001010"), 1),
        ("DIAGONAL", ((1, -1, -1), (-1, 1, -1), (-1, -1, 0)), 1),
        ("DIAGONAL", tuple(map(tuple, np.fliplr(layer_filter.DIAGONAL).tolist())), 4),
    ],
)
def test_another_image_or_filter_is_wrong(monkeypatch, name, value, wrong):
    monkeypatch.setattr(layer_filter, name, value)
    table = layer_filter.answers_by_place_and_patch()
    assert table[table["part"] != "mirrored"]["wrong"].sum() >= wrong


def test_a_convolution_is_that_matrix(tables):
    found = tables["equality"].groupby("quantity")["value"]
    assert found.max()[DIFFERENCES].max() < 1e-12
    assert found.max()["zeros"] == 0
    assert found.min()["untied"] == 1
    assert tables["equality"]["case"].nunique() == 5


def test_the_matrix_of_one_dimension_is_toeplitz():
    index = layer_matrix.places_of_weights((7,), 1, 1, kernel=3, stride=1, padding=1)
    weights = np.array([2.0, 3.0, 5.0])
    matrix = np.where(index >= 0, weights[index], 0.0)
    expected = toeplitz(np.r_[3.0, 2.0, np.zeros(5)], np.r_[3.0, 5.0, np.zeros(5)]).T
    np.testing.assert_array_equal(matrix, expected)


@pytest.mark.parametrize(
    ("layer", "quantity"),
    [(Convolution, "weight gradient"), (LocalConvolution, "gradients without sharing")],
)
def test_a_wrong_gradient_shows(monkeypatch, layer, quantity):
    right = layer.backward

    def wrong(self, *given):
        (weight, bias), to_input = right(self, *given)
        return (weight * (1 + 1e-9), bias), to_input

    monkeypatch.setattr(layer, "backward", wrong)
    found = layer_matrix.equality().groupby("quantity")["value"].max()
    assert found[quantity] > 1e-10
    assert found["outputs"] < 1e-12


def test_fields_of_stacked_layers(tables):
    fields = tables["fields"]
    assert (fields["smallest"] == fields["expected"]).all()
    assert (fields["largest"] == fields["expected"]).all()
    # an even kernel of 3 spreads by the variance 2/3 a layer (Luo et al. 2016)
    means = fields.groupby("depth")["effective"].mean()
    np.testing.assert_allclose(means, np.sqrt(12 * (2 / 3) * means.index + 1), rtol=0.15)


def test_a_wider_kernel_has_a_wider_field(monkeypatch):
    wider = layer_fields.Convolution
    monkeypatch.setattr(layer_fields, "DEPTHS", range(1, 3))
    monkeypatch.setattr(layer_fields, "SEEDS", 1)
    monkeypatch.setattr(
        layer_fields,
        "Convolution",
        lambda *given, **named: wider(*given, **named | {"kernel": 5, "padding": 2}),
    )
    assert (layer_fields.fields()["largest"] > layer_fields.fields()["expected"]).all()
