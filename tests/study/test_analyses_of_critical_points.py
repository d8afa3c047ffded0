"""The analyses of critical points on a few samples."""

import numpy as np
import pytest

from unstuck.data.dataset import Dataset, Split
from unstuck.errors import ConfigError
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis
from unstuck.study.load import parse_study

CLASSES, FEATURES = 3, 4


@pytest.fixture(scope="module")
def context():
    rng = np.random.default_rng([0, 8601])
    centres = 2 * rng.standard_normal((CLASSES, FEATURES))
    y = rng.integers(CLASSES, size=40)
    x = (centres[y] + rng.standard_normal((40, FEATURES))).astype(np.float32)
    dead = np.concatenate([x, np.zeros_like(x[:, :1])], 1)
    data = {
        name: Dataset.of(
            {0: Split(each, y, each[:8], y[:8], each[:8], y[:8], CLASSES)}, {"splits": "one"}
        )
        for name, each in (("blobs", x), ("dead", dead))
    }
    return Context(datasets=data, inputs={}, device="cpu", threads=1, progress=lambda line: None)


@pytest.fixture(scope="module")
def taylor(context):
    analysis = parse_analysis(
        {
            "kind": "taylor",
            "directions": 2,
            "samples": 24,
            "cases": {
                "tanh": {"dataset": "blobs", "network": {"hidden": [2]}},
                "ReLU": {
                    "dataset": "blobs",
                    "network": {"hidden": [2], "activation": "relu"},
                    "points": ["kink"],
                },
            },
        }
    )
    assert analysis.dataset_names == ("blobs",)
    return analysis.run(context)


def slope(rows):
    return np.polyfit(np.log(rows["radius"]), np.log(rows["remainder"].abs()), 1)[0]


def test_what_is_known_is_expanded_as_known(taylor):
    controls = taylor["controls"].groupby("control")
    cubic = controls.get_group("cubic")
    np.testing.assert_allclose(cubic["remainder"], cubic["radius"] ** 3, rtol=1e-6)
    half = controls.get_group("half the Hessian")
    # the ReLU network has no initial point here
    assert set(half["case"]) == {"tanh"}
    assert slope(half) == pytest.approx(2, abs=0.01)


def test_the_quadratic_reaches_as_far_as_it_gives_the_change(context):
    tables = parse_analysis(
        {
            "kind": "taylor",
            "directions": 1,
            "samples": 24,
            "cases": {
                # its loss is a quadratic
                "linear": {
                    "dataset": "blobs",
                    "network": {"hidden": []},
                    "loss": "squared_error",
                    "points": ["initial"],
                },
                "tanh": {"dataset": "blobs", "network": {"hidden": [2]}, "points": ["initial"]},
            },
        }
    ).run(context)
    reach = tables["reach"].groupby("case")["radius"]
    assert reach.min()["linear"] == pytest.approx(10)
    assert 0.01 < reach.min()["tanh"] < 10
    assert reach.count().tolist() == [3, 3]


def test_expansions(taylor):
    rows = taylor["remainders"]
    assert list(dict.fromkeys(zip(rows["case"], rows["point"], strict=True))) == [
        ("tanh", "initial"),
        ("tanh", "endpoint"),
        ("tanh", "critical"),
        ("ReLU", "kink"),
    ]
    critical = rows[rows["point"] == "critical"]
    assert critical["slope"].abs().max() < 1e-10
    assert critical["curvature"].min() > 0
    assert set(rows[rows["case"] == "tanh"]["direction"]) == {
        *("random 0", "random 1", "lowest", "highest")
    }
    # the terms that are left out telescope: R1 = R0 - slope r, R2 = R1 - curvature r² / 2
    wide = rows.pivot(
        index=["case", "point", "direction", "radius", "slope", "curvature"],
        columns="order",
        values="remainder",
    ).reset_index()
    r = wide["radius"]
    np.testing.assert_allclose((wide[0] - wide[1]) / r, wide["slope"], atol=1e-15)
    np.testing.assert_allclose((wide[1] - wide[2]) / r, wide["curvature"] * r / 2, atol=1e-15)


def test_across_a_kink_the_first_order_remainder_is_of_first_order(taylor):
    rows = taylor["remainders"]
    across = rows[(rows["direction"] == "across the kink") & (rows["order"] == 1)]
    small = across[across["radius"] < 1e-3]
    slope = np.polyfit(np.log(small["radius"]), np.log(small["remainder"].abs()), 1)[0]
    assert slope == pytest.approx(1, abs=0.01)


def test_probes(context):
    analysis = parse_analysis(
        {
            "kind": "probes",
            "samples": 40,
            "probes": 150,
            "ladders": {"ladder": {"dataset": "blobs", "width": 1}},
            "minima": {
                "dead input": {
                    "dataset": "dead",
                    "network": {"hidden": []},
                    "loss": "squared_error",
                    "weight_decay": 0,
                },
                "batch norm": {
                    "dataset": "blobs",
                    "network": {"hidden": [2], "batchnorm": "after"},
                },
            },
        }
    )
    assert analysis.dataset_names == ("blobs", "dead")
    tables = analysis.run(context)
    points = tables["points"].set_index("point")
    assert points["kind"].to_dict() == {
        "ladder, 0 of 1 units": "saddle",
        "ladder, 1 of 1 units": "minimum",
        "dead input": "minimum",
        "batch norm": "minimum",
    }
    # the Hessian is flat along the weights of the input that is always 0, one a class
    assert points["zero"].to_dict()["dead input"] == CLASSES
    # only on a saddle does a step lower the loss
    assert points["down"].gt(0).to_dict() == (points["kind"] == "saddle").to_dict()
    seen = points["down"] + points["up"]
    assert (seen <= 150).all()
    assert seen["ladder, 0 of 1 units"] == 150
    again = analysis.run(context)
    assert again["points"].set_index("point").equals(points)


def test_a_smooth_network_has_no_kink(config):
    case = {"dataset": "digits", "network": {"hidden": [2]}, "points": ["kink"]}
    config["analyses"] = {"taylor": {"kind": "taylor", "cases": {"tanh": case}}}
    with pytest.raises(ConfigError, match="only a dense ReLU network has a kink"):
        parse_study(config)
    case["points"] = ["initial"]
    case["dataset"] = "digit"
    with pytest.raises(ConfigError, match=r"analyses\.taylor: dataset 'digit'.*'digits'"):
        parse_study(config)
