"""Runs on the first so many training samples, and with other class numbers."""

from dataclasses import replace

import numpy as np
import pytest

from unstuck.data.dataset import Dataset
from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.data.transforms import PARTS
from unstuck.training.job import train_cells
from unstuck.training.spec import Cell, Recipe


@pytest.fixture(scope="module")
def digits():
    return prepare(DatasetSpec(source="digits", train=96, validation=16, test=32), (0, 1))


def changed(dataset, change):
    """Give the dataset with the split of every unit changed."""
    return Dataset.of({unit: change(dataset.unit(unit)) for unit in dataset.units})


def recipe(**fields):
    given = {"dataset": "digits", "data": "0", "network": {"hidden": [5]}, "optimizer": {}}
    given |= {"schedule": {}, "batch_size": 16, "evaluations": 1}
    given |= {} if "updates" in fields else {"epochs": 3}
    return Recipe.model_validate(given | fields)


def trained(dataset, **fields):
    runs = train_cells([Cell(run=recipe(**fields), rate=0.1, seeds=2)], dataset).runs
    return runs.sort_values("seed")


@pytest.mark.parametrize("batch", [16, "full"])
def test_a_subset_is_a_smaller_dataset(digits, batch):
    small = changed(
        digits, lambda split: replace(split, x_train=split.x_train[:48], y_train=split.y_train[:48])
    )
    got = trained(digits, subset=48, batch_size=batch)
    expected = trained(small, batch_size=batch)
    assert got["updates"].iloc[0] == (9 if batch == 16 else 3)
    for column in ("batch_size", "train_loss", "train_accuracy", "test_loss", "gradient_norm"):
        np.testing.assert_array_equal(got[column], expected[column])


def test_equal_updates_on_fewer_samples_are_more_epochs(digits):
    runs = trained(digits, subset=32, updates=12)
    assert set(runs["updates"]) == {12}
    assert set(runs["epochs"]) == {6.0}


def test_a_subset_changes_the_identity_of_a_run():
    assert recipe(subset=None).digest == recipe().digest != recipe(subset=48).digest


def test_compute_is_counted(digits):
    assert set(trained(digits)["multiply_adds"]) == {64 * 5 + 5 * 10}


def test_numbering_the_classes_otherwise_is_another_dataset(digits):
    numbers = recipe(relabel=3).labels(np.arange(10), 10)

    def renumbered(split):
        parts = {f"y_{part}": numbers[getattr(split, f"y_{part}")] for part in PARTS}
        return replace(split, **parts)

    got = trained(digits, relabel=3, loss="class_number")
    expected = trained(changed(digits, renumbered), loss="class_number")
    for column in ("train_loss", "train_accuracy", "test_accuracy", "validation_loss"):
        np.testing.assert_array_equal(got[column], expected[column])


def test_only_another_numbering_changes_the_identity_of_a_run():
    assert recipe(relabel=0).digest == recipe().digest != recipe(relabel=1).digest


def test_a_network_of_class_numbers_has_one_output(digits):
    runs = trained(digits, loss="class_number")
    assert set(runs["parameters"]) == {64 * 5 + 5 + 5 + 1}
    assert set(trained(digits)["parameters"]) == {64 * 5 + 5 + 50 + 10}
