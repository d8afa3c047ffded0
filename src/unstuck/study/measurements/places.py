"""Accuracy of endpoints with the patterns of a shifted dataset at other places of their canvas."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.errors import DataError
from unstuck.study.measurements.base import MeasurementBase

if TYPE_CHECKING:
    from unstuck.data.dataset import Dataset
    from unstuck.data.spec import DatasetSpec
    from unstuck.study.endpoints import Endpoints, Progress
    from unstuck.training.spec import Recipe

#: places at which an endpoint is tested, from that of training to that of the test part
STEPS = 9


class Places(MeasurementBase):
    """Endpoints that are tested with the patterns of a `shift` dataset moved, step by step.

    From where they were in training to where they are in the test part.
    """

    columns = ("distance", "accuracy")

    def check(self, recipe: "Recipe", dataset: "DatasetSpec") -> None:
        """Refuse datasets whose patterns have no place to leave."""
        if not any(each.kind == "shift" for each in dataset.transforms):
            raise ValueError(
                f"places: the dataset {recipe.dataset} has no transform `shift`, so its patterns "
                "have no place to leave; name datasets that have one in `where`"
            )

    def run(self, endpoints: "Endpoints", tolerance: float, progress: "Progress") -> pd.DataFrame:
        """Test with the patterns moved.

        Returns
        -------
        places
            One row an endpoint and distance.
            distance (integer, samples along the last axis): Distance of the test patterns from the
                place of the training patterns.
            accuracy (number): Share of the test part, so moved, that is classified rightly.
        """
        import torch

        from unstuck.training.loop import network_of
        from unstuck.training.measure import Measure, Part

        rows = []
        for number, row in enumerate(endpoints.rows.to_dict("records"), start=1):
            progress(f"endpoint {number} of {len(endpoints.rows)}: run {row['run_id']}")
            recipe = endpoints.cells[row["cell"]].run
            data = endpoints.dataset
            network = network_of(recipe, data)
            theta = torch.from_numpy(endpoints.theta[row["run_id"]]).unsqueeze(0)
            theta = theta.to(endpoints.device)
            buffers = endpoints.buffers_of(row["run_id"])
            held = theta[:, :0] if buffers is None else buffers.to(theta).unsqueeze(0)
            measure = Measure(network, recipe.loss)
            labels = recipe.labels(data.unit(row["seed"]).y_test, data.classes)
            y = torch.from_numpy(labels).to(endpoints.device)
            labelled = {str(key): value for key, value in row.items()}
            for distance, x in moved_tests(data, row["seed"]):
                part = Part.shared(torch.from_numpy(x).to(theta), y, len(theta))
                _, accuracy = measure.loss_and_accuracy(theta, held, part)
                rows.append(labelled | {"distance": distance, "accuracy": float(accuracy[0])})
        return pd.DataFrame(rows)


def moved_tests(dataset: "Dataset", unit: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield a unit's test samples, their patterns at places between those of training and of test.

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
    x_test = dataset.unit(unit).x_test
    apart = shifts[0]["test"][0] - shifts[0]["train"][0]
    for distance in sorted({round(float(d)) for d in np.linspace(0, apart, STEPS)}):
        yield distance, np.roll(x_test, distance - apart, axis=-1)
