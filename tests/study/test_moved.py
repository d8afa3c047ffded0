"""Test patterns moved over their canvas, and the endpoints tested on them."""

import numpy as np
import pytest

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.errors import DataError
from unstuck.study.endpoints import Endpoints
from unstuck.study.measurements.places import Places, moved_tests
from unstuck.training.job import train_cells
from unstuck.training.spec import Cell, Recipe

SHIFT = {"kind": "shift", "length": 24, "train": [0, 2], "test": [12, 14]}


def digits(**fields):
    given = {"source": "digits", "train": 64, "validation": 16, "test": 32} | fields
    return prepare(DatasetSpec.model_validate(given), (0, 1))


@pytest.fixture(scope="module")
def canvas():
    return digits(standardise="global", transforms=[SHIFT])


def test_patterns_are_moved_and_nothing_else(canvas):
    x_test = canvas.unit(1).x_test
    ground = x_test.min()
    plain = np.sort(x_test.reshape(32, -1), axis=1)
    moved = dict(moved_tests(canvas, 1))
    assert list(moved) == [0, 2, 3, 4, 6, 8, 9, 10, 12]
    np.testing.assert_array_equal(moved[12], x_test)
    for distance, x in moved.items():
        np.testing.assert_array_equal(np.sort(x.reshape(32, -1), axis=1), plain)
        assert (x[..., :distance] == ground).all()
        # eight pixels wide, up to two places farther to the right
        assert (x[..., distance + 10 :] == ground).all()


def test_a_dataset_without_places_is_refused():
    with pytest.raises(DataError, match="no transform `shift`"):
        list(moved_tests(digits(), 0))


def test_at_its_own_place_the_accuracy_is_that_of_the_run(canvas, tmp_path):
    recipe = Recipe.model_validate(
        {
            "dataset": "canvas",
            "data": "0",
            "network": {"kind": "conv2d", "hidden": [4], "stride": 2, "batchnorm": "before"},
            "optimizer": {},
            "schedule": {},
            "batch_size": 16,
            "updates": 20,
            "evaluations": 1,
        }
    )
    cell = Cell(run=recipe, rate=0.1, seeds=2, labels={"architecture": "conv2d"})
    result = train_cells([cell], canvas)
    result.save(tmp_path)
    endpoints = Endpoints.of_job([cell], tmp_path, canvas)
    table = Places().run(endpoints, tolerance=0.1, progress=lambda text: None)
    assert len(table) == 2 * 9
    assert set(table["architecture"]) == {"conv2d"}
    own = table[table["distance"] == 12].set_index("run_id")["accuracy"]
    assert set(table.columns) == {*result.runs.columns, *Places.columns}
    whole = result.runs.set_index("run_id")["test_accuracy"]
    np.testing.assert_allclose(own.sort_index(), whole.sort_index())
