"""Pairs of neurons, as an analysis on tiny data."""

import numpy as np
import pytest
from pydantic import ValidationError

from unstuck.data.dataset import Dataset, Split
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.convolution.twins import TwinsAnalysis
from unstuck.study.analyses.kinds import parse_analysis

LOCAL = {"kind": "local1d", "hidden": [3], "stride": 2}
SHARED = {"kind": "conv1d", "hidden": [2], "kernel": 3, "padding": 0, "activation": "relu"}


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng([0, 7505])
    y = rng.integers(3, size=64)
    x = (rng.standard_normal((64, 1, 9)) + y[:, None, None]).astype(np.float32)
    # blank on the left, and the last two samples all over
    x[:, :, :3], x[-2:] = 0, 0
    data = Dataset.of({0: Split(x, y, x[:16], y[:16], x, y, classes=3)}, {"splits": "one"})
    analysis = parse_analysis(
        {
            "kind": "twins",
            "updates": 12,
            "batch_size": 16,
            "seeds": 2,
            "cases": {
                "full": {"dataset": "blobs", "network": {"hidden": [4, 3]}},
                "local": {"dataset": "blobs", "network": LOCAL},
            },
            "shared": {"series": {"dataset": "blobs", "network": SHARED}},
        }
    )
    context = Context({"blobs": data}, {}, "cpu", 1, lambda text: None)
    assert analysis.dataset_names == ("blobs",)
    return analysis.run(context) | {"x": x}


@pytest.fixture(scope="module")
def pairs(tables):
    return tables["pairs"]


def test_every_pair_is_measured_at_powers_of_two(pairs):
    assert sorted(pairs["update"].unique()) == [0, 1, 2, 4, 8, 12]
    assert set(pairs[pairs["case"] == "full"]["pair"]) == {"field and outgoing", "field"}
    assert set(pairs[pairs["case"] == "local"]["pair"]) == {
        "field and outgoing",
        "field",
        "outgoing",
    }
    assert len(pairs) == (2 + 3) * 2 * 2 * 2 * 6


def test_they_start_with_the_same_weights(pairs):
    start = pairs[pairs["update"] == 0]
    assert (start["weight_gap"] == 0).all()
    same_field = start["pair"] != "outgoing"
    assert (start[same_field]["output_gap"] == 0).all()
    assert (start[~same_field]["output_gap"] > 0.01).all()
    double = same_field & (start["dtype"] == "float64")
    assert (start[double]["merging_gap"] < 1e-13).all()


def test_only_twins_stay(pairs):
    end = pairs[(pairs["update"] == 12) & (pairs["dtype"] == "float64")]
    twins = end["pair"] == "field and outgoing"
    assert (end[twins]["weight_gap"] == 0).all()
    assert (end[~twins]["weight_gap"] > 1e-5).all()
    assert (end[end["pair"] == "field"]["merging_gap"] > 1e-5).all()


@pytest.mark.parametrize("network", [{"hidden": [1]}, {"hidden": [4], "batchnorm": "before"}])
def test_networks_without_room_for_a_pair_are_refused(network):
    with pytest.raises(ValidationError, match="pair"):
        TwinsAnalysis.model_validate({"cases": {"a": {"dataset": "b", "network": network}}})


def test_places_answer_alike_where_they_see_the_same(tables):
    places, x = tables["places"], tables["x"][:, 0]
    assert len(places) == 2 * 7 * 6 // 2
    fields = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
    for row in places.to_dict("records"):
        same = (fields[:, row["first"]] == fields[:, row["second"]]).all(axis=1).mean()
        # and where both neurons are off
        assert row["alike"] >= same
        assert row["differing"] == round(64 * (1 - row["alike"]))
    assert (places["differing"] > 0).all()


def test_shared_weights_belong_to_convolutions():
    with pytest.raises(ValidationError, match="weights are shared by conv1d and conv2d"):
        TwinsAnalysis.model_validate(
            {
                "cases": {"local": {"dataset": "blobs", "network": LOCAL}},
                "shared": {"local": {"dataset": "blobs", "network": LOCAL}},
            }
        )
