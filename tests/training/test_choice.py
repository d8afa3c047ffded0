"""Which engine trains: the one asked for, or by rule; what lanes cannot train is refused."""

import pytest
import torch

from unstuck.errors import ConfigError, KernelError
from unstuck.population.network import Network
from unstuck.training.engines import choice
from unstuck.training.loop import train_population
from unstuck.training.measure import Part


@pytest.fixture
def engine_of(make_recipe, dataset):
    """Name the engine that a run of some recipe gets."""

    def name(asked, device="cpu", **fields):
        run = make_recipe("adam", updates=4, batch_size="full", **fields).at(0.01, 0)
        network = Network(run.network, dataset.input_shape, dataset.classes, run.loss)
        train = Part.of(dataset, "train", [0])
        return choice.choose(asked, network, [run], train, None, 4, torch.device(device)).name

    return name


@pytest.mark.parametrize(
    ("asked", "fields", "engine"),
    [
        ("auto", {}, "lanes"),
        ("lanes", {}, "lanes"),
        ("torch", {}, "torch"),
        ("auto", {"dtype": "float64"}, "torch"),
    ],
)
def test_the_engine_is_the_one_asked_for_or_follows_a_rule(engine_of, asked, fields, engine):
    assert engine_of(asked, **fields) == engine


@pytest.mark.parametrize(("asked", "engine"), [("auto", "torch"), ("lanes", "lanes")])
def test_torch_trains_what_it_is_faster_at_unless_the_bits_count(
    engine_of, monkeypatch, asked, engine
):
    monkeypatch.setattr(choice, "BORDER", 100)
    assert engine_of(asked) == engine


def test_the_engine_is_recorded_with_the_run(make_recipe, dataset):
    run = make_recipe(updates=1, evaluations=1).at(0.01, 0)
    for asked in ("lanes", "torch"):
        final = train_population([run], dataset, engine=asked).final
        assert final["engine"].tolist() == [asked]


def test_lanes_refuse_what_they_cannot_train(engine_of):
    with pytest.raises(ConfigError, match="lanes, but lanes train in float32, not in float64"):
        engine_of("lanes", dtype="float64")


def test_without_the_kernel_torch_trains_and_one_sentence_says_so(engine_of, monkeypatch):
    def missing():
        raise KernelError("The kernel is not built; run this.")

    monkeypatch.setattr(choice, "load", missing)
    choice.kernel_is_there.cache_clear()
    try:
        with pytest.warns(UserWarning, match="torch trains, not lanes: The kernel is not built"):
            assert engine_of("auto") == "torch"
        with pytest.raises(ConfigError, match="but the kernel is not there"):
            engine_of("lanes")
    finally:
        choice.kernel_is_there.cache_clear()
