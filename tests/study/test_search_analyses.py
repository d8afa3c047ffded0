"""The search for critical points and the random matrices, as analyses on tiny data."""

import numpy as np
import pandas as pd
import pytest
import torch

from unstuck.curvature.critical_points.ladder import TanhNetworks
from unstuck.data.dataset import Dataset, Split
from unstuck.files import read_parquet, write_parquet
from unstuck.statistics.gaussian_matrices import probability_positive
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

INPUTS, CLASSES, DECAY = 2, 3, 0.03
SEARCH = {
    "kind": "critical_search",
    "datasets": ["blobs"],
    "widths": [1, 2],
    "samples": 40,
    "weight_decay": DECAY,
    "searches": 6,
    "certified": 2,
    "seeds": 2,
    "updates": 40,
}


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng([0, 7504])
    centres = 2.0 * rng.standard_normal((CLASSES, INPUTS))
    y = rng.integers(CLASSES, size=48)
    x = (centres[y] + 0.8 * rng.standard_normal((48, INPUTS))).astype(np.float32)
    return Dataset.of({0: Split(x, y, x, y, x, y, classes=CLASSES)}, {"splits": "one"})


@pytest.fixture(scope="module")
def context(dataset):
    return Context(
        datasets={"blobs": dataset}, inputs={}, device="cpu", threads=1, progress=lambda text: None
    )


@pytest.fixture(scope="module")
def made(context, tmp_path_factory):
    analysis = parse_analysis(SEARCH)
    tables = analysis.run(context)
    assert set(tables) == set(analysis.tables) == {"searches"}
    folder = tmp_path_factory.mktemp("search")
    for name, table in tables.items():
        write_parquet(folder / f"{name}.parquet", table)
    return {name: read_parquet(folder / f"{name}.parquet") for name in tables}


@pytest.fixture(scope="module")
def searches(made):
    return made["searches"]


def test_searches_stop_once_enough_points_are_certified(searches):
    for _, part in searches.groupby(["width", "seed", "start"]):
        ordered = part.sort_values("search")
        assert list(ordered["search"]) == list(range(len(part)))
        assert ordered["converged"].sum() <= 2
        enough = ordered["converged"].sum() == 2
        assert len(part) == 6 or (enough and ordered["converged"].iloc[-1])


def test_points_of_equal_loss_and_index_are_told_once(searches):
    key = ["width", "seed", "start"]
    for _, part in searches[searches["converged"]].groupby(key):
        once = {(row.negative, f"{row.loss:.8f}") for row in part.itertuples()}
        assert part["distinct"].sum() == len(once)
        assert part["distinct"].iloc[0]
    assert not searches[~searches["converged"]]["distinct"].any()


def test_every_certified_point_passes_a_check_that_shares_no_code(searches, dataset):
    x = torch.from_numpy(dataset.tensors["x_train"][:40]).double()
    y = torch.from_numpy(dataset.tensors["y_train"][:40])
    certified = searches[searches["converged"]]
    assert len(certified) >= 8
    for row in certified.itertuples():
        width = int(row.width)

        def loss(theta, width=width):
            sizes = [INPUTS * width, width, width * CLASSES, CLASSES]
            first, biases, second, last = torch.split(theta, sizes)
            hidden = torch.tanh(x @ first.reshape(INPUTS, width) + biases)
            outputs = hidden @ second.reshape(width, CLASSES) + last
            data = torch.nn.functional.cross_entropy(outputs, y)
            return data + 0.5 * DECAY * (theta**2).sum()

        theta = torch.tensor(np.asarray(row.theta), requires_grad=True)
        value = loss(theta)
        (gradient,) = torch.autograd.grad(value, theta)
        assert float(value.detach()) == pytest.approx(row.loss, rel=1e-12)
        assert gradient.norm() <= 1e-10
        values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta.detach()))
        assert int((values < -row.tolerance).sum()) == row.negative
        assert int((values > row.tolerance).sum()) == row.positive
        assert row.kind == ("saddle" if row.negative else "minimum")


def test_a_search_that_did_not_end_is_not_certified(context):
    table = parse_analysis(SEARCH | {"steps": 1, "seeds": 1}).run(context)["searches"]
    assert not table["converged"].any()
    assert (table["gradient_norm"] > 1e-10).all()
    assert len(table) == 2 * 2 * 6


def test_starts_along_training_have_a_lower_loss_than_random_ones(context):
    analysis = parse_analysis(SEARCH)
    data = context.datasets["blobs"].unit(0)
    networks = TanhNetworks(data.x_train[:40], data.y_train[:40], data.classes, 0.03)
    problem = networks.problem(2)
    made = analysis._starts({0: problem, 1: problem}, 2)
    starts, others = made[0], made[1]
    (again,) = analysis._starts({0: problem}, 2).values()
    losses = {
        name: np.mean([problem.at(point).value() for point in points])
        for name, points in starts.items()
    }
    assert losses["training"] < losses["random"]
    for name, points in starts.items():
        assert torch.equal(points, again[name])
        assert not torch.equal(points, others[name])
        assert not torch.equal(points[0], points[1])


def test_random_matrices_are_counted(context):
    analysis = parse_analysis({"kind": "random_matrices", "sizes": [1, 3], "matrices": 4000})
    kinds = analysis.run(context)["kinds"]
    assert (kinds["matrices"] == 10 * 4000).all()
    for size, part in kinds.set_index("kind").groupby("size"):
        exact = probability_positive(int(size))
        assert part["share"]["minimum"] == pytest.approx(exact, abs=4 * np.sqrt(exact / 40_000))
        assert part["share"].sum() == pytest.approx(1)
    assert kinds["standard_errors"].abs().max() < 4
    pd.testing.assert_frame_equal(kinds, analysis.run(context)["kinds"])
