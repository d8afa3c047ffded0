"""The diagonal filter on the notes' image, and on every binary patch."""

import itertools

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.signal import correlate2d

from unstuck.study.analyses.convolution.layer_counts import layer

IMAGE = ("100001", "010010", "001100", "100010", "010010", "001010")
DIAGONAL = ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))
#: where the diagonal is, by the notes: upper left and lower left
CORNERS = ((0, 0), (3, 0))
LARGEST = 3

Array = NDArray[np.float64]


def answers_by_place_and_patch() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `filter`."""
    image, diagonal = _image(), np.array(DIAGONAL, dtype=np.float64)
    rows = []
    for part, kernel in (("place", diagonal), ("mirrored", diagonal[:, ::-1])):
        found = feature_map(image, kernel)
        reference = correlate2d(image, kernel, mode="valid")
        for number, place in enumerate(np.ndindex(*found.shape)):
            expected = part == "place" and place in CORNERS
            label = {"part": part, "number": number, "row": place[0], "column": place[1]}
            rows.append(label | _answer(float(found[place]), float(reference[place]), expected))
    for number, patch in enumerate(_patches()):
        value = float(feature_map(patch, diagonal)[0, 0])
        expected = bool((patch == np.eye(3)).all())
        label = {"part": "patch", "number": number, "row": 0, "column": 0}
        rows.append(label | _answer(value, float((patch * diagonal).sum()), expected))
    return pd.DataFrame(rows)


def _answer(value: float, reference: float, expected: bool) -> dict[str, float | bool]:
    # an answer above the largest is as wrong as a missing one
    return {
        "value": value,
        "scipy_error": abs(value - reference),
        "expected": expected,
        "wrong": bool((value == LARGEST) != expected or value > LARGEST),
    }


def patches_by_answer() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `answers`."""
    diagonal = np.array(DIAGONAL, dtype=np.float64)
    values = [float(feature_map(patch, diagonal)[0, 0]) for patch in _patches()]
    answers, patches = np.unique(values, return_counts=True)
    return pd.DataFrame({"answer": answers, "patches": patches})


def cells() -> pd.DataFrame:
    """Give what `ConvolutionLayerAnalysis.run` says of the table `cells`."""
    image, diagonal = _image(), np.array(DIAGONAL, dtype=np.float64)
    arrays = {"image": image, "filter": diagonal, "map": feature_map(image, diagonal)}
    return pd.DataFrame(
        [
            {"array": name, "row": row, "column": column, "value": float(array[row, column])}
            for name, array in arrays.items()
            for row, column in np.ndindex(*array.shape)
        ]
    )


def feature_map(image: Array, kernel: Array) -> Array:
    """Slide a filter over a square image, by the project's own layer."""
    sliding = layer(len(image), len(kernel), 1, 0)
    weight = torch.from_numpy(kernel.copy()).view(1, *kernel.shape, 1, 1)
    x = torch.from_numpy(image).view(1, 1, *image.shape, 1)
    bias = torch.zeros(1, 1, dtype=torch.float64)
    output = sliding.forward(x, (weight, bias), (), True).output
    return np.asarray(output[0, 0, :, :, 0].numpy())


def _image() -> Array:
    return np.array([[int(pixel) for pixel in row] for row in IMAGE], dtype=np.float64)


def _patches() -> list[Array]:
    binary = itertools.product((0.0, 1.0), repeat=9)
    return [np.array(pixels).reshape(3, 3) for pixels in binary]
