"""The spread of 1/σ over orders of the data, as an analysis on tiny data."""

import numpy as np

from unstuck.data.dataset import Dataset, Split
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

AT = [2, 5, 20]


def measured(batch_size, **network):
    rng = np.random.default_rng([0, 7511])
    y = rng.integers(3, size=64)
    x = (rng.standard_normal((64, 6)) + y[:, None]).astype(np.float32)
    data = Dataset.of({0: Split(x, y, x[:16], y[:16], x, y, classes=3)}, {"splits": "one"})
    analysis = parse_analysis(
        {
            "kind": "early_sigma",
            "datasets": ["blobs"],
            "network": {"hidden": [5, 4]} | network,
            "batch_size": batch_size,
            "at": AT,
            "orders": 8,
            "seeds": 2,
        }
    )
    assert analysis.dataset_names == ("blobs",)
    return analysis.run(Context({"blobs": data}, {}, "cpu", 1, lambda text: None))["sigma"]


def test_sigma_settles_with_the_squares_it_has_seen():
    sigma = measured(4)
    assert len(sigma) == 2 * len(AT)
    assert (sigma["share"] == 1).all()
    spread = sigma.pivot(index="seed", columns="update", values="relative_variance")
    assert (spread[2] > spread[5]).all()
    assert (spread[5] > spread[20]).all()


def test_larger_batches_make_it_surer():
    means = [measured(size).groupby("update")["relative_variance"].mean() for size in (4, 64)]
    assert (means[1] < means[0]).all()


def test_parameters_without_a_gradient_are_left_out():
    assert (measured(4, activation="relu")["share"] < 1).any()
