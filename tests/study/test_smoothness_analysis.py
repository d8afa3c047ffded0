"""Curvature along the path, as an analysis on tiny data."""

import numpy as np
import pytest

from unstuck.data.dataset import Dataset, Split
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis


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
