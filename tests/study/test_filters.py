"""The filters of endpoints, tabulated."""

import numpy as np

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.study.endpoints import Endpoints
from unstuck.study.measurements.filters import Filters
from unstuck.training.job import train_cells
from unstuck.training.spec import Cell, Recipe


def endpoints(folder, **network):
    data = prepare(DatasetSpec(source="digits", train=32, validation=16, test=16), (0, 1))
    given = {"dataset": "digits", "data": "0", "optimizer": {}, "schedule": {}, "evaluations": 1}
    recipe = Recipe.model_validate(given | {"network": network, "batch_size": 16, "updates": 2})
    cell = Cell(run=recipe, rate=0.1, seeds=1)
    result = train_cells([cell], data)
    result.save(folder)
    return result, Endpoints.of_job([cell], folder, data)


def test_every_weight_stands_at_its_place(tmp_path):
    result, given = endpoints(tmp_path, kind="conv2d", hidden=[4])
    table = Filters().run(given, 0.1, lambda text: None)
    assert set(table.columns) == {*result.runs.columns, *Filters.columns}
    (theta,) = result.endpoints.values()
    weights = np.zeros((3, 3, 1, 4))
    for row in table.itertuples():
        weights[row.row, row.column, row.input, row.filter] = row.weight
    np.testing.assert_array_equal(weights.ravel(), theta[:36].astype(float))
    assert len(table) == 36
