"""A convolution as the fully connected layer with its zeros and equal weights.

The place of each weight in the large matrix comes from loops over the places of the map, not from
the layer.
"""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, conv2d

from unstuck.population.convolution import Convolution, LocalConvolution
from unstuck.population.layers import Layer, Shape
from unstuck.population.linear import Linear

STREAM = 7801
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
# gradients of one weight at two places that differ by more ask for different changes
APART = 1e-12

Array = NDArray[np.float64]


def equality() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `equality`."""
    rows = []
    for number, (places, kernel, stride, padding) in enumerate(CASES):
        label = {
            "case": number,
            "places": "×".join(map(str, places)),
            **{"kernel": kernel, "stride": stride, "padding": padding},
        }
        for quantity, value in _compared(number, places, kernel, stride, padding).items():
            rows.append(label | {"quantity": quantity, "value": value})
    return pd.DataFrame(rows)


def shown() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `matrix`."""
    places, kernel, stride, padding = SHOWN
    index = places_of_weights(places, 1, 1, kernel, stride, padding)
    rows, columns = np.indices(index.shape)
    return pd.DataFrame({"input": rows.ravel(), "output": columns.ravel(), "weight": index.ravel()})


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
    shared = Convolution(shape, OUTPUTS, draw=normal, **options)
    local = LocalConvolution(shape, OUTPUTS, draw=normal, **options)
    index = places_of_weights(places, CHANNELS, OUTPUTS, **options)
    inside = index >= 0
    full = Linear(index.shape[0], index.shape[1], normal)
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
        "outputs": _apart(matrix_output, output),
        "input gradient": _apart(matrix_input, to_input),
        "weight gradient": _apart(sums, own[0]),
        "bias gradient": _apart(entries[1].reshape(-1, OUTPUTS).sum(0), own[1]),
        "zeros": _answers_outside(shared, [weight, bias], shape, inside),
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
    full = Linear(index.shape[0], index.shape[1], normal)
    output, own, _ = _both_ways(local, [weight, bias], x, upstream)
    matrix_output, entries, _ = _both_ways(
        full, [free, bias.ravel()], x.flatten(2), upstream.flatten(2)
    )
    picked = np.zeros_like(of_place)
    rows, columns = np.nonzero(index >= 0)
    picked[place[columns], index[rows, columns]] = entries[0][rows, columns]
    return {
        "outputs without sharing": _apart(matrix_output, output),
        "gradients without sharing": _apart(picked, own[0]),
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
        np.ptp(gradient[index == weight]) > APART
        for weight in np.unique(index[index >= 0])
        if (index == weight).sum() > 1
    ]
    return float(np.mean(spreads))


def normal(generator: np.random.Generator, shape: Shape, *fans: int) -> Array:
    """Draw weights that keep the size of signals on the way through."""
    return np.asarray(generator.standard_normal(shape) / np.sqrt(fans[0]))
