"""Curvature along the path, as an analysis on tiny data."""

import numpy as np
import pytest
import torch

from unstuck.data.dataset import Dataset, Split
from unstuck.population.network import Network
from unstuck.population.normalisation import EPSILON
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis
from unstuck.study.analyses.normalisation.smoothness import drift_between, layer_inputs


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng([0, 7509])
    y = rng.integers(3, size=64)
    x = (rng.standard_normal((64, 6)) + y[:, None]).astype(np.float32)
    data = Dataset.of({0: Split(x, y, x[:16], y[:16], x, y, classes=3)}, {"splits": "one"})
    analysis = parse_analysis(
        {
            "kind": "smoothness",
            "datasets": ["blobs"],
            "network": {"hidden": [5], "activation": "tanh"},
            "depths": [2],
            "noises": [0.5],
            "samples": 48,
            "batch_size": 16,
            "updates": [0, 4, 12],
            "seeds": 2,
        }
    )
    assert analysis.dataset_names == ("blobs",)
    return analysis.run(Context({"blobs": data}, {}, "cpu", 1, lambda text: None))


def test_every_arm_is_measured_at_every_stop(tables):
    path = tables["path"]
    assert len(path) == 3 * 2 * 3
    assert np.isfinite(path[["loss", "lambda_max", "smoothness"]]).all(axis=None)
    assert (path["lambda_max"] > 0).all()
    last = path[path["update"] == 12].set_index(["batchnorm", "noise", "seed"])["loss"]
    first = path[path["update"] == 0].set_index(["batchnorm", "noise", "seed"])["loss"]
    assert (last < first).all()


def test_noise_changes_the_path_and_not_the_start(tables):
    path = tables["path"]
    normed = path[path["batchnorm"] == "before"].set_index(["noise", "update", "seed"])["loss"]
    assert np.array_equal(normed.loc[0.0, 0], normed.loc[0.5, 0])
    assert not np.isclose(normed.loc[0.0, 12], normed.loc[0.5, 12]).any()


def test_noise_makes_inputs_drift(tables):
    drift = tables["drift"].groupby(["batchnorm", "noise"])["drift"].mean()
    assert set(drift.index) == {("off", 0.0), ("before", 0.0), ("before", 0.5)}
    assert drift["before", 0.5] > 1.5 * drift["before", 0.0]
    assert drift["before", 0.5] > drift["off", 0.0] > 0


@pytest.mark.parametrize("batchnorm", ["off", "before"])
def test_drift_is_that_of_what_enters_the_second_activation(batchnorm):
    spec = NetworkSpec(
        hidden=(4, 3), activation="tanh", batchnorm=batchnorm, batchnorm_momentum=1.0
    )
    network = Network(spec, (5,), 2)
    theta = torch.stack([network.initial(seed) for seed in (0, 1)])
    buffers = network.initial_buffers().repeat(2, 1)
    x = torch.from_numpy(np.random.default_rng([1, 7509]).standard_normal((1, 8, 5)))
    at = network.views(theta)
    first = x @ at["linear1.weight"] + at["linear1.bias"][:, None]
    if batchnorm == "before":
        deviation = (first.var(1, keepdim=True, correction=0) + EPSILON).sqrt()
        first = (first - first.mean(1, keepdim=True)) / deviation
    second = first.tanh() @ at["linear2.weight"] + at["linear2.bias"][:, None]
    _, moved = network.forward(theta, x, buffers, True)
    means, variances = layer_inputs(network, theta, x, moved)
    assert torch.allclose(means, second.mean(1))
    assert torch.allclose(variances, second.var(1))
    further = (means + 2 * variances.sqrt(), variances)
    two = torch.full((2,), 2.0, dtype=torch.float64)
    assert torch.allclose(drift_between((means, variances), further), two)
