"""The field of one output of stacked 3×3 layers: the pixels it depends on, and how evenly."""

from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.population.convolution import Convolution
from unstuck.population.layers import Activation, Layer
from unstuck.study.analyses.convolution.layer_matrix import normal

STREAM = 7802
DEPTHS = range(1, 9)
SEEDS, MAPS = 20, 8

Array = NDArray[np.float64]


def fields() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `fields`."""
    return pd.DataFrame(
        [
            {
                **{"depth": depth, "seed": seed, "expected": 2 * depth + 1},
                **_extent(_squared_gradient(depth, seed)),
            }
            for depth in DEPTHS
            for seed in range(SEEDS)
        ]
    )


def _squared_gradient(depth: int, seed: int) -> Array:
    """Give the squared gradient of a central output by the pixels, as shares of its sum.

    The network is a stack of 3×3 tanh layers at random weights, on a random image larger than its
    field.
    """
    side = 2 * max(DEPTHS) + 5
    rng = np.random.default_rng([seed, STREAM, depth])
    layers: list[Layer] = []
    for inputs, outputs in pairwise([1, *(MAPS for _ in range(depth))]):
        shape = (side, side, inputs)
        layers += [
            Convolution(shape, outputs, kernel=3, stride=1, padding=1, draw=normal),
            Activation("tanh", (side, side, outputs)),
        ]
    hidden = torch.from_numpy(rng.standard_normal((1, 1, side, side, 1)))
    passes = []
    for layer in layers:
        held = [torch.from_numpy(each).unsqueeze(0) for each in layer.initial_parameters(rng)]
        done = layer.forward(hidden, held, (), True)
        passes.append((layer, done.saved, held))
        hidden = done.output
    flowing = torch.zeros_like(hidden)
    flowing[0, 0, side // 2, side // 2, 0] = 1.0
    for layer, saved, held in reversed(passes):
        _, back = layer.backward(flowing, saved, held, True)
        assert back is not None
        flowing = back
    squared = flowing[0, 0, :, :, 0].square()
    return np.asarray((squared / squared.sum()).numpy())


def _extent(shares: Array) -> dict[str, float]:
    """Give the smallest and largest side of the field, and its effective side."""
    sides, spreads = [], []
    for axis in (0, 1):
        along = shares.sum(axis=axis)
        touched = np.flatnonzero(along)
        sides.append(float(touched[-1] - touched[0] + 1))
        place = np.arange(len(along))
        spreads.append(along @ place**2 - (along @ place) ** 2)
    # n even pixels have the variance (n² − 1) / 12
    effective = float(np.sqrt(12 * np.mean(spreads) + 1))
    return {"smallest": min(sides), "largest": max(sides), "effective": effective}
