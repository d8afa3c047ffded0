"""Claims 3.1.2 and 3.1.3: they hold for the layer, and fail for a layer that is wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unstuck.claims import batch_normalisation
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.population.layers import Pass
from unstuck.population.normalisation import BatchNorm

REGISTRY = load_registry(Path(__file__).parents[2] / "workflow" / "claims")


def verdict(claim_id):
    evidence = evaluate(REGISTRY[claim_id], {})
    return decide({claim_id: REGISTRY[claim_id]}, [evidence]).claims.iloc[0], evidence


@pytest.mark.parametrize("claim_id", ["3.1.2", "3.1.3"])
def test_they_hold(claim_id):
    found, _ = verdict(claim_id)
    assert (found["verdict"], found["control"]) == ("supported", "passed")


class Biased(BatchNorm):
    """Divides by the unbiased variance."""

    def forward(self, x, parameters, buffers, training):
        done = super().forward(x, parameters, buffers, training)
        rows = x.shape[1]
        return Pass(done.output * ((rows - 1) / rows) ** 0.5, done.saved, done.buffers)


def test_a_layer_that_divides_by_another_variance_breaks_3_1_2(monkeypatch):
    monkeypatch.setattr(batch_normalisation, "BatchNorm", Biased)
    found, evidence = verdict("3.1.2")
    assert found["verdict"] != "supported"
    failed = {check.name for check in evidence.checks if not check.holds}
    assert any("v / (v + ε)" in name for name in failed)
    assert any("torch" in name for name in failed)


class Alone(BatchNorm):
    """Takes the statistics as numbers that no sample moves."""

    def forward(self, x, parameters, buffers, training):
        if not training:
            return super().forward(x, parameters, buffers, training)
        fixed = x.detach().mean(1), x.detach().var(1, correction=0)
        done = super().forward(x, parameters, fixed, False)
        return Pass(done.output, done.saved, tuple(buffers))


def test_a_layer_whose_statistics_no_sample_moves_breaks_3_1_3(monkeypatch):
    monkeypatch.setattr(batch_normalisation, "BatchNorm", Alone)
    found, evidence = verdict("3.1.3")
    assert found["verdict"] != "supported"
    failed = {check.name for check in evidence.checks if not check.holds}
    assert "derivative less its closed form, largest" in failed


def test_features_on_centre_before_the_layer_fail_the_control(monkeypatch):
    features = batch_normalisation._features()
    monkeypatch.setattr(
        batch_normalisation, "_features", lambda: features - features.mean(0, keepdims=True)
    )
    assert verdict("3.1.2")[0]["verdict"] == "invalid"


def test_the_effect_of_one_other_falls_like_one_over_the_batch():
    strength = evaluate(REGISTRY["3.1.3"], {}).tables["strength"].set_index("batch_size")
    assert strength.loc[16, "one"] / strength.loc[128, "one"] == pytest.approx(8, rel=0.35)
    # two samples are +1 and -1 whatever they were, so that each moves both alike
    assert strength.loc[2, "one"] == pytest.approx(1, abs=1e-9)


def test_derivatives_are_those_of_a_difference_quotient():
    _, evidence = verdict("3.1.3")
    table = evidence.tables["derivatives"]
    matrix = table[table["mode"] == "training"].pivot(
        index="output", columns="input", values="size"
    )
    assert matrix.shape == (batch_normalisation.BATCH,) * 2
    spec = batch_normalisation.NetworkSpec(hidden=(batch_normalisation.HIDDEN,), batchnorm="before")
    network = batch_normalisation.Network(
        spec, (batch_normalisation.INPUTS,), batch_normalisation.CLASSES
    )
    rng = np.random.default_rng([1, batch_normalisation.STREAM])
    x = torch.from_numpy(
        rng.standard_normal((batch_normalisation.BATCH, batch_normalisation.INPUTS))
    )
    theta, buffers = network.initial(0)[None], network.initial_buffers()[None]
    squares = torch.zeros(batch_normalisation.BATCH, dtype=torch.float64)
    for place in range(batch_normalisation.INPUTS):
        ends = []
        for side in (1e-5, -1e-5):
            moved = x.clone()
            moved[3, place] += side
            ends.append(network.forward(theta, moved[None], buffers, True)[0][0])
        squares += ((ends[0] - ends[1]) / 2e-5).square().sum(1)
    torch.testing.assert_close(squares.sqrt(), torch.tensor(matrix[3]), rtol=1e-6, atol=1e-8)
