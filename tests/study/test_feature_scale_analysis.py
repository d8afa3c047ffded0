"""Softmax regression on features of equal and unequal scale, as an analysis on tiny data."""

import numpy as np
import pytest

from unstuck.data.dataset import Dataset
from unstuck.data.transforms import Scale
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.feature_scale import FeatureScaleAnalysis
from unstuck.study.analyses.kinds import parse_analysis


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng([0, 7506])
    y = rng.integers(3, size=128)
    x = (rng.normal(size=(128, 4)) * [5, 1, 2, 0.5] + y[:, None]).astype(np.float32)
    data = Dataset(x, y, x[:16], y[:16], x, y, classes=3, card={})
    analysis = parse_analysis(
        {
            "kind": "feature_scale",
            "datasets": ["blobs"],
            "spreads": [1, 10],
            "optimizers": {"sgd": [0.3, 1, 3]},
            "samples": 128,
            "updates": 100,
            "seeds": 2,
        }
    )
    assert isinstance(analysis, FeatureScaleAnalysis)
    return analysis.run(Context({"blobs": data}, {}, "cpu", 1, lambda text: None))


def test_every_arm_is_tuned_and_evaluated(made):
    runs = made["runs"]
    evaluated = runs[runs["role"] == "evaluation"]
    assert set(zip(evaluated["spread"], evaluated["order"], strict=True)) == {
        (1.0, "given"),
        (1.0, "reversed"),
        (10.0, "given"),
    }
    assert (evaluated.groupby(["spread", "order"])["seed"].nunique() == 2).all()
    assert evaluated["arrived"].notna().any()


def test_the_least_loss_is_the_same_at_every_spread(made):
    assert made["runs"]["least"].nunique() == 1
    assert (made["runs"]["target"] > made["runs"]["least"]).all()
    assert (made["runs"]["target"] < np.log(3)).all()


def test_softmax_makes_as_many_zero_eigenvalues_as_a_class_has_weights(made):
    curvature = made["curvature"]
    assert set(curvature["zero"]) == {5}
    assert set(curvature["parameters"]) == {15}
    assert set(curvature["seed"]) == {0, 1}


def test_unequal_scales_raise_the_condition(made):
    kappa = made["curvature"].groupby("spread")["condition"].median()
    # no more than the square of the ratio of scales
    assert 3 < kappa[10.0] / kappa[1.0] < 110
    factors = Scale(ratio=10.0).factors(4)
    assert factors.max() / factors.min() == pytest.approx(10)
