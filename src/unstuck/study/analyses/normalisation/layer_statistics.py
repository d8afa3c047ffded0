"""Mean and variance of features after batch normalisation, at the start and after training."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.update import UpdateRule
from unstuck.population.network import Network
from unstuck.population.normalisation import EPSILON, BatchNorm
from unstuck.population.spec import NetworkSpec

STREAM = 7701
SAMPLES, FEATURES, SHOWN = 512, 40, 6
# distances from 0, and spreads, of the features before normalisation; spreads beside √ε
CENTRES, SPREADS, SMALL = (0.5, 6.0), (1.0, 8.0), (0.1, 10.0)
# shapes of a sample, features last, each with torch's own layer for it
LAYERS = {(5,): nn.BatchNorm1d, (7, 5): nn.BatchNorm1d, (4, 3, 5): nn.BatchNorm2d}
MOMENTA, UPDATES = (0.1, 0.5), 5
NETWORKS, INPUTS, HIDDEN, CLASSES = 20, 4, 6, 3
TRAINED_UPDATES, RATE = 100, 0.3

Array = NDArray[np.float64]


def features() -> pd.DataFrame:
    """Give what `BatchnormLayerAnalysis.run` says of the table `features`."""
    x, small = drawn(SPREADS, 0), drawn(tuple(each * EPSILON**0.5 for each in SMALL), 1)
    gamma, beta = np.linspace(0.5, 2.0, FEATURES), np.linspace(-1.0, 1.0, FEATURES)
    one, zero = np.ones(FEATURES), np.zeros(FEATURES)
    parts = {
        "initial": (x, normalised(x), one, zero),
        "moved": (x, normalised(x, gamma, beta), gamma, beta),
        "small": (small, normalised(small), one, zero),
        "trained": _trained(),
    }
    return pd.concat([_table(part, *each) for part, each in parts.items()], ignore_index=True)


def _table(part: str, before: Array, after: Array, gamma: Array, beta: Array) -> pd.DataFrame:
    variance = before.var(axis=0)
    table = pd.DataFrame(
        {
            "part": part,
            "feature": np.arange(before.shape[1]),
            "mean_before": before.mean(axis=0),
            "variance_before": variance,
            "mean_after": after.mean(axis=0),
            "variance_after": after.var(axis=0),
            "expected_mean": beta,
            "expected_variance": gamma**2 * variance / (variance + EPSILON),
        }
    )
    for name in ("mean", "variance"):
        table[f"{name}_error"] = (table[f"{name}_after"] - table[f"expected_{name}"]).abs()
    return table


def drawn(spreads: tuple[float, ...], number: int) -> Array:
    """Draw features ``[N, C]`` of unlike centres and spreads."""
    rng = np.random.default_rng([number, STREAM])
    sides = rng.choice((-1.0, 1.0), FEATURES)
    centres = sides * rng.uniform(*CENTRES, FEATURES)
    low, high = (math.log(each) for each in spreads)
    scales = np.exp(rng.uniform(low, high, FEATURES))
    # unlike shapes too: the cube root of a normal variable has two humps
    normal = rng.standard_normal((SAMPLES, FEATURES))
    shapes = np.where(np.arange(FEATURES) % 2, np.cbrt(normal), normal)
    found: Array = centres + scales * (shapes - shapes.mean(0)) / shapes.std(0)
    return found


def normalised(x: Array, gamma: Array | None = None, beta: Array | None = None) -> Array:
    """Pass features ``[N, C]`` through the layer in training mode, at its initial γ, β or given."""
    layer = BatchNorm((x.shape[1],), 0.1)
    start = layer.initial_parameters(np.random.default_rng([0, STREAM]))
    given = [start[0] if gamma is None else gamma, start[1] if beta is None else beta]
    after: Array = passed(layer, torch.from_numpy(x)[None], given)[0].numpy()
    return after


def passed(layer: BatchNorm, x: Tensor, given: list[Array]) -> Tensor:
    """Give the layer's output ``[1, N, C]`` in training for γ and β, at its initial buffers."""
    parameters = [torch.from_numpy(each)[None] for each in given]
    buffers = [torch.from_numpy(each)[None] for each in layer.initial_buffers()]
    return layer.forward(x, parameters, buffers, True).output


def initial() -> pd.DataFrame:
    """Give what `BatchnormLayerAnalysis.run` says of the table `initial`."""
    rows = []
    placements: tuple[Literal["before", "after"], ...] = ("before", "after")
    for placement in placements:
        network = _network(placement)
        for seed in range(NETWORKS):
            theta = network.initial(seed).numpy()
            for name, expected in (("gamma", 1.0), ("beta", 0.0)):
                values = np.concatenate(list(_slots(network, theta, name)))
                deviation = float(np.abs(values - expected).max())
                label = {"batchnorm": placement, "seed": seed, "parameter": name}
                rows.append(label | {"count": len(values), "deviation": deviation})
    return pd.DataFrame(rows)


def _network(placement: Literal["before", "after"]) -> Network:
    spec = NetworkSpec(hidden=(HIDDEN, HIDDEN), batchnorm=placement)
    return Network(spec, (INPUTS,), CLASSES)


def _slots(network: Network, theta: Array, name: str) -> Iterator[Array]:
    for slot in network.layout:
        if slot.name.rpartition(".")[2] == name:
            yield theta[slot.start : slot.stop]


def _trained() -> tuple[Array, Array, Array, Array]:
    """Train a network, and give its first layer's input and output, γ and β.

    Classes are those of a random linear map of Gaussian samples.
    """
    rng = np.random.default_rng([2, STREAM])
    x = torch.from_numpy(rng.standard_normal((SAMPLES, INPUTS)))
    y = (x @ torch.from_numpy(rng.standard_normal((INPUTS, CLASSES)))).argmax(1)
    network = _network("before")
    theta, buffers = network.initial(0)[None], network.initial_buffers()[None]
    rule = UpdateRule([OPTIMIZERS["sgd"]], network.parameter_count, theta.dtype)
    rate = torch.tensor([RATE], dtype=theta.dtype)
    for _ in range(TRAINED_UPDATES):
        _, _, gradient, buffers = network.loss_and_gradient(
            theta, x[None], y[None], "cross_entropy", buffers, True
        )
        rule.step(theta, gradient, rate)
    views = network.views(theta)
    weight, bias, gamma, beta = (views[slot.name][0] for slot in network.layout[:4])
    before = x @ weight + bias
    layer = BatchNorm((HIDDEN,), 0.1)
    given = [gamma.numpy(), beta.numpy()]
    return before.numpy(), passed(layer, before[None], given)[0].numpy(), given[0], given[1]


def samples() -> pd.DataFrame:
    """Give what `BatchnormLayerAnalysis.run` says of the table `samples`."""
    x = drawn(SPREADS, 0)
    return pd.concat(
        [
            pd.DataFrame({"feature": feature, "side": side, "value": values[:, feature]})
            for side, values in (("before", x), ("after", normalised(x)))
            for feature in range(SHOWN)
        ],
        ignore_index=True,
    )


def differences_from_torch() -> pd.DataFrame:
    """Give what `BatchnormLayerAnalysis.run` says of the table `torch`."""
    return pd.DataFrame([row for shape in LAYERS for row in _against_torch(shape)])


def _against_torch(shape: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    for number, momentum in enumerate(MOMENTA):
        rng = np.random.default_rng([number, STREAM, *shape])
        count = shape[-1]
        ours, theirs = BatchNorm(shape, momentum), LAYERS[shape](count, momentum=momentum)
        theirs.double()
        gamma, beta = rng.uniform(0.5, 2.0, count), rng.standard_normal(count)
        with torch.no_grad():
            theirs.weight.copy_(torch.from_numpy(gamma))
            theirs.bias.copy_(torch.from_numpy(beta))
        parameters = [torch.from_numpy(each)[None] for each in (gamma, beta)]
        buffers = [torch.from_numpy(each)[None] for each in ours.initial_buffers()]
        found = dict.fromkeys(("forward", "backward", "running", "inference"), 0.0)
        for training in (*[True] * UPDATES, False):
            x = torch.from_numpy(3 * rng.standard_normal((8, *shape)) + 2)
            upstream = torch.from_numpy(rng.standard_normal((8, *shape)))
            theirs.train(training)
            theirs.zero_grad()
            leaf = x.clone().requires_grad_()
            expected = theirs(leaf.movedim(-1, 1)).movedim(1, -1)
            expected.backward(upstream)
            done = ours.forward(x[None], parameters, buffers, training)
            own, to_input = ours.backward(upstream[None], done.saved, parameters, True)
            buffers = list(done.buffers)
            wanted = (theirs.weight.grad, theirs.bias.grad, leaf.grad)
            assert to_input is not None
            quantity = "forward" if training else "inference"
            _widen(found, quantity, done.output[0], expected.detach())
            for got, want in zip((*own, to_input), wanted, strict=True):
                assert want is not None
                _widen(found, "backward", got[0], want)
            for got, name in zip(buffers, ("running_mean", "running_var"), strict=True):
                _widen(found, "running", got[0], getattr(theirs, name))
        for quantity, difference in found.items():
            label = {"shape": "×".join(map(str, shape)), "momentum": momentum}
            yield label | {"quantity": quantity, "difference": difference}


def _widen(found: dict[str, float], quantity: str, got: Tensor, wanted: Tensor) -> None:
    found[quantity] = max(found[quantity], float((got - wanted).abs().max()))
