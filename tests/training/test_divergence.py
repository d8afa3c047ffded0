"""Divergence is recorded, and stays where it happens."""

import numpy as np
import pytest
import torch

from unstuck.population.network import Network
from unstuck.training.engines.base import LOSS_BOUND
from unstuck.training.engines.choice import choose
from unstuck.training.loop import train_population
from unstuck.training.measure import Part


@pytest.fixture
def runs(make_recipe):
    recipe = make_recipe(
        "sgd", loss="squared_error", updates=40, evaluations=4, network={"activation": "relu"}
    )
    return recipe.at(0.01, 0), recipe.at(1e5, 0)


def test_a_diverged_run_is_recorded_and_kept(runs, dataset):
    sound, diverging = (run.run_id for run in runs)
    result = train_population(runs, dataset)
    final = result.final.set_index("run_id")
    assert np.isnan(final.loc[sound, "diverged_at"])
    assert 1 < final.loc[diverging, "diverged_at"] < 40
    assert final.loc[diverging, "validation_loss"] == np.inf
    assert final.loc[diverging, "test_accuracy"] == 1 / dataset.classes
    assert final.loc[diverging, "initial_gradient_norm"] > 0
    curve = result.curves[result.curves["run_id"] == diverging]
    assert len(curve) == 5
    np.testing.assert_array_equal(np.isfinite(curve["train_loss"]), curve["update"] == 0)
    assert np.isnan(result.theta[diverging]).all()
    assert np.isfinite(result.theta[sound]).all()


def test_the_update_is_the_first_whose_loss_leaves_the_bound(runs, dataset):
    fields = {"batch_size": "full", "dtype": "float64", "lr": 20.0}
    run = runs[0].model_copy(update=fields)
    found = train_population([run], dataset).final["diverged_at"].iloc[0]
    network = Network(run.network, dataset.input_shape, dataset.classes)
    theta, buffers = network.initial(run.seed).unsqueeze(0), torch.empty(1, 0).double()
    x = torch.from_numpy(dataset.tensors["x_train"]).double().unsqueeze(0)
    y = torch.from_numpy(dataset.tensors["y_train"]).unsqueeze(0)
    losses: list[float] = []
    while not losses or abs(losses[-1]) <= LOSS_BOUND:
        theta.requires_grad_()
        loss, _ = network.loss_and_correct(theta, x, y, run.loss, buffers, True)
        losses.append(loss.item())
        (gradient,) = torch.autograd.grad(loss.sum(), theta)
        theta = (theta - run.lr * gradient).detach()
    assert found == len(losses)
    assert 2 < len(losses) < 39


@pytest.fixture(params=["lanes", "torch"])
def engine(request, runs, dataset):
    network = Network(runs[0].network, dataset.input_shape, dataset.classes, runs[0].loss)
    train = Part.of(dataset, "train", [0, 0])
    return choose(request.param, network, runs, train, None, 40, torch.device("cpu"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2 * LOSS_BOUND])
def test_the_first_unsound_loss_counts(engine, monkeypatch, bad):
    losses = np.ones((4, 2))
    losses[2:, 1] = bad
    engine.update = 6
    monkeypatch.setattr(engine, "advance", lambda count: losses)
    engine.run(4)
    assert engine.diverged_at.tolist() == [-1, 9]
    monkeypatch.setattr(engine, "advance", lambda count: np.full((4, 2), bad))
    engine.run(4)
    assert engine.diverged_at.tolist() == [11, 9]


def test_overflowing_parameters_count_though_the_loss_is_finite(engine):
    theta = engine.theta.copy()
    theta[0, 3] = np.inf
    engine.put(theta, engine.buffers)
    engine.note_measurement(np.ones(2))
    assert engine.diverged_at.tolist() == [0, -1]
