"""A run is bit-identical whether trained alone, among 5 or among 64."""

import numpy as np
import pandas as pd
import pytest

from unstuck.training.loop import train_population

ALONE, FEW = slice(37, 38), slice(20, 25)


@pytest.fixture(scope="module")
def dataset(make_dataset):
    return make_dataset(units=range(64))


def check_company(recipes, dataset, rates=(0.003, 0.006, 0.009)):
    """Train 64 runs of some recipes together, and some of them apart."""
    runs = [recipes[k % len(recipes)].at(rates[k % 3], k) for k in range(64)]
    together = train_population(runs, dataset)
    for some in (runs[ALONE], runs[FEW]):
        apart = train_population(some, dataset)
        ids = sorted(run.run_id for run in some)
        for name in ids:
            np.testing.assert_array_equal(apart.theta[name], together.theta[name])
            np.testing.assert_array_equal(apart.buffers[name], together.buffers[name])
        for mine, ours in ((apart.curves, together.curves), (apart.final, together.final)):
            chosen = ours[ours["run_id"].isin(ids)].reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, chosen, check_exact=True)


@pytest.mark.parametrize("batchnorm", ["off", "before"])
@pytest.mark.parametrize("batch_size", [1, 32, pytest.param(256, marks=pytest.mark.slow)])
def test_100_adam_updates_in_float32(make_recipe, make_dataset, batchnorm, batch_size):
    dataset = make_dataset(train=512, shape=(64,), classes=10, units=range(64))
    recipe = make_recipe(
        updates=100,
        batch_size=batch_size,
        network={"hidden": (32, 16), "batchnorm": batchnorm},
    )
    check_company([recipe], dataset)


@pytest.mark.slow
@pytest.mark.parametrize("batchnorm", ["off", "after"])
def test_full_batch(make_recipe, make_dataset, batchnorm):
    dataset = make_dataset(train=1024, shape=(64,), classes=10, units=range(64))
    recipe = make_recipe(
        updates=100,
        batch_size="full",
        network={"hidden": (32, 16), "batchnorm": batchnorm, "activation": "relu"},
    )
    check_company([recipe], dataset)


def test_company_of_other_optimizers_and_schedules(make_recipe, dataset):
    kinds = (("adam", "constant"), ("radam", "cosine"), ("nesterov", "step"), ("sgd", "linear"))
    recipes = [make_recipe(*kind, updates=50, batch_size=16) for kind in kinds]
    check_company(recipes, dataset)


def test_company_that_diverges(make_recipe, dataset):
    recipe = make_recipe("sgd", updates=30, batch_size=16, loss="squared_error")
    check_company([recipe], dataset, rates=(0.01, 1e4, 0.02))


def test_runs_of_other_shapes_are_refused(make_recipe, dataset):
    runs = [make_recipe(batch_size=16).at(0.1, 0), make_recipe(batch_size=32).at(0.1, 0)]
    with pytest.raises(ValueError, match="differ in optimizer, schedule, rate and seed only"):
        train_population(runs, dataset)
