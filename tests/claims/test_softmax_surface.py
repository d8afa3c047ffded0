"""Claim 2.2.3: its walks against torch's own optimizers, and planted surfaces."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unstuck.claims import classification_surface
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.2.3"]


@pytest.fixture(scope="module")
def evidence():
    return evaluate(CLAIM, {})


def decided(evidence):
    return decide({CLAIM.id: CLAIM}, [evidence])


def test_gradient_descent_is_stuck_on_the_squared_error_alone(evidence):
    found = decided(evidence)
    effects = found.contrasts[found.contrasts["role"] == "effect"].set_index("name")
    assert effects.loc["slope where it is sure and wrong", "verdict"] == "supported"
    assert found.claims.iloc[0]["control"] == "passed"
    arrivals = evidence.tables["arrivals"].set_index(["loss", "optimizer"])
    assert arrivals.loc[("cross_entropy", "gd"), "arrived"].all()
    assert not arrivals.loc[("squared_error", "gd"), "arrived"].any()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("gd", lambda y: torch.optim.SGD([y], lr=1.0)),
        ("adam", lambda y: torch.optim.Adam([y], lr=0.1)),
    ],
)
def test_arrivals_are_those_of_torch(evidence, name, make):
    arrivals = evidence.tables["arrivals"].set_index(["loss", "optimizer", "seed"])["updates"]
    for seed in range(2):
        rng = np.random.default_rng([seed, classification_surface.STREAM])
        start = [rng.uniform(-10, -5), rng.uniform(5, 10)]
        y = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        optimizer = make(y)
        updates = 0
        while float(y.detach().softmax(0)[0]) <= 0.9 and updates < 2000:
            optimizer.zero_grad()
            outputs = torch.cat([y, torch.tensor([-1000.0], dtype=torch.float64)])
            torch.nn.functional.cross_entropy(outputs[None], torch.tensor([0])).backward()
            optimizer.step()
            updates += 1
        assert updates == arrivals[("cross_entropy", name, seed)]


@pytest.mark.parametrize(
    ("factor", "verdict"), [(100.0, "supported"), (1.0, "no effect"), (0.01, "contradicted")]
)
def test_planted_slopes_reach_their_verdict(monkeypatch, factor, verdict):
    slope = classification_surface._slope

    def planted(loss, points):
        level = np.abs(points[:, 0] - points[:, 1]) < 1
        ours = slope("cross_entropy", points)
        if len(points) > classification_surface.SEEDS:
            return slope(loss, points)
        return ours if loss == "squared_error" else np.where(level, ours, factor * ours)

    monkeypatch.setattr(classification_surface, "_slope", planted)
    monkeypatch.setattr(classification_surface, "UPDATES", 300)
    contrasts = decided(evaluate(CLAIM, {})).contrasts
    slopes = contrasts[(contrasts["measure"] == "slope") & (contrasts["role"] == "effect")]
    assert slopes["verdict"].to_list() == [verdict]


def test_a_wrong_gradient_invalidates(monkeypatch):
    slope = classification_surface._slope
    monkeypatch.setattr(
        classification_surface, "_slope", lambda loss, points: 1.001 * slope(loss, points)
    )
    monkeypatch.setattr(classification_surface, "UPDATES", 300)
    assert decided(evaluate(CLAIM, {})).claims.iloc[0]["verdict"] == "invalid"
