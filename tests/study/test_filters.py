"""The filters of endpoints, tabulated."""

import numpy as np
import pytest

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.errors import ConfigError
from unstuck.study.endpoints import Endpoints
from unstuck.study.measurements import tabulate_filters
from unstuck.training.job import train_cells
from unstuck.training.spec import Cell, Recipe


def endpoints(folder, **network):
    data = prepare(DatasetSpec(source="digits", train=32, validation=16, test=16))
    given = {"dataset": "digits", "data": "0", "optimizer": {}, "schedule": {}, "evaluations": 1}
    recipe = Recipe.model_validate(given | {"network": network, "batch_size": 16, "updates": 2})
    cell = Cell(run=recipe, rate=0.1, seeds=1)
    result = train_cells([cell], data)
    result.save(folder)
    return result, Endpoints.of_job([cell], folder, data, units={cell.key: 1})


def test_every_weight_stands_at_its_place(tmp_path):
    result, given = endpoints(tmp_path, kind="conv2d", hidden=[4])
    table = tabulate_filters(given, 0.1, lambda text: None)
    (theta,) = result.endpoints.values()
    weights = np.zeros((3, 3, 1, 4))
    for row in table.itertuples():
        weights[row.row, row.column, row.input, row.filter] = row.weight
    np.testing.assert_array_equal(weights.ravel(), theta[:36].astype(float))
    assert len(table) == 36


def test_networks_without_filters_are_refused(tmp_path):
    _, given = endpoints(tmp_path, hidden=[4])
    with pytest.raises(ConfigError, match="'dense' has no shared filters"):
        tabulate_filters(given, 0.1, lambda text: None)
