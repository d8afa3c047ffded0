"""Softmax against scipy and closed forms, and its walks against torch.optim."""

import numpy as np
import pytest
import torch
from scipy import special

from unstuck.study.analyses.classification import loss_plane, softmax_outputs


@pytest.fixture(scope="module")
def tables(tables_of):
    return tables_of("softmax", seeds=3)


def test_outputs_are_shares(tables):
    vectors = tables["vectors"].set_index("vector")
    assert vectors["outside"].max() == 0
    assert vectors["sum_error"].max() < 1e-12
    ends = vectors.loc[-1, ["largest", "smallest"]].to_numpy(dtype=float)
    np.testing.assert_allclose(ends, special.softmax([3, -3, 1])[:2], rtol=1e-14)


def test_ratios_grow_and_differences_shrink(tables):
    pairs = tables["pairs"]
    assert len(pairs) == 2_000 * 10 + 3
    assert pairs["ratio_error"].max() < 1e-12
    assert pairs["ratio_above_gap"].all()
    assert pairs["difference_over_half_gap"].max() <= 1
    gaps = tables["gaps"]
    np.testing.assert_allclose(gaps["ratio"], np.exp(gaps["gap"]), rtol=1e-11)
    np.testing.assert_allclose(gaps["difference"], np.tanh(gaps["gap"] / 2), atol=1e-14)
    assert gaps["sigmoid_error"].max() < 1e-14


def test_small_outputs_are_drawn_together(tables):
    shares = tables["shares"].set_index("scale")["apart"]
    assert shares[0.1] == shares[1.0] == 0
    assert shares[10.0] > 0.5


def test_a_softmax_of_another_base_shows(monkeypatch):
    monkeypatch.setattr(
        softmax_outputs, "softmax", lambda logits: special.softmax(np.log(2) * logits, axis=1)
    )
    assert softmax_outputs.vectors_and_pairs()[1]["ratio_error"].max() > 0.01


@pytest.mark.parametrize("loss", loss_plane.LOSSES)
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sgd", lambda y: torch.optim.SGD([y], lr=1.0)),
        ("adam", lambda y: torch.optim.Adam([y], lr=0.1)),
    ],
)
def test_arrivals_are_those_of_torch(tables, loss, name, make):
    arrivals = tables["arrivals"].query("corner == 'wrong'")
    arrived = arrivals.set_index(["loss", "optimizer", "seed"])["arrived"][loss, name, 1]
    rng = np.random.default_rng([1, loss_plane.STREAM])
    start = [rng.uniform(-10, -5), rng.uniform(5, 10)]
    y = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = make(y)
    updates, third = 0, torch.tensor([-1000.0], dtype=torch.float64)
    while float(y.detach().softmax(0)[0]) <= 0.9 and updates < loss_plane.UPDATES:
        optimizer.zero_grad()
        outputs = torch.cat([y, third])
        if loss == "cross_entropy":
            torch.nn.functional.cross_entropy(outputs[None], torch.tensor([0])).backward()
        else:
            (outputs.softmax(0) - torch.tensor([1.0, 0.0, 0.0])).square().sum().backward()
        optimizer.step()
        updates += 1
    assert np.isnan(arrived) if updates == loss_plane.UPDATES else arrived == updates


def test_slopes_are_those_of_autograd_and_of_closed_forms(tables):
    assert tables["closed_forms"]["relative_error"].max() < 1e-6
    slopes = tables["slopes"]
    assert slopes.groupby("corner")["gradient_norm"].count().tolist() == [6, 6, 6]
    for row in slopes.to_dict("records"):
        y = torch.tensor([row["y1"], row["y2"]], dtype=torch.float64, requires_grad=True)
        if row["loss"] == "cross_entropy":
            loss = -y.log_softmax(0)[0]
        else:
            loss = (y.softmax(0) - torch.tensor([1.0, 0.0])).square().sum()
        loss.backward()
        assert row["gradient_norm"] == pytest.approx(float(y.grad.norm()), rel=1e-6)


def test_the_ratio_of_slopes_over_the_plane(tables):
    plane = tables["plane"]
    p = special.expit(plane["y1"] - plane["y2"])
    rest = special.expit(plane["y2"] - plane["y1"])
    np.testing.assert_allclose(plane["ratio"], 1 / (4 * p * rest), rtol=1e-6)
