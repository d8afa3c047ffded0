"""Which engine trains, and what is said where lanes cannot."""

import pytest
import torch

from unstuck.errors import ConfigError, KernelError
from unstuck.training.engines import choice
from unstuck.training.loop import train_population


@pytest.fixture(autouse=True)
def _forget_what_was_there():
    choice.kernel_is_there.cache_clear()
    yield
    choice.kernel_is_there.cache_clear()


@pytest.mark.parametrize(
    ("fields", "asked", "engine"),
    [
        ({}, "auto", "lanes"),
        ({}, "torch", "torch"),
        ({"dtype": "float64"}, "auto", "torch"),
        ({"network": {"hidden": (20_000,)}}, "auto", "lanes"),
        ({"network": {"hidden": (20_000,)}, "batch_size": 256}, "auto", "torch"),
        ({"network": {"hidden": (20_000,)}, "batch_size": 256}, "lanes", "lanes"),
    ],
)
def test_the_engine_is_recorded_with_the_run(make_recipe, dataset, fields, asked, engine):
    run = make_recipe(updates=1, evaluations=1, **fields).at(0.01, 0)
    done = train_population([run], dataset, engine=asked)
    assert done.final["engine"].tolist() == [engine]


def test_lanes_refuse_what_they_cannot_train(make_recipe, dataset):
    run = make_recipe(dtype="float64").at(0.01, 0)
    with pytest.raises(ConfigError, match="engine = lanes, but lanes train in float32, not in"):
        train_population([run], dataset, engine="lanes")
    why = choice.obstacle(make_recipe().at(0.01, 0), torch.device("cuda"))
    assert why == "lanes train on the CPU, not on cuda"


def test_torch_trains_where_the_kernel_is_missing_and_says_so_once(
    make_recipe, dataset, monkeypatch
):
    def load():
        raise KernelError("The kernel is not built; run make.")

    monkeypatch.setattr(choice, "load", load)
    run = make_recipe(updates=2).at(0.01, 0)
    with pytest.warns(UserWarning, match="torch trains, not lanes: The kernel is not built"):
        done = train_population([run], dataset)
    assert done.final["engine"].tolist() == ["torch"]
    assert train_population([run], dataset).final["engine"].tolist() == ["torch"]
    with pytest.raises(ConfigError, match="engine = lanes, but the kernel is not there"):
        train_population([run], dataset, engine="lanes")
