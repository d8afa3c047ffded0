"""A run of a population against the ordinary loop of nn.Sequential and torch.optim."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from unstuck.errors import ConfigError
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES, factors
from unstuck.population.network import Network
from unstuck.training.engines.eager import TorchEngine
from unstuck.training.loop import batches_of, train_population
from unstuck.training.measure import Part
from unstuck.training.order import Batches

UPDATES, LR = 60, 0.01
UNITS = range(2, 6)
REFERENCES = {
    "sgd": lambda p: torch.optim.SGD(p, LR),
    "momentum": lambda p: torch.optim.SGD(p, LR, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, LR, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, LR),
    "rmsprop": lambda p: torch.optim.RMSprop(p, LR),
    "adam": lambda p: torch.optim.Adam(p, LR),
    "adamw": lambda p: torch.optim.AdamW(p, LR),
    "radam": lambda p: torch.optim.RAdam(p, LR),
}


@pytest.fixture(scope="module")
def dataset(make_dataset):
    return make_dataset(units=UNITS)


class MapMean(nn.Module):
    """Mean of each channel over its map."""

    def forward(self, x):
        return x.flatten(2).mean(2)


def ordinary_module(spec, inputs, classes):
    """Build the same network of torch's own layers, channels first."""
    layers, dense = [], spec.kind == "dense"
    for width in spec.widths:
        if dense:
            layers.append(nn.Linear(inputs, width))
        else:
            layers.append(nn.Conv2d(inputs, width, spec.kernel, padding="same"))
        norm = (nn.BatchNorm1d if dense else nn.BatchNorm2d)(width)
        layers += {
            "off": [nn.Tanh()],
            "before": [norm, nn.Tanh()],
            "after": [nn.Tanh(), norm],
        }[spec.batchnorm]
        inputs = width
    pool = [] if dense else [MapMean()]
    return nn.Sequential(*layers, *pool, nn.Linear(inputs, classes)).double()


def torch_layout(tensor):
    """Move a weight `[..., in, out]` to torch's `[out, in, ...]`."""
    if tensor.dim() < 2:
        return tensor
    return tensor.movedim((-1, -2), (0, 1))


def set_parameters(module, network, theta):
    with torch.no_grad():
        for parameter, slot in zip(module.parameters(), network.layout, strict=True):
            value = theta[slot.start : slot.stop].view(slot.shape)
            parameter.copy_(torch_layout(value))


def ordinary_endpoint(recipe, seed, data):
    """Train by the ordinary loop; return the population's network and the trained module."""
    network = Network(recipe.network, data.input_shape, data.classes)
    module = ordinary_module(recipe.network, data.input_shape[0], data.classes)
    set_parameters(module, network, network.initial(seed))
    name = next(n for n in REFERENCES if recipe.optimizer == OPTIMIZERS[n])
    optimizer = REFERENCES[name](module.parameters())
    scale = factors(recipe.schedule, UPDATES)
    x, y = torch.from_numpy(data.x_train).double(), torch.from_numpy(data.y_train)
    batches = Batches(recipe.order, [data.y_train], [seed], recipe.samples(len(y)))
    stream = itertools.chain.from_iterable(batches.epoch(epoch) for epoch in itertools.count())
    for update, batch in zip(range(UPDATES), stream, strict=False):
        optimizer.param_groups[0]["lr"] = LR * scale[update]
        indices = torch.arange(len(y)) if recipe.batch_size == "full" else torch.as_tensor(batch[0])
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x[indices]), y[indices]).backward()
        optimizer.step()
    return network, module


def check_against_ordinary(recipe, dataset):
    result = train_population([recipe.at(LR, 3), recipe.at(LR / 2, 4)], dataset)
    run_id = recipe.at(LR, 3).run_id
    data = dataset.unit(3)
    network, module = ordinary_endpoint(recipe, 3, data)
    ours = ordinary_module(recipe.network, dataset.input_shape[0], dataset.classes)
    set_parameters(ours, network, torch.from_numpy(result.theta[run_id]))
    for mine, theirs in zip(ours.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-9)
    module.eval()
    x, y = torch.from_numpy(data.x_validation).double(), torch.from_numpy(data.y_validation)
    outputs = module(x)
    row = result.final.set_index("run_id").loc[run_id]
    loss = nn.functional.cross_entropy(outputs, y).item()
    assert row["validation_loss"] == pytest.approx(loss, rel=1e-6)
    assert row["validation_accuracy"] == (outputs.argmax(1) == y).double().mean().item()
    module.train()
    x, y = torch.from_numpy(data.x_train).double(), torch.from_numpy(data.y_train)
    module.zero_grad()
    nn.functional.cross_entropy(module(x), y).backward()
    norm = torch.cat([p.grad.flatten() for p in module.parameters()]).norm().item()
    assert row["gradient_norm"] == pytest.approx(norm, rel=1e-6)


@pytest.mark.parametrize("optimizer", REFERENCES)
def test_every_optimizer(make_recipe, dataset, optimizer):
    recipe = make_recipe(optimizer, updates=UPDATES, dtype="float64")
    check_against_ordinary(recipe, dataset)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(make_recipe, dataset, schedule):
    recipe = make_recipe("momentum", schedule, updates=UPDATES, dtype="float64")
    check_against_ordinary(recipe, dataset)


@pytest.mark.parametrize("order", ["reshuffled", "fixed", "sorted"])
@pytest.mark.parametrize("batch_size", [1, 100, "full"])
def test_every_order_and_ragged_batches(make_recipe, dataset, order, batch_size):
    recipe = make_recipe(
        "momentum", updates=UPDATES, order=order, batch_size=batch_size, dtype="float64"
    )
    check_against_ordinary(recipe, dataset)


@pytest.mark.parametrize("placement", ["before", "after"])
@pytest.mark.parametrize("batch_size", [32, "full"])
def test_batch_normalisation(make_recipe, dataset, placement, batch_size):
    recipe = make_recipe(
        "momentum",
        network={"batchnorm": placement},
        updates=UPDATES,
        batch_size=batch_size,
        dtype="float64",
    )
    check_against_ordinary(recipe, dataset)


def test_convolution(make_recipe, make_dataset):
    dataset = make_dataset(train=96, others=32, shape=(1, 8, 8), units=UNITS)
    recipe = make_recipe(
        "momentum",
        network={"kind": "conv2d", "hidden": (4, 4), "batchnorm": "before"},
        updates=UPDATES,
        dtype="float64",
    )
    check_against_ordinary(recipe, dataset)


def test_update_norm_is_that_of_the_last_update(make_recipe, dataset):
    """With plain gradient descent on the full batch it is the rate times the gradient before it."""
    recipe = make_recipe("sgd", updates=2, batch_size="full", dtype="float64")
    run = recipe.at(LR, 3)
    curves = train_population([run], dataset).curves
    np.testing.assert_allclose(
        curves["update_norm"].iloc[1:], LR * curves["gradient_norm"].iloc[:-1], rtol=1e-9
    )
    assert np.isnan(curves["update_norm"].iloc[0])


@pytest.mark.parametrize("name", ["torch", "lanes"])
@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("network", [{}, {"batchnorm": "before"}])
def test_gradient_norm_is_that_of_what_training_descends(
    make_recipe, dataset, name, decoupled, network
):
    """By autograd: with the L2 term, of which decoupled decay has none."""
    decay = OPTIMIZERS["momentum"].model_copy(
        update={"weight_decay": 0.3, "decoupled_decay": decoupled}
    )
    recipe = make_recipe(network=network, updates=5, batch_size="full").model_copy(
        update={"optimizer": decay}
    )
    run = recipe.at(LR, 3)
    result = train_population([run], dataset, engine=name)
    built = Network(recipe.network, dataset.input_shape, dataset.classes)
    data, theta = dataset.unit(3), torch.from_numpy(result.theta[run.run_id]).double()
    theta.requires_grad_()
    x, y = torch.from_numpy(data.x_train).double(), torch.from_numpy(data.y_train)
    buffers = built.initial_buffers().double().unsqueeze(0)
    loss, _ = built.loss_and_correct(theta[None], x[None], y[None], run.loss, buffers, True)
    descended = loss.sum() + (0 if decoupled else 0.15 * theta.square().sum())
    (gradient,) = torch.autograd.grad(descended, theta)
    row = result.final.iloc[0]
    assert row["engine"] == name
    assert row["gradient_norm"] == pytest.approx(gradient.norm().item(), rel=1e-5)


def test_more_layers_than_lanes_hold_are_trained_by_torch(make_recipe, dataset):
    recipe = make_recipe(network={"hidden": (1,), "repeat": 200}, updates=1, evaluations=1)
    assert train_population([recipe.at(LR, 3)], dataset).final["engine"].item() == "torch"
    with pytest.raises(ConfigError, match="lanes train 256 layers at most"):
        train_population([recipe.at(LR, 3)], dataset, engine="lanes")


def test_the_norm_at_a_minimum_of_what_is_descended_is_small(make_recipe, dataset):
    """Where decay balances the loss, whose own gradient stays large."""
    decay = OPTIMIZERS["momentum"].model_copy(update={"weight_decay": 0.1})
    recipe = make_recipe(network={"hidden": ()}, updates=400, batch_size="full", dtype="float64")
    run = recipe.model_copy(update={"optimizer": decay}).at(0.2, 3)
    row = train_population([run], dataset).final.iloc[0]
    assert row["gradient_norm"] < 1e-9
    assert row["initial_gradient_norm"] > 1e-3


@pytest.mark.slow
def test_what_a_gpu_captures_trains_as_the_cpu_does(make_recipe, dataset):
    """Without the capture itself, which needs a GPU: by the graph that is captured."""
    optimizers = [OPTIMIZERS["adamw"], OPTIMIZERS["momentum"], OPTIMIZERS["radam"]]
    network = {"batchnorm": "before", "batchnorm_noise": 0.1}
    recipe = make_recipe(batch_size=16, network=network, dtype="float64")
    runs = [
        recipe.model_copy(update={"optimizer": optimizer}).at(0.01, seed)
        for optimizer, seed in zip(optimizers, (2, 3, 5), strict=True)
    ]
    seeds = [run.seed for run in runs]
    train = Part.of(dataset, "train", seeds)
    train = replace(train, x=train.x.double())
    ends = []
    for captured in (False, True):
        built = Network(recipe.network, dataset.input_shape, dataset.classes)
        batches = batches_of(recipe, train, seeds)
        engine = TorchEngine(built, runs, train, batches, 30, torch.device("cpu"))
        if captured:
            whole = {"backend": "aot_eager", "fullgraph": True}
            engine._gradients = torch.compile(built.loss_and_gradient, **whole)
        engine.run(30)
        ends.append((engine.theta, engine.buffers, engine.diverged_at))
    for eager, graph in zip(*ends, strict=True):
        np.testing.assert_allclose(graph, eager, rtol=1e-9, atol=1e-9)
