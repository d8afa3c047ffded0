"""The analysis of effective rates: σ against torch.optim's state, and what bad input gets."""

import numpy as np
import pytest
import torch

from unstuck.data.dataset import Dataset, Split
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

GIVEN = {
    "kind": "effective_rates",
    "datasets": ["toy"],
    "network": {"hidden": [3]},
    "rates": {"adagrad": 0.1, "adam": 0.01},
    "batch_size": 16,
    "updates": 40,
    "samples": 64,
    "dimension": 12,
    "condition": 100,
    "starts": 3,
    "seeds": 2,
}


@pytest.fixture(scope="module")
def context():
    rng = np.random.default_rng(0)
    y = np.arange(64) % 3
    x = (rng.normal(size=(64, 4)) + np.eye(3, 4)[y]).astype(np.float32)
    x[:, 3] = 0  # an input that is never there
    return Context(
        {"toy": Dataset.of({0: Split(x, y, x, y, x, y, classes=3)}, {"splits": "one"})},
        {},
        "cpu",
        1,
        lambda text: None,
    )


@pytest.fixture(scope="module")
def table(context):
    return parse_analysis(GIVEN).run(context)["coordinates"]


def test_there_is_a_row_for_every_parameter_that_moved(table):
    counts = table.groupby(["dataset", "optimizer", "seed"]).size()
    assert set(counts["bowl"]) == set(counts["turned bowl"]) == {12}
    # 4 · 3 + 3 + 3 · 3 + 3, less the three weights of the input that is never there
    assert set(counts["toy"]) == {24}
    assert table.query("dataset == 'toy'").groupby("parameter").size().eq(4).all()
    assert (
        table.query("dataset == 'toy' and layer == 'linear1.weight'")
        .groupby("seed")
        .size()
        .eq(18)
        .all()
    )


def test_rates_on_a_bowl_are_those_of_torch(table):
    curvatures = torch.logspace(-2, 0, 12, dtype=torch.float64)
    start = np.random.default_rng([1, 7461]).standard_normal(12)
    for name, make in (("adagrad", torch.optim.Adagrad), ("adam", torch.optim.Adam)):
        point = torch.tensor(start, requires_grad=True)
        rule = make([point], lr=GIVEN["rates"][name])
        steps = torch.zeros_like(curvatures)
        for _ in range(40):
            before = point.detach().clone()
            point.grad = (curvatures * point).detach()
            rule.step()
            steps += (point.detach() - before).abs() / 40
        state = rule.state[point]
        if name == "adagrad":
            expected = 0.1 / (state["sum"].sqrt() + 1e-10)
        else:
            sigma = (state["exp_avg_sq"] / (1 - 0.999**40)).sqrt() + 1e-8
            expected = 0.01 / (1 - 0.9**40) / sigma
        mine = table.query(f"dataset == 'bowl' and optimizer == '{name}' and seed == 1")
        np.testing.assert_allclose(mine["curvature"], curvatures, rtol=1e-12)
        np.testing.assert_allclose(mine["effective_rate"], expected, rtol=1e-9)
        np.testing.assert_allclose(mine["effective_rate"] * mine["sigma"], GIVEN["rates"][name])
        np.testing.assert_allclose(mine["step"], steps, rtol=1e-9)


def test_the_other_curvature_is_that_of_the_next_unit(table):
    toy = table.query("dataset == 'toy'").pivot(
        index=["optimizer", "parameter"], columns="seed", values=["curvature", "other_curvature"]
    )
    for seed, other in ((0, 1), (1, 0)):
        np.testing.assert_array_equal(toy["other_curvature", seed], toy["curvature", other])


def test_turned_bowls_keep_their_trace(table):
    turned = table.query("dataset == 'turned bowl'").groupby(["optimizer", "seed"])["curvature"]
    np.testing.assert_allclose(turned.sum(), np.logspace(-2, 0, 12).sum(), rtol=1e-12)
    assert turned.std().max() < np.logspace(-2, 0, 12).std(ddof=1)
