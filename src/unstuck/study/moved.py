"""Test patterns of a shifted dataset, moved to other places of their canvas."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.data.dataset import Dataset
from unstuck.errors import DataError

#: places at which an endpoint is tested, from that of training to that of the test part
STEPS = 9


def moved_tests(dataset: Dataset) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the test samples with their patterns at places between those of training and of test.

    The ground is one value, and the patterns stay on the canvas, so rolling the last axis moves
    them and nothing else.

    Yields
    ------
    The distance from the place of the training patterns, and the samples.

    Raises
    ------
    DataError
        If the dataset was not made by the transform `shift`.
    """
    shifts = [each for each in dataset.card.get("transforms", ()) if each["kind"] == "shift"]
    if not shifts:
        raise DataError(
            "places: the dataset has no transform `shift`, so its patterns have no place to leave."
        )
    apart = shifts[0]["test"][0] - shifts[0]["train"][0]
    for distance in sorted({round(float(d)) for d in np.linspace(0, apart, STEPS)}):
        yield distance, np.roll(dataset.x_test, distance - apart, axis=-1)
