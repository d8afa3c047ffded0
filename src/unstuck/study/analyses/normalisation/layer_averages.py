"""Running averages of batch normalisation, and batches of one."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unstuck.population.normalisation import BatchNorm

STREAM = 7705
#: weights p of the old average
MOMENTA, USUAL = (0.1, 0.5, 0.9, 0.99), 0.9
FEATURES, SAMPLES, STEPS = 6, 16, 12

Array = NDArray[np.float64]


def averages() -> pd.DataFrame:
    """Give what `BatchnormLayerAnalysis.run` says of the table `averages`."""
    return pd.DataFrame(
        [
            {
                **{"part": part, "quantity": quantity, "momentum": momentum},
                **{"value": value, "expected": expected, "error": abs(value - expected)},
            }
            for part, quantity, momentum, value, expected in (*_running(), *_single())
        ]
    )


def _running() -> Iterator[tuple[str, str, float, float, float]]:
    rng = np.random.default_rng([0, STREAM])
    batches = 2 + 3 * rng.standard_normal((STEPS, SAMPLES, FEATURES))
    for p in MOMENTA:
        ours = _averages(batches, 1 - p)
        for name, reference in (
            ("pⁿ · start + (1 − p) Σ pⁿ⁻ᵗ · batch t", _closed_form(batches, p)),
            ("torch at momentum 1 − p", _torch_averages(batches, 1 - p)),
        ):
            yield "running", f"largest difference from {name}", p, _farthest(ours, reference), 0.0
    # the two readings of one number: 0.9 of the old, and 0.9 of the new
    ours, other = (_closed_form(batches, weight) for weight in (USUAL, 1 - USUAL))
    apart = float((np.abs(ours - other) > 1e-3).mean())
    yield "readings", "share of averages that the two readings tell apart", USUAL, apart, 1.0


def _single() -> Iterator[tuple[str, str, float, float, float]]:
    """Pass batches of one through the layer: in training nothing but β is left of a sample."""
    rng = np.random.default_rng([2, STREAM])
    x = torch.from_numpy(rng.standard_normal((SAMPLES, FEATURES)))
    layer = BatchNorm((FEATURES,), 0.1)
    parameters = [torch.from_numpy(rng.standard_normal(FEATURES))[None] for _ in range(2)]
    buffers = [torch.from_numpy(rng.uniform(0.5, 2, FEATURES))[None] for _ in range(2)]

    def outputs(samples: Tensor, training: bool) -> Array:
        found: Array = layer.forward(samples[None], parameters, buffers, training).output[0].numpy()
        return found

    for training, name, reference in (
        (True, "β in training", parameters[1].numpy()),
        (False, "that within a batch at inference", outputs(x, False)),
    ):
        alone = np.concatenate([outputs(each[None], training) for each in x])
        quantity = f"largest difference of the output of a batch of one from {name}"
        yield "batch of one", quantity, USUAL, _farthest(alone, reference), 0.0
    try:
        nn.BatchNorm1d(FEATURES).double()(x[:1])
        refused = 0.0
    except ValueError:
        refused = 1.0
    yield "batch of one", "torch's refusals of one in training", USUAL, refused, 1.0


def _averages(batches: Array, newest: float) -> Array:
    """Give running means and variances ``[2, C]`` of the project's layer after all batches."""
    layer = BatchNorm((batches.shape[-1],), newest)
    start = layer.initial_parameters(np.random.default_rng([1, STREAM]))
    parameters = [torch.from_numpy(each)[None] for each in start]
    buffers: list[Tensor] = [torch.from_numpy(each)[None] for each in layer.initial_buffers()]
    for batch in torch.from_numpy(batches):
        buffers = list(layer.forward(batch[None], parameters, buffers, True).buffers)
    return np.concatenate([each.numpy() for each in buffers])


def _closed_form(batches: Array, p: float) -> Array:
    weights = (1 - p) * p ** np.arange(len(batches) - 1, -1, -1.0)
    means, variances = batches.mean(1), batches.var(1, ddof=1)
    # the mean starts at 0 and the variance at 1
    return np.stack([weights @ means, p ** len(batches) + weights @ variances])


def _torch_averages(batches: Array, newest: float) -> Array:
    layer = nn.BatchNorm1d(batches.shape[-1], momentum=newest).double()
    for batch in torch.from_numpy(batches):
        layer(batch)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return np.stack([layer.running_mean.numpy(), layer.running_var.numpy()])


def _farthest(one: Array, other: Array) -> float:
    return float(np.abs(one - other).max())
