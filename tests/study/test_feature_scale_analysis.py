"""Softmax regression on features of equal and unequal scale, as an analysis on tiny data."""

from dataclasses import replace

import numpy as np
import pytest

from unstuck.data.dataset import Dataset, Split
from unstuck.data.transforms import Scale
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis
from unstuck.study.analyses.normalisation.feature_scale import (
    SECOND_DRAW,
    FeatureScaleAnalysis,
    _Samples,
)
from unstuck.training.loop import train_population


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng([0, 7506])
    y = rng.integers(3, size=128)
    x = (rng.normal(size=(128, 4)) * [5, 1, 2, 0.5] + y[:, None]).astype(np.float32)
    halves = [Split(x[i::2], y[i::2], x[:16], y[:16], x, y, classes=3) for i in (0, 1)]
    data = Dataset.of({unit: halves[unit % 2] for unit in (4, 5, 6)})
    analysis = parse_analysis(
        {
            "kind": "feature_scale",
            "datasets": ["blobs"],
            "spreads": [1, 10],
            "optimizers": {"sgd": [0.3, 1, 3]},
            "samples": 64,
            "updates": 100,
            "heat": 2,
            "finalists": 2,
            "seeds": 3,
        }
    )
    assert isinstance(analysis, FeatureScaleAnalysis)
    return analysis.run(Context({"blobs": data}, {}, "cpu", 1, lambda text: None, first_unit=4))


def test_every_arm_races_for_its_rate(made):
    runs = made["runs"]
    chosen = runs[runs["chosen"]]
    assert set(zip(chosen["spread"], chosen["draw"], strict=True)) == {
        (1.0, "first"),
        (10.0, "first"),
        (10.0, "second"),
    }
    assert (chosen.groupby(["spread", "draw"])["seed"].nunique() == 3).all()
    assert chosen["arrived"].notna().any()
    counted = np.log(runs["arrived"].fillna(100))
    # how far off a run ends orders those that do not arrive
    np.testing.assert_allclose(runs["score"], counted, atol=1e-4)


def test_every_unit_and_the_second_draw_scale_features_otherwise():
    rng = np.random.default_rng([0, 7507])
    x = rng.normal(size=(64, 6)).astype(np.float32)
    y = rng.integers(3, size=64)
    data = Dataset.of({unit: Split(x + unit, y, x, y, x, y, classes=3) for unit in range(4)})
    first = replace(_Samples.of(data, range(4), 32), ratio=10.0)
    second = replace(first, draw=SECOND_DRAW)
    draws = [(first, unit) for unit in range(4)] + [(second, unit) for unit in range(2)]
    scales = [drawn.scaled(unit) / first.x[unit] for drawn, unit in draws]
    for each in scales:
        np.testing.assert_allclose(np.sort(each[0]), 10 ** np.linspace(-0.5, 0.5, 6), rtol=1e-5)
    assert len({tuple(np.argsort(each[0])) for each in scales}) > 4


def test_a_run_is_gradient_descent_on_the_features_of_its_own_unit():
    rng = np.random.default_rng([0, 7508])
    splits = {}
    for unit in range(4):
        x = rng.normal(size=(32, 3)).astype(np.float32)
        y = rng.integers(2, size=32)
        splits[unit] = Split(x, y, x, y, x, y, classes=2)
    samples = replace(_Samples.of(Dataset.of(splits), range(4), 32), ratio=10.0)
    analysis = FeatureScaleAnalysis(datasets=("blobs",), updates=20, samples=32)
    recipe = analysis._cell("blobs", samples, "sgd", "first", target=0.1).run
    runs = [recipe.at(0.5, unit) for unit in (0, 3)]
    curves = train_population(runs, samples.dataset()).curves
    for run in runs:
        weights = samples.problem(run.seed).theta.reshape(4, 2).numpy().copy()
        features = np.hstack([samples.scaled(run.seed), np.ones((32, 1))])
        y = splits[run.seed].y_train
        losses = curves.loc[curves["run_id"] == run.run_id, "train_loss"]
        assert len(losses) == 21
        for loss in losses:
            logits = features @ weights
            chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            assert loss == pytest.approx(-np.log(chances[np.arange(32), y]).mean(), rel=1e-4)
            weights -= 0.5 * features.T @ (chances - np.eye(2)[y]) / 32


def test_the_least_loss_is_the_same_at_every_spread(made):
    assert made["runs"]["least"].nunique() == 1
    assert (made["runs"]["target"] > made["runs"]["least"]).all()
    assert (made["runs"]["target"] < np.log(3)).all()


def test_softmax_makes_as_many_zero_eigenvalues_as_a_class_has_weights(made):
    curvature = made["curvature"]
    assert set(curvature["zero"]) == {5}
    assert set(curvature["seed"]) == {4, 5, 6}


def test_unequal_scales_raise_the_condition(made):
    kappa = made["curvature"].groupby("spread")["condition"].median()
    # no more than the square of the ratio of scales
    assert 3 < kappa[10.0] / kappa[1.0] < 110
    factors = Scale(ratio=10.0).factors(4, 0)
    assert factors.max() / factors.min() == pytest.approx(10)
