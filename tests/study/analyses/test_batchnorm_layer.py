"""The layer of batch normalisation against torch, closed forms and difference quotients."""

import numpy as np
import pytest
import torch
from torch.nn.functional import batch_norm

from unstuck.population.layers import Pass
from unstuck.population.network import Network
from unstuck.population.normalisation import EPSILON, BatchNorm
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.normalisation import layer_averages, layer_coupling, layer_statistics


@pytest.fixture(scope="module")
def tables(tables_of):
    return tables_of("batchnorm_layer")


def test_means_and_variances(tables):
    features = tables["features"]
    assert features[["mean_error", "variance_error"]].max().max() < 1e-10
    initial = features[features["part"] == "initial"]
    assert len(initial) == 40
    assert initial["variance_before"].min() > 100 * EPSILON
    assert initial["mean_before"].abs().min() > 0.1
    small = features[features["part"] == "small"]
    assert small["variance_after"].max() < 0.999
    trained = features[features["part"] == "trained"]
    assert trained["mean_after"].abs().max() > 0.05
    assert (trained["variance_after"] - 1).abs().max() > 0.05


def test_features_are_those_of_torch(tables):
    x = layer_statistics.drawn(layer_statistics.SPREADS, 0)
    expected = batch_norm(torch.from_numpy(x), None, None, training=True).numpy()
    samples = tables["samples"].query("side == 'after' and feature == 1")["value"]
    np.testing.assert_allclose(samples, expected[:, 1], atol=1e-12)
    assert tables["torch"]["difference"].max() < 1e-11
    assert len(tables["torch"]) == 3 * 2 * 4


def test_gamma_and_beta_start_at_one_and_zero(tables):
    assert len(tables["initial"]) == 2 * 20 * 2
    assert (tables["initial"]["count"] == 12).all()
    assert tables["initial"]["deviation"].max() == 0


class Biased(BatchNorm):
    """Divides by the unbiased variance."""

    def forward(self, x, parameters, buffers, training):
        done = super().forward(x, parameters, buffers, training)
        rows = x.shape[1]
        return Pass(done.output * ((rows - 1) / rows) ** 0.5, done.saved, done.buffers)


def test_a_layer_that_divides_by_another_variance_shows(monkeypatch):
    monkeypatch.setattr(layer_statistics, "BatchNorm", Biased)
    assert layer_statistics.features()["variance_error"].max() > 1e-4
    assert layer_statistics.differences_from_torch()["difference"].max() > 1e-3


def test_every_sample_moves_every_other_in_training_alone(tables):
    table = tables["coupling"]
    others = table[~table["own"]].groupby(["batchnorm", "mode"])["relative"]
    assert others.min()["before", "training"] > 1e-8
    assert others.max()["before", "inference"] == 0
    assert others.max()["off", "training"] == 0
    assert others.count().tolist() == [132, 132, 132]


def test_derivatives_are_those_of_a_difference_quotient(tables):
    size, inputs = layer_coupling.BATCH, layer_coupling.INPUTS
    spec = NetworkSpec(hidden=(layer_coupling.HIDDEN,), batchnorm="before")
    network = Network(spec, (inputs,), layer_coupling.CLASSES)
    theta, buffers = network.initial(0)[None], network.initial_buffers()[None]
    x = torch.from_numpy(
        np.random.default_rng([1, layer_statistics.STREAM]).standard_normal((size, inputs))
    )
    squares = torch.zeros(size, dtype=torch.float64)
    for place in range(inputs):
        ends = []
        for sign in (1, -1):
            moved = x.clone()
            moved[3, place] += sign * 1e-6
            ends.append(network.forward(theta, moved[None], buffers, True)[0][0])
        squares += ((ends[0] - ends[1]) / 2e-6).square().sum(1)
    found = tables["coupling"].query("mode == 'training' and batchnorm == 'before' and input == 3")
    np.testing.assert_allclose(found["derivative"], squares.sqrt(), rtol=1e-6)


def test_the_effect_of_one_other_falls_like_one_over_the_batch(tables):
    strength = tables["strength"].set_index("batch_size")
    assert strength.loc[16, "one"] / strength.loc[128, "one"] == pytest.approx(8, rel=0.2)
    # two samples are +1 and -1 whatever they were, so that each moves both alike
    assert strength.loc[2, "one"] == pytest.approx(1, abs=1e-9)
    assert strength[["closed_form_gap", "torch_gap", "sum"]].max().max() < 1e-12


class Alone(BatchNorm):
    """Takes the statistics as numbers that no sample moves."""

    def forward(self, x, parameters, buffers, training):
        fixed = x.detach().mean(1), x.detach().var(1, correction=0)
        done = super().forward(x, parameters, fixed, False)
        return Pass(done.output, done.saved, tuple(buffers))


def test_a_layer_whose_statistics_no_sample_moves_shows(monkeypatch):
    monkeypatch.setattr(layer_coupling, "BatchNorm", Alone)
    assert layer_coupling.strength()["closed_form_gap"].min() > 1e-3


def test_running_averages_and_batches_of_one(tables):
    averages = tables["averages"]
    assert averages["error"].max() < 1e-12
    assert averages["part"].value_counts().to_dict() == {
        "running": 8,
        "batch of one": 3,
        "readings": 1,
    }


def test_the_other_reading_of_the_momentum_shows(monkeypatch):
    averages = layer_averages._averages
    monkeypatch.setattr(
        layer_averages, "_averages", lambda batches, newest: averages(batches, 1 - newest)
    )
    running = layer_averages.averages().query("part == 'running'")
    assert running[running["momentum"] != 0.5]["error"].min() > 1e-3
