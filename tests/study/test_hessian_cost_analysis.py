"""Costs of the Hessian: sizes from closed forms, and eigenvalues that agree."""

import numpy as np
import pytest

from unstuck.data.dataset import Dataset, Split
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

INPUTS, CLASSES = 5, 3
WIDTHS = (3, 6, 9)


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng([0, 7502])
    x = rng.standard_normal((40, INPUTS)).astype(np.float32)
    y = rng.integers(CLASSES, size=40)
    data = Dataset.of(
        {0: Split(x[:32], y[:32], x[32:], y[32:], x[32:], y[32:], classes=CLASSES)},
        {"splits": "one"},
    )
    given = {"kind": "hessian_cost", "dataset": "blobs", "samples": 16, "seeds": 2, "once": [9]}
    given["saddles"] = ["blobs"]
    for method in ("dense", "spectra", "products", "lanczos"):
        given[method] = list(WIDTHS)
    analysis = parse_analysis(given)
    assert analysis.timing
    context = Context({"blobs": data}, {}, "cpu", 1, lambda text: None)
    made = analysis.run(context)
    assert set(made) == set(analysis.tables)
    return made


def parameters(width):
    return (INPUTS + 1) * width + (width + 1) * width + (width + 1) * CLASSES


def test_every_method_is_timed_at_every_size_by_every_seed_but_the_dear_ones(tables):
    times = tables["times"]
    assert (times["seconds"] > 0).all()
    for method, part in times.groupby("method"):
        for seed in range(2):
            dear = seed > 0 and not str(method).startswith("product")
            expected = [parameters(width) for width in WIDTHS if not (dear and width == 9)]
            assert sorted(part[part["seed"] == seed]["parameters"]) == expected


def test_the_matrix_is_in_what_is_held(tables):
    memory = tables["memory"].set_index(["method", "parameters"])
    for width in WIDTHS:
        size = parameters(width)
        assert memory.loc[("dense", size), "tensors"] >= 8 * size**2
        assert memory.loc[("product", size), "tensors"] < 8 * size**2


def test_extreme_eigenvalues_by_products_are_those_of_the_matrix(tables):
    agreement = tables["agreement"]
    assert len(agreement) == 2 * (2 * len(WIDTHS) - 1)
    np.testing.assert_allclose(agreement["lanczos"], agreement["dense"], rtol=1e-6)


def test_a_hessian_is_told_in_updates_of_descent(tables):
    saddles = tables["saddles"]
    assert saddles["seed"].tolist() == [0, 1]
    assert set(saddles["parameters"]) == {(INPUTS + 1) * 4 + (4 + 1) * CLASSES}
    np.testing.assert_allclose(
        saddles["updates"], saddles["seconds"] / saddles["gradient_seconds"], rtol=1e-12
    )
    # the matrix alone is some products, each the cost of a gradient or more
    assert (saddles["updates"] > 1).all()
