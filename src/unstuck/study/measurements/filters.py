"""The filters of endpoints, tabulated."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from unstuck.study.measurements.base import MeasurementBase

if TYPE_CHECKING:
    from unstuck.data.spec import DatasetSpec
    from unstuck.study.endpoints import Endpoints, Progress
    from unstuck.training.spec import Recipe


class Filters(MeasurementBase):
    """Endpoints whose filters of the first convolutional layer are tabulated."""

    columns = ("filter", "input", "row", "column", "weight")

    def check(self, recipe: "Recipe", dataset: "DatasetSpec") -> None:
        """Refuse networks without shared filters."""
        if recipe.network.kind not in ("conv1d", "conv2d"):
            raise ValueError(
                f"filters: a network of kind {recipe.network.kind!r} has no shared filters; name "
                "networks of kind conv1d or conv2d in `where`"
            )

    def run(self, endpoints: "Endpoints", tolerance: float, progress: "Progress") -> pd.DataFrame:
        """Tabulate the shared filters of the first layer.

        Returns
        -------
        filters
            One row an endpoint, filter, input channel and element of the kernel.
            filter (integer): Number of the filter.
            input (integer): Number of the input channel.
            row, column (integer): Place in the kernel; row 0 in one dimension.
            weight (number): The weight there.
        """
        from unstuck.training.loop import network_of

        rows = []
        for row in endpoints.rows.to_dict("records"):
            recipe, data = endpoints.cells[row["cell"]].run, endpoints.dataset
            slot = network_of(recipe, data).layout[0]
            kernels = endpoints.theta[row["run_id"]][slot.start : slot.stop].reshape(slot.shape)
            for (*offset, channel, number), weight in np.ndenumerate(kernels):
                element = {"row": offset[-2] if len(offset) > 1 else 0, "column": offset[-1]}
                of_filter = {"filter": number, "input": channel, **element, "weight": float(weight)}
                rows.append({str(key): value for key, value in row.items()} | of_filter)
        progress(f"{len(rows)} weights of filters")
        return pd.DataFrame(rows)
