"""Section 3.1: what a layer of batch normalisation does to features, and to samples."""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.functional import batch_norm

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.population.layers import Pass
from unstuck.population.network import Network
from unstuck.population.normalisation import EPSILON, BatchNorm
from unstuck.population.spec import NetworkSpec

STREAM = 7701
TOLERANCE = 1e-12
# shapes of a sample, features last, each with torch's own layer for it
LAYERS = {(5,): nn.BatchNorm1d, (7, 5): nn.BatchNorm1d, (4, 3, 5): nn.BatchNorm2d}
MOMENTA = (0.1, 0.5)
UPDATES = 5
SAMPLES, FEATURES, SHOWN = 512, 40, 6
# distances from 0, and spreads, of the features before normalisation
CENTRES, SPREADS = (0.5, 6.0), (1.0, 8.0)
OFF_CENTRE = 0.1
SEEDS = 20
BATCH = 12
INPUTS, HIDDEN, CLASSES = 4, 6, 3
BATCH_SIZES = (2, 4, 8, 16, 32, 64, 128)

Array = NDArray[np.float64]


@claim("3.1.2")
def statistics() -> Evidence:
    """Mean and variance of features after the layer, its initial parameters, and torch's layer.

    With x̂ = (x − μ) / √(v + ε) the variance of x̂ is v / (v + ε), just below 1. Controls: the
    features before the layer, which are off centre, and torch's own layers over several updates.
    """
    x = _features()
    y = _normalised(x)
    before, after = x.var(0), y.var(0)
    gammas, betas = _initial()
    gamma, beta = np.linspace(0.5, 2.0, FEATURES), np.linspace(-1.0, 1.0, FEATURES)
    moved = _normalised(x, gamma, beta)
    torchs = pd.DataFrame([row for shape in LAYERS for row in _against_torch(shape)])
    checks = (
        Check("mean of a feature after the layer, largest", np.abs(y.mean(0)).max(), 0.0, 1e-12),
        Check(
            "variance after the layer over v / (v + ε), farthest from 1",
            1 + np.abs(after * (before + EPSILON) / before - 1).max(),
            1.0,
            TOLERANCE,
        ),
        Check(
            "variance after the layer, where it was at least 1, smallest",
            after[before >= 1].min(),
            1.0,
            EPSILON,
        ),
        Check("initial γ, farthest from 1", 1 + np.abs(gammas - 1).max(), 1.0, 0.0),
        Check("initial β, farthest from 0", np.abs(betas).max(), 0.0, 0.0),
        Check("mean less β for other β, largest", np.abs(moved.mean(0) - beta).max(), 0.0, 1e-12),
        Check(
            "standard deviation less γ for other γ, relative, largest",
            np.abs(moved.std(0) / gamma - 1).max(),
            0.0,
            EPSILON,
        ),
        *(
            Check(
                f"{words} and torch's, largest difference over {UPDATES} updates",
                torchs[column].max(),
                0.0,
                1e-11,
                role="positive control",
            )
            for column, words in (
                ("forward", "outputs in training"),
                ("backward", "gradients"),
                ("running", "running statistics"),
                ("inference", "outputs at inference"),
            )
        ),
        Check(
            f"share of features off centre by {OFF_CENTRE:g} before the layer",
            float((np.abs(x.mean(0)) > OFF_CENTRE).mean()),
            1.0,
            0.0,
            role="negative control",
        ),
    )
    return Evidence(
        "3.1.2",
        checks=checks,
        tables={"features": _shown(x, y)},
        numbers={
            "features": FEATURES,
            "samples": SAMPLES,
            "smallest_variance_before": float(before.min()),
            "largest_variance_before": float(before.max()),
            "smallest_variance_after": float(after.min()),
            "largest_variance_after": float(after.max()),
        },
    )


@claim("3.1.3")
def coupling() -> Evidence:
    """Derivatives of one sample's output by another sample's input.

    For one feature of a batch of B, ∂x̂ᵢ/∂xⱼ = (δᵢⱼ − (1 + x̂ᵢx̂ⱼ) / B) / √(v + ε). Controls: the
    same network without batch normalisation, whose samples are apart, and torch's layer.
    """
    training = _cross_derivatives("before", training=True)
    inference = _cross_derivatives("before", training=False)
    without = _cross_derivatives("off", training=True)
    others = ~np.eye(BATCH, dtype=bool)
    layer, exact, torchs, total = _layer_derivatives()
    checks = (
        Check(
            "share of pairs of samples that move each other in training",
            float((training[others] > 0).mean()),
            1.0,
            0.0,
        ),
        Check(
            "derivative by another sample at inference, largest",
            inference[others].max(),
            0.0,
            0.0,
        ),
        Check("derivative less its closed form, largest", np.abs(layer - exact).max(), 0.0, 1e-12),
        Check(
            "change of a feature when all samples move alike, largest",
            np.abs(total).max(),
            0.0,
            1e-12,
        ),
        Check(
            "derivative by another sample without batch normalisation, largest",
            without[others].max(),
            0.0,
            0.0,
            role="negative control",
        ),
        Check(
            "derivative less that of torch's layer, largest",
            np.abs(layer - torchs).max(),
            0.0,
            1e-12,
            role="positive control",
        ),
    )
    by_size = pd.DataFrame([_strength(size) for size in BATCH_SIZES])
    pictures = {"training": training, "inference": inference}
    return Evidence(
        "3.1.3",
        checks=checks,
        tables={
            "derivatives": pd.DataFrame(
                [
                    {"mode": mode, "output": i, "input": j, "size": matrix[i, j]}
                    for mode, matrix in pictures.items()
                    for i, j in np.ndindex(matrix.shape)
                ]
            ),
            "strength": by_size,
        },
        numbers={
            "batch": BATCH,
            "cross_over_own_in_training": float(
                np.median(training[others]) / np.median(training[~others])
            ),
        },
    )


def _features() -> Array:
    """Draw features `[N, C]` of unlike centres and spreads."""
    rng = np.random.default_rng([0, STREAM])
    sides = rng.choice((-1.0, 1.0), FEATURES)
    centres = sides * rng.uniform(*CENTRES, FEATURES)
    low, high = np.log(SPREADS)
    spreads = np.exp(rng.uniform(low, high, FEATURES))
    # unlike shapes too: the cube root of a normal variable has two humps
    normal = rng.standard_normal((SAMPLES, FEATURES))
    shapes = np.where(np.arange(FEATURES) % 2, np.cbrt(normal), normal)
    features: Array = centres + spreads * (shapes - shapes.mean(0)) / shapes.std(0)
    return features


def _normalised(x: Array, gamma: Array | None = None, beta: Array | None = None) -> Array:
    layer = BatchNorm((x.shape[1],), 0.1)
    start = layer.initial_parameters(np.random.default_rng([0, STREAM]))
    given = [start[0] if gamma is None else gamma, start[1] if beta is None else beta]
    after: Array = _passed(layer, torch.from_numpy(x)[None], given).output[0].numpy()
    return after


def _passed(layer: BatchNorm, x: Tensor, given: list[Array], training: bool = True) -> Pass:
    parameters = [torch.from_numpy(each)[None] for each in given]
    buffers = [torch.from_numpy(each)[None] for each in layer.initial_buffers()]
    return layer.forward(x, parameters, buffers, training)


def _initial() -> tuple[Array, Array]:
    """Give the initial γ and β of networks with the layer before and after the activation."""
    found: dict[str, list[Array]] = {"gamma": [], "beta": []}
    placements: tuple[Literal["before", "after"], ...] = ("before", "after")
    for batchnorm in placements:
        spec = NetworkSpec(hidden=(HIDDEN, HIDDEN), batchnorm=batchnorm)
        network = Network(spec, (INPUTS,), CLASSES)
        for seed in range(SEEDS):
            theta = network.initial(seed).numpy()
            for slot in network.layout:
                kind = slot.name.rpartition(".")[2]
                if kind in found:
                    found[kind].append(theta[slot.start : slot.stop])
    return np.concatenate(found["gamma"]), np.concatenate(found["beta"])


def _against_torch(shape: tuple[int, ...]) -> Iterator[dict[str, float]]:
    """Compare with torch's layer over several batches, then at inference."""
    for number, momentum in enumerate(MOMENTA):
        rng = np.random.default_rng([number, STREAM, *shape])
        features = shape[-1]
        ours, theirs = BatchNorm(shape, momentum), LAYERS[shape](features, momentum=momentum)
        theirs.double()
        gamma, beta = rng.uniform(0.5, 2.0, features), rng.standard_normal(features)
        with torch.no_grad():
            theirs.weight.copy_(torch.from_numpy(gamma))
            theirs.bias.copy_(torch.from_numpy(beta))
        parameters = [torch.from_numpy(each)[None] for each in (gamma, beta)]
        buffers = [torch.from_numpy(each)[None] for each in ours.initial_buffers()]
        row = dict.fromkeys(("forward", "backward", "running", "inference"), 0.0)
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
            _widen(row, "forward" if training else "inference", done.output[0], expected.detach())
            for got, want in zip((*own, to_input), wanted, strict=True):
                assert want is not None
                _widen(row, "backward", got[0], want)
            for got, name in zip(buffers, ("running_mean", "running_var"), strict=True):
                _widen(row, "running", got[0], getattr(theirs, name))
        yield row


def _widen(row: dict[str, float], column: str, got: Tensor, wanted: Tensor) -> None:
    row[column] = max(row[column], float((got - wanted).abs().max()))


def _shown(x: Array, y: Array) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"feature": feature, "when": when, "value": value}
            for when, values in (("before", x), ("after", y))
            for feature in range(SHOWN)
            for value in values[:, feature]
        ]
    )


def _cross_derivatives(batchnorm: Literal["off", "before"], training: bool) -> Array:
    """Give the norm `[B, B]` of the derivative of output i of a network by the input j."""
    spec = NetworkSpec(hidden=(HIDDEN,), batchnorm=batchnorm)
    network = Network(spec, (INPUTS,), CLASSES)
    theta, buffers = network.initial(0)[None], network.initial_buffers()[None]
    rng = np.random.default_rng([1, STREAM])
    x = torch.from_numpy(rng.standard_normal((BATCH, INPUTS)))

    def outputs(samples: Tensor) -> Tensor:
        return network.forward(theta, samples[None], buffers, training)[0][0]

    jacobian = jacrev(outputs)(x)  # [B, classes, B, inputs]
    norms: Array = jacobian.square().sum((1, 3)).sqrt().numpy()
    return norms


def _layer_derivatives() -> tuple[Array, Array, Array, Array]:
    """Give the layer's Jacobian `[C, B, B]` by ours, its closed form and torch, and its sums."""
    rng = np.random.default_rng([2, STREAM])
    x = torch.from_numpy(2 * rng.standard_normal((BATCH, HIDDEN)) + 1)
    layer = BatchNorm((HIDDEN,), 0.1)
    start = layer.initial_parameters(rng)

    def features(function: Callable[[Tensor], Tensor]) -> Array:
        jacobian = jacrev(function)(x)  # [B, C, B, C]
        own: Array = torch.diagonal(jacobian, dim1=1, dim2=3).permute(2, 0, 1).numpy()
        return own

    ours = features(lambda samples: _passed(layer, samples[None], start).output[0])
    normal = (x - x.mean(0)) / (x.var(0, correction=0) + EPSILON).sqrt()
    deviation = (x.var(0, correction=0) + EPSILON).sqrt()
    product = torch.einsum("ic,jc->cij", normal, normal)
    exact = (torch.eye(BATCH) - (1 + product) / BATCH) / deviation[:, None, None]
    theirs = features(lambda samples: batch_norm(samples, None, None, training=True, eps=EPSILON))
    return ours, exact.numpy(), theirs, ours.sum(2)


def _strength(size: int) -> dict[str, float]:
    """Give the effect of one other sample, and of all, over that of a sample's own feature."""
    rng = np.random.default_rng([3, STREAM, size])
    layer = BatchNorm((SEEDS,), 0.1)
    x = torch.from_numpy(rng.standard_normal((size, SEEDS)))
    start = layer.initial_parameters(rng)

    def normalised(samples: Tensor) -> Tensor:
        return _passed(layer, samples[None], start).output[0].sum(1)

    # features do not mix, so that their sum has the Jacobians of all side by side
    jacobian = jacrev(normalised)(x).permute(2, 0, 1).numpy()
    own = np.abs(np.diagonal(jacobian, axis1=1, axis2=2))
    all_others = np.abs(jacobian).sum(2) - own
    return {
        "batch_size": size,
        "one": float(np.median(all_others / (size - 1)) / np.median(own)),
        "all": float(np.median(all_others) / np.median(own)),
    }
