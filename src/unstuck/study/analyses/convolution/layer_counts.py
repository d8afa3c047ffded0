"""Weights and places of the project's own layers, counted."""

import itertools
import math
from collections.abc import Iterator

import pandas as pd
import torch

from unstuck.population.convolution import Convolution
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.population.windows import Windows

SIDE, COLOURS = 100, 3
NEURONS, FILTERS, KERNEL = 1000, 64, 3
CLASSES = 2000
# sides of images, kernels, strides, paddings
SIZES = (range(5, 13), range(1, 6), range(1, 5), range(4))


def counts() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `counts`."""
    return pd.DataFrame(
        [
            {
                **{"part": part, "quantity": quantity},
                **{"value": value, "expected": expected, "wrong": value != expected},
            }
            for part, quantity, value, expected in _counts()
        ]
    )


def _counts() -> Iterator[tuple[str, str, int, int]]:
    full = network("dense", NEURONS)
    shared, local = network("conv2d", FILTERS), network("local2d", FILTERS)
    twice = network("conv2d", FILTERS, side=2 * SIDE)
    output = network("conv2d", 4, classes=CLASSES).layout[-1]
    patch, places = KERNEL * KERNEL * COLOURS, SIDE * SIDE
    yield "notes", "inputs of a 100×100×3 image", full.layout[0].shape[0], 30_000
    yield "notes", "outputs for 2,000 classes", output.stop - output.start, CLASSES
    yield "notes", "weights of 1,000 full neurons on it", _size(full, 0), 3 * 10**7
    yield "notes", "weights of 64 shared filters of 3×3×3", _size(shared, 0), 1728
    yield "notes", "the same on an image of twice the side", _size(twice, 0), 1728
    yield "notes", "biases of 64 shared filters", _size(shared, 1), 64
    yield "more", "weights of 64 filters at each place", _size(local, 0), places * patch * FILTERS
    yield "more", "biases of 64 filters at each place", _size(local, 1), places * FILTERS
    deep = math.prod(network("conv2d", FILTERS, FILTERS).layout[2].shape)
    yield "more", "weights of 64 filters on 64 maps", deep, KERNEL * KERNEL * FILTERS * FILTERS
    yield (
        "more",
        "parameters drawn for shared filters",
        len(shared.initial(0)),
        (shared.parameter_count),
    )
    torchs = sum(each.numel() for each in torch.nn.Conv2d(COLOURS, FILTERS, KERNEL).parameters())
    yield "torch", "parameters of 64 filters of 3×3×3", _size(shared, 0) + _size(shared, 1), torchs


def layers() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `layers`."""
    kinds = {
        "full": ("dense", NEURONS),
        "local": ("local2d", FILTERS),
        "shared": ("conv2d", FILTERS),
    }
    made = {layer: network(kind, width) for layer, (kind, width) in kinds.items()}
    return pd.DataFrame(
        [
            {
                "layer": name,
                "weights": _size(each, 0),
                "biases": _size(each, 1),
                "multiply_adds": each.layers[0].multiply_adds,
            }
            for name, each in made.items()
        ]
    )


def maps() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `maps`."""
    rows = []
    for side, kernel, stride, padding in itertools.product(*SIZES):
        found = layer(side, kernel, stride, padding).output_shape
        expected = len(range(-padding, side + padding - kernel + 1, stride))
        place = {"side": side, "kernel": kernel, "stride": stride, "padding": padding}
        wrong = found != (expected, expected, 1)
        rows.append(place | {"value": found[0], "expected": expected, "wrong": wrong})
    return pd.DataFrame(rows)


def overlaps() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `overlaps`."""
    rows, side = [], 12
    pixels = torch.arange(side * side, dtype=torch.float64).view(1, 1, side, side, 1)
    for kernel, stride in itertools.product(SIZES[1], SIZES[2]):
        windows = Windows((side, side, 1), kernel=kernel, stride=stride, padding=0)
        seen = windows.unfold(pixels)[0, 0]
        first, second = (set(seen[0, place].flatten().tolist()) for place in (0, 1))
        value, expected = len(first & second), kernel * max(kernel - stride, 0)
        place = {"kernel": kernel, "stride": stride}
        rows.append(place | {"value": value, "expected": expected, "wrong": value != expected})
    return pd.DataFrame(rows)


def network(kind: str, *hidden: int, side: int = SIDE, classes: int = 10) -> Network:
    """Give a network of the notes' kernel on an image."""
    spec = NetworkSpec.model_validate({"kind": kind, "hidden": hidden, "kernel": KERNEL})
    return Network(spec, (COLOURS, side, side), classes)


def layer(side: int, kernel: int, stride: int, padding: int) -> Convolution:
    """Give a layer of one filter on a square image of one channel."""
    return Convolution(
        (side, side, 1),
        1,
        kernel=kernel,
        stride=stride,
        padding=padding,
        draw=lambda generator, shape, *fans: generator.standard_normal(shape),
    )


def _size(made: Network, slot: int) -> int:
    return math.prod(made.layout[slot].shape)
