"""Section 3.2: convolution. How many weights it has, and what one filter finds."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.population.convolution import Convolution
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.population.windows import Windows

SIDE, COLOURS = 100, 3
NEURONS, FILTERS, KERNEL = 1000, 64, 3
LARGE = 11  # a kernel at which padding can be seen
CLASSES = (2, 10, 1000)
# sides of images, kernels, strides, paddings
SIZES = (range(5, 13), range(1, 6), range(1, 5), range(4))

IMAGE = ("100001", "010010", "001100", "100010", "010010", "001010")
DIAGONAL = ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))
CORNERS = ((0, 0), (3, 0))


@claim("3.2.1")
def counts() -> Evidence:
    """Count weights and places of the project's own layers, against closed forms.

    Controls: torch's own layer, and the length of parameters that are really drawn.
    """
    full = _network("dense", NEURONS)
    shared, local = _network("conv2d", FILTERS), _network("local2d", FILTERS)
    patch, places = KERNEL * KERNEL * COLOURS, SIDE * SIDE
    checks = [
        _count("numbers of a 100×100×3 image", full.layout[0].shape[0], 30_000),
        _count("weights of 1,000 neurons on it", _size(full, 0), 3 * 10**7),
        _count("weights of 64 shared filters of 3×3×3", _size(shared, 0), 1728),
        _count("biases of 64 shared filters", _size(shared, 1), 64),
        _count("weights of 64 filters at each place", _size(local, 0), places * patch * FILTERS),
        _count("biases of 64 filters at each place", _size(local, 1), places * FILTERS),
        _count(
            "weights of a second layer of 64 filters on 64 maps",
            math.prod(_network("conv2d", FILTERS, FILTERS).layout[2].shape),
            KERNEL * KERNEL * FILTERS * FILTERS,
        ),
        _count(
            "shared weights on an image of twice the side, less those on this one",
            _size(_network("conv2d", FILTERS, side=2 * SIDE), 0) - _size(shared, 0),
            0,
        ),
        *(
            _count(
                f"outputs for {n} classes",
                _network("conv2d", 4, classes=n).layout[-1].stop
                - _network("conv2d", 4, classes=n).layout[-1].start,
                n,
            )
            for n in CLASSES
        ),
        _count("maps whose size is not that of counting windows one by one", _wrong_sizes(), 0),
        _count("pairs of neighbours that do not share k(k − stride) pixels", _wrong_overlaps(), 0),
        Check(
            "parameters of torch's own layer of 64 filters of 3×3×3",
            sum(p.numel() for p in torch.nn.Conv2d(COLOURS, FILTERS, KERNEL).parameters()),
            _size(shared, 0) + _size(shared, 1),
            0.0,
            role="positive control",
        ),
        Check(
            "parameters drawn for the network of shared filters, less those counted",
            len(shared.initial(0)) - shared.parameter_count,
            0.0,
            0.0,
            role="positive control",
        ),
    ]
    return Evidence(
        "3.2.1",
        checks=tuple(checks),
        tables={
            "counts": pd.DataFrame(
                [
                    {
                        "layer": layer,
                        "weights": _size(network, 0),
                        "biases": _size(network, 1),
                        "multiply_adds": network.layers[0].multiply_adds,
                    }
                    for layer, network in (("full", full), ("local", local), ("shared", shared))
                ]
            ),
            "sizes": _sizes(),
        },
        numbers={
            "layers_whose_map_was_counted": len(list(itertools.product(*SIZES))),
            "large_kernel": LARGE,
        },
    )


def _network(kind: str, *hidden: int, side: int = SIDE, classes: int = 10) -> Network:
    spec = NetworkSpec.model_validate({"kind": kind, "hidden": hidden, "kernel": KERNEL})
    return Network(spec, (COLOURS, side, side), classes)


def _size(network: Network, slot: int) -> int:
    return math.prod(network.layout[slot].shape)


def _count(name: str, value: int, expected: int) -> Check:
    return Check(name, value, expected, 0.0)


def _layer(side: int, kernel: int, stride: int, padding: int) -> Convolution:
    return Convolution(
        (side, side, 1),
        1,
        kernel=kernel,
        stride=stride,
        padding=padding,
        draw=lambda generator, shape, *fans: generator.standard_normal(shape),
    )


def _wrong_sizes() -> int:
    """Count layers whose output differs from windows placed one by one on the padded axis."""
    wrong = 0
    for side, kernel, stride, padding in itertools.product(*SIZES):
        starts = range(-padding, side + padding - kernel + 1, stride)
        found = _layer(side, kernel, stride, padding).output_shape
        wrong += found != (len(starts), len(starts), 1)
    return wrong


def _wrong_overlaps() -> int:
    """Count kernels and strides at which neighbouring windows share another number of pixels."""
    wrong = 0
    side = 12
    pixels = torch.arange(side * side, dtype=torch.float64).view(1, 1, side, side, 1)
    for kernel, stride in itertools.product(SIZES[1], SIZES[2]):
        windows = Windows((side, side, 1), kernel=kernel, stride=stride, padding=0)
        seen = windows.unfold(pixels)[0, 0]
        first, second = (set(seen[0, place].flatten().tolist()) for place in (0, 1))
        wrong += len(first & second) != kernel * max(kernel - stride, 0)
    return wrong


def _sizes() -> pd.DataFrame:
    """Give the side of the map that a large filter makes of the image, by stride and padding."""
    rows = [
        {
            "stride": stride,
            "padding": words,
            "side": _layer(SIDE, LARGE, stride, padding).output_shape[0],
        }
        for words, padding in ((f"{LARGE // 2} zeros at each edge", LARGE // 2), ("no padding", 0))
        for stride in range(1, 7)
    ]
    return pd.DataFrame(rows)


@claim("3.2.3")
def filter_on_an_image() -> Evidence:
    """Slide the diagonal filter over the 6×6 image, by the project's own layer.

    References: the values by scipy's cross-correlation, and windows compared pixel by pixel with
    the diagonal. Control: the mirrored filter, which must not answer to the diagonal.
    """
    from scipy.signal import correlate2d

    image = np.array([[int(pixel) for pixel in row] for row in IMAGE], dtype=np.float64)
    diagonal = np.array(DIAGONAL, dtype=np.float64)
    found, mirrored = _feature_map(image, diagonal), _feature_map(image, diagonal[:, ::-1])
    pattern = np.eye(3)
    same = [place for place in np.ndindex(*found.shape) if _equals(image, place, pattern)]
    checks = (
        Check("side of the map", found.shape[0], 4, 0.0),
        Check("largest value of the map", found.max(), 3, 0.0),
        Check("places with that value", (found == found.max()).sum(), 2, 0.0),
        *(
            Check(f"value in the {words} corner", found[place], 3, 0.0)
            for words, place in zip(("upper left", "lower left"), CORNERS, strict=True)
        ),
        Check("windows that show the diagonal and nothing else", len(same), 2, 0.0),
        Check(
            "value 3 at those windows, the smallest",
            float(min(found[place] for place in same)),
            3,
            0.0,
        ),
        Check(
            "map less that of scipy, largest entry",
            np.abs(found - correlate2d(image, diagonal, mode="valid")).max(),
            0.0,
            0.0,
            role="positive control",
        ),
        Check(
            "largest value of the mirrored filter in those corners",
            max(mirrored[place] for place in CORNERS),
            -1,
            0.0,
            role="negative control",
        ),
    )
    return Evidence(
        "3.2.3",
        checks=checks,
        tables={
            "image": pd.DataFrame(list(_cells(image))),
            "filter": pd.DataFrame(list(_cells(diagonal))),
            "feature_map": pd.DataFrame(list(_cells(found))),
        },
        numbers={"values_of_the_map": " / ".join(" ".join(f"{v:g}" for v in row) for row in found)},
    )


def _feature_map(image: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    layer = _layer(len(image), len(kernel), 1, 0)
    weight = torch.from_numpy(kernel.copy()).view(1, *kernel.shape, 1, 1)
    x = torch.from_numpy(image).view(1, 1, *image.shape, 1)
    output = layer.forward(x, (weight, torch.zeros(1, 1, dtype=torch.float64)), (), True).output
    return np.asarray(output[0, 0, :, :, 0].numpy())


def _equals(
    image: NDArray[np.float64], place: tuple[int, ...], pattern: NDArray[np.float64]
) -> bool:
    row, column = place
    return bool((image[row : row + 3, column : column + 3] == pattern).all())


def _cells(array: NDArray[np.float64]) -> Iterator[dict[str, float]]:
    for row, column in np.ndindex(*array.shape):
        yield {"row": row, "column": column, "value": float(array[row, column])}
