"""The ladder as an analysis: its points re-checked from the file, and the ways off its saddles."""

import numpy as np
import pandas as pd
import pytest
import torch

from unstuck.data.dataset import Dataset, Split
from unstuck.files import read_parquet, write_parquet
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

INPUTS, CLASSES = 3, 4


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng([0, 7501])
    centres = 2.0 * rng.standard_normal((CLASSES, INPUTS))
    y = rng.integers(CLASSES, size=80)
    x = (centres[y] + 0.8 * rng.standard_normal((80, INPUTS))).astype(np.float32)
    parts = [x[:64], y[:64], x[64:], y[64:], x[64:], y[64:]]
    return Dataset.of({0: Split(*parts, classes=CLASSES)}, {"splits": "one"})


@pytest.fixture(scope="module")
def context(dataset):
    return Context(
        datasets={"blobs": dataset}, inputs={}, device="cpu", threads=1, progress=lambda text: None
    )


@pytest.fixture(scope="module")
def tables(context, tmp_path_factory):
    """Tables that went through their files."""
    given = {"kind": "ladder", "datasets": ["blobs"], "widths": [1, 3], "samples": 60, "seeds": 2}
    analysis = parse_analysis(given | {"weight_decay": 5e-3})
    made = analysis.run(context)
    assert set(made) == set(analysis.tables)
    folder = tmp_path_factory.mktemp("ladder")
    for name, table in made.items():
        write_parquet(folder / f"{name}.parquet", table)
    return {name: read_parquet(folder / f"{name}.parquet") for name in made}


def test_there_is_a_rung_for_every_number_of_units(tables):
    points = tables["points"]
    assert set(zip(points["width"], points["rung"], strict=True)) == {
        *((1, k) for k in range(2)),
        *((3, k) for k in range(4)),
    }
    assert points.groupby(["seed", "width", "rung"]).size().eq(1).all()
    assert points["converged"].all()
    kinds = points["kind"] == np.where(points["rung"] == points["width"], "minimum", "saddle")
    assert kinds.all()
    for _, ladder in points[points["width"] == 3].groupby("seed"):
        ordered = ladder.sort_values("rung")
        assert (np.diff(ordered["loss"]) < 0).all()
        assert (np.diff(ordered["negative"]) < 0).all()


def plain_loss(theta, x, y, width, decay):
    """Loss of a network with one hidden tanh layer, written out."""
    sizes = [INPUTS * width, width, width * CLASSES, CLASSES]
    first, biases, second, last = torch.split(theta, sizes)
    hidden = torch.tanh(x @ first.reshape(INPUTS, width) + biases)
    outputs = hidden @ second.reshape(width, CLASSES) + last
    return torch.nn.functional.cross_entropy(outputs, y) + 0.5 * decay * (theta**2).sum()


def recheck(row, x, y):
    """Loss, gradient and eigenvalues at a saved point, by plain automatic differentiation."""

    def loss(theta):
        return plain_loss(theta, x, y, int(row.width), row.weight_decay)

    theta = torch.tensor(np.asarray(row.theta), requires_grad=True)
    assert theta.dtype == torch.float64
    value = loss(theta)
    (gradient,) = torch.autograd.grad(value, theta)
    values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta.detach()))
    return float(value.detach()), float(gradient.norm()), values.numpy()


def recheck_all(points, dataset, samples):
    x = torch.from_numpy(dataset.tensors["x_train"][:samples]).double()
    y = torch.from_numpy(dataset.tensors["y_train"][:samples])
    for row in points[points["converged"]].itertuples():
        loss, norm, values = recheck(row, x, y)
        assert loss == pytest.approx(row.loss, rel=1e-12)
        assert norm <= 1e-10
        assert row.gradient_norm <= 1e-10
        assert len(values) == row.parameters
        # the nearest eigenvalue is farther from the tolerance than rounding reaches
        assert np.abs(np.abs(values) - row.tolerance).min() == pytest.approx(row.gap, abs=1e-9)
        assert row.gap > 1e-9
        counts = ((values < -row.tolerance).sum(), (values > row.tolerance).sum())
        assert counts == (row.negative, row.positive)
        assert row.zero == 0
        assert row.kind == ("saddle" if row.negative else "minimum")


def test_every_saved_point_passes_a_check_that_shares_no_code(tables, dataset):
    points = tables["points"]
    recheck_all(points, dataset, samples=60)
    for row in points.itertuples():
        np.testing.assert_array_equal(np.asarray(row.eigenvalues), np.sort(row.eigenvalues))
        negative = (np.asarray(row.eigenvalues) < -row.tolerance).sum()
        assert negative == row.negative
        assert row.minimum_ratio == row.positive / row.parameters


def test_the_check_finds_a_point_that_was_moved(tables, dataset):
    points = tables["points"].copy()
    points["theta"] = [np.asarray(theta) + 1e-6 for theta in points["theta"]]
    with pytest.raises(AssertionError):
        recheck_all(points, dataset, samples=60)


def test_every_saddle_is_stepped_off(tables):
    points, escape = tables["points"], tables["escape"]
    place = ["dataset", "seed", "width", "rung"]
    saddles = points[points["kind"] == "saddle"].set_index(place)
    assert set(escape.set_index(place).index) == set(saddles.index)
    error = (escape["ratio"] - 1).abs()
    assert error[escape["radius"] == 1e-3].max() < 1e-4
    assert (escape["change"] < 0).all()
    # the odd orders vanish by the symmetry of an idle unit: a tenth of the radius, a hundredth
    by_radius = error.groupby(escape["radius"]).max()
    assert by_radius[1e-2] / by_radius[1e-3] == pytest.approx(100, rel=0.05)


def test_updates_to_leave_are_linear_in_the_exponent(tables):
    leaving = tables["leaving"]
    assert set(leaving["seed"]) == {0}
    assert set(leaving["width"]) == {3}
    assert leaving["rung"].tolist() == [0, 1, 2]
    assert (leaving["slope"] - leaving["predicted_slope"]).abs().max() <= 1
    assert leaving["deviation"].max() <= 1.5
    assert (leaving["stuck"] == 0).all()
    # a descent that starts on the saddle stays
    assert leaving["farthest"].max() < 1e-12
    points = tables["points"].set_index(["seed", "width", "rung"])["loss"]
    losses = points.loc[list(zip(*(leaving[each] for each in points.index.names), strict=True))]
    np.testing.assert_array_equal(leaving["saddle_loss"], losses)
    assert (leaving["end_loss"] < 0.999 * leaving["saddle_loss"]).all()


def test_another_run_gives_the_same_tables(context, tables):
    given = {"kind": "ladder", "datasets": ["blobs"], "widths": [1, 3], "samples": 60, "seeds": 1}
    again = parse_analysis(given | {"weight_decay": 5e-3}).run(context)["points"]
    first = tables["points"].query("seed == 0").reset_index(drop=True)
    pd.testing.assert_frame_equal(
        first.drop(columns=["theta", "eigenvalues"]),
        again[[name for name in first if name not in ("theta", "eigenvalues")]],
    )
    for one, other in zip(first["theta"], again["theta"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unknown_field_is_named():
    with pytest.raises(ValueError, match="did you mean 'widths'"):
        parse_analysis({"kind": "ladder", "datasets": ["blobs"], "width": [3]})
