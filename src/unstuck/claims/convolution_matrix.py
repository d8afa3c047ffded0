"""Section 3.2: a convolution as a fully connected layer, and the fields of stacked ones."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, conv2d

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.population.convolution import Convolution, LocalConvolution
from unstuck.population.layers import Activation, Layer, Shape
from unstuck.population.linear import Linear

STREAM = 7801
TOLERANCE = 1e-12
SAMPLES, CHANNELS, OUTPUTS = 5, 2, 3
# places of the input, kernel, stride, padding
CASES = (
    ((9,), 3, 1, 0),
    ((9,), 5, 2, 2),
    ((6, 5), 3, 1, 1),
    ((6, 5), 3, 2, 0),
    ((7, 7), 2, 2, 0),
)
SHOWN = ((5, 5), 3, 1, 0)
# of stacked layers of 3×3
SEEN = {1: 3, 2: 5, 3: 7}
DEPTHS = range(1, 9)
SEEDS = 20
MAPS = 8

Array = NDArray[np.float64]


@claim("3.2.4")
def same_thing() -> Evidence:
    """Hold a convolution against the fully connected layer with its zeros and equal weights.

    The place of each weight in the large matrix comes from loops over the places of the map, not
    from the layer. Controls: torch's convolution as a second reference, and the gradients of the
    large matrix before they are tied, which must differ where weights are shared.
    """
    found = pd.DataFrame([_compared(number, *case) for number, case in enumerate(CASES)])
    width = _fields()
    seen = {depth: width[width["depth"] == depth] for depth in SEEN}
    checks = [
        *(
            Check(f"{words}, largest relative difference", found[column].max(), 0.0, TOLERANCE)
            for column, words in (
                ("forward", "outputs of the convolution and of the matrix"),
                ("input_gradient", "their gradients by the input"),
                (
                    "weight_gradient",
                    "gradient by a shared weight, and the matrix' entries added up",
                ),
                ("bias_gradient", "gradient by a shared bias, and the matrix' entries added up"),
                ("local_forward", "outputs of the local layer and of the matrix without sharing"),
                ("local_gradient", "gradients of the local layer and the matrix' own entries"),
            )
        ),
        Check(
            "answers of the convolution to pixels where the matrix has a zero, the largest",
            found["stray"].max(),
            0.0,
            0.0,
        ),
        *(
            Check(f"side of the field of {depth} layers of 3×3, pixels", side, SEEN[depth], 0.0)
            for depth, part in seen.items()
            for side in sorted({part["smallest"].min(), part["largest"].max()})
        ),
        Check(
            "outputs of torch's convolution and of ours, largest relative difference",
            found["torch"].max(),
            0.0,
            TOLERANCE,
            role="positive control",
        ),
        Check(
            "share of shared weights whose places ask for different changes",
            found["untied"].min(),
            1.0,
            0.0,
            role="negative control",
        ),
    ]
    deepest = width[width["depth"] == max(DEPTHS)]
    return Evidence(
        "3.2.4",
        checks=tuple(checks),
        tables={"matrix": _shown_matrix(), "fields": width, "energy": _energy(SEEN)},
        numbers={
            "share_of_zeros_shown": float((_shown_matrix()["weight"] < 0).mean()),
            "deepest": max(DEPTHS),
            "deepest_field": float(deepest["largest"].max()),
            "deepest_effective_field": float(deepest["effective"].mean()),
        },
    )


def places_of_weights(
    places: Shape, channels: int, outputs: int, kernel: int, stride: int, padding: int
) -> NDArray[np.int64]:
    """Say which weight stands at each entry of the matrix of a convolution; −1 where a zero does.

    Returns
    -------
    ``[inputs, outputs of the layer]``, both with channels last, of indices into the flat weight
    ``[*kernel, channels, outputs]``.
    """
    sizes = [len(range(-padding, n + padding - kernel + 1, stride)) for n in places]
    index = np.full((*places, channels, *sizes, outputs), -1, dtype=np.int64)
    shape = (*(kernel for _ in places), channels, outputs)
    for place in np.ndindex(*sizes):
        for offset in np.ndindex(*shape[:-2]):
            pixel = tuple(stride * p + o - padding for p, o in zip(place, offset, strict=True))
            if all(0 <= i < n for i, n in zip(pixel, places, strict=True)):
                for pair in np.ndindex(channels, outputs):
                    flat = np.ravel_multi_index((*offset, *pair), shape)
                    index[(*pixel, pair[0], *place, pair[1])] = flat
    return index.reshape(int(np.prod(places)) * channels, -1)


def _compared(
    number: int, places: Shape, kernel: int, stride: int, padding: int
) -> dict[str, float]:
    """Compare convolution, local layer and matrix on random weights, inputs and gradients."""
    rng = np.random.default_rng([number, STREAM])
    options = {"kernel": kernel, "stride": stride, "padding": padding}
    shape = (*places, CHANNELS)
    shared = Convolution(shape, OUTPUTS, draw=_normal, **options)
    local = LocalConvolution(shape, OUTPUTS, draw=_normal, **options)
    index = places_of_weights(places, CHANNELS, OUTPUTS, **options)
    inside = index >= 0
    full = Linear(index.shape[0], index.shape[1], _normal)
    x = torch.from_numpy(rng.standard_normal((1, SAMPLES, *shape)))
    upstream = torch.from_numpy(rng.standard_normal((1, SAMPLES, *shared.output_shape)))
    weight, bias = (rng.standard_normal(size) for size in shared.parameters.values())
    tied = np.where(inside, weight.ravel()[index], 0.0)
    biases = np.tile(bias, index.shape[1] // OUTPUTS)

    output, own, to_input = _both_ways(shared, [weight, bias], x, upstream)
    matrix_output, entries, matrix_input = _both_ways(
        full, [tied, biases], x.flatten(2), upstream.flatten(2)
    )
    sums = np.zeros(weight.size)
    np.add.at(sums, index[inside], entries[0][inside])
    turned = np.moveaxis(weight, (-1, -2), (0, 1))
    convolve = conv1d if len(places) == 1 else conv2d
    reference = convolve(
        x[0].movedim(-1, 1), torch.from_numpy(turned.copy()), torch.from_numpy(bias),
        stride=stride, padding=padding,
    ).movedim(1, -1)  # fmt: skip
    return {
        "forward": _apart(matrix_output, output),
        "input_gradient": _apart(matrix_input, to_input),
        "weight_gradient": _apart(sums, own[0]),
        "bias_gradient": _apart(entries[1].reshape(-1, OUTPUTS).sum(0), own[1]),
        "stray": _answers_outside(shared, [weight, bias], shape, inside),
        "torch": _apart(output, reference.numpy()),
        "untied": _parted(index, entries[0]),
        **_without_sharing(local, index, x, upstream, rng),
    }


def _answers_outside(
    layer: Convolution, parameters: list[Array], input_shape: Shape, inside: NDArray[np.bool_]
) -> float:
    """Give the largest derivative of an output by a pixel that the matrix says it ignores."""
    inputs, outputs = inside.shape
    pixels = torch.zeros((1, outputs, *input_shape), dtype=torch.float64)
    one_each = torch.eye(outputs, dtype=torch.float64).view(1, outputs, *layer.output_shape)
    _, _, by_pixels = _both_ways(layer, parameters, pixels, one_each)
    derivatives = by_pixels.reshape(outputs, inputs).T
    return float(np.abs(derivatives[~inside]).max())


def _without_sharing(
    local: LocalConvolution,
    index: NDArray[np.int64],
    x: Tensor,
    upstream: Tensor,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Compare a local layer with the same matrix of zeros, every entry with a weight of its own."""
    weight, bias = (rng.standard_normal(size) for size in local.parameters.values())
    # entry (i, place, o) holds weight (place, offset, c, o): same index, one copy per place
    of_place = weight.reshape(-1, int(np.prod(weight.shape[len(local.output_shape) - 1 :])))
    place = np.arange(index.shape[1]) // OUTPUTS
    free = np.where(index >= 0, of_place[place[np.newaxis], index], 0.0)
    full = Linear(index.shape[0], index.shape[1], _normal)
    output, own, _ = _both_ways(local, [weight, bias], x, upstream)
    matrix_output, entries, _ = _both_ways(
        full, [free, bias.ravel()], x.flatten(2), upstream.flatten(2)
    )
    picked = np.zeros_like(of_place)
    rows, columns = np.nonzero(index >= 0)
    picked[place[columns], index[rows, columns]] = entries[0][rows, columns]
    return {
        "local_forward": _apart(matrix_output, output),
        "local_gradient": _apart(picked, own[0]),
    }


def _both_ways(
    layer: Layer, parameters: list[Array], x: Tensor, upstream: Tensor
) -> tuple[Array, list[Array], Array]:
    """Give the output, the gradients by the parameters, and that by the input, of one member."""
    held = [torch.from_numpy(each).unsqueeze(0) for each in parameters]
    done = layer.forward(x, held, (), True)
    gradients, to_input = layer.backward(
        upstream.reshape(done.output.shape), done.saved, held, True
    )
    assert to_input is not None
    return done.output[0].numpy(), [each[0].numpy() for each in gradients], to_input[0].numpy()


def _apart(one: Array, other: Array) -> float:
    """Give the largest difference of two arrays, relative to the largest entry."""
    return float(np.abs(one.ravel() - other.ravel()).max() / np.abs(other).max())


def _parted(index: NDArray[np.int64], gradient: Array) -> float:
    """Give the share of weights with several places whose gradients there differ."""
    spreads = [
        np.ptp(gradient[index == weight]) > TOLERANCE
        for weight in np.unique(index[index >= 0])
        if (index == weight).sum() > 1
    ]
    return float(np.mean(spreads))


def _normal(generator: np.random.Generator, shape: Shape, *fans: int) -> Array:
    """Draw weights that keep the size of signals on the way through."""
    return np.asarray(generator.standard_normal(shape) / np.sqrt(fans[0]))


def _shown_matrix() -> pd.DataFrame:
    """Give the matrix of one filter on a small image: the weight at each entry, −1 for a zero."""
    places, kernel, stride, padding = SHOWN
    index = places_of_weights(places, 1, 1, kernel, stride, padding)
    rows, columns = np.indices(index.shape)
    return pd.DataFrame({"input": rows.ravel(), "output": columns.ravel(), "weight": index.ravel()})


def _fields() -> pd.DataFrame:
    """Give the fields of one output by depth: the pixels it depends on, and how evenly.

    The effective side is that of an even field with the spread of the squared gradient.
    """
    return pd.DataFrame(
        [
            {"depth": depth, "seed": seed, **_extent(_squared_gradient(depth, seed))}
            for depth in DEPTHS
            for seed in range(SEEDS)
        ]
    )


def _energy(depths: Iterable[int]) -> pd.DataFrame:
    """Give the share of the squared gradient at each pixel, mean over the seeds."""
    rows = []
    for depth in depths:
        mean = np.mean([_squared_gradient(depth, seed) for seed in range(SEEDS)], axis=0)
        middle = len(mean) // 2
        for row, column in np.ndindex(*mean.shape):
            share = {"row": row - middle, "column": column - middle, "share": mean[row, column]}
            rows.append({"depth": depth, **share})
    return pd.DataFrame(rows)


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
            Convolution(shape, outputs, kernel=3, stride=1, padding=1, draw=_normal),
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
