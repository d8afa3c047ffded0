"""A run gives the same bits at any width of registers, from any compiler, in any company."""

import hashlib
import importlib.util
import shutil

import pandas as pd
import pytest
import torch

from unstuck.lanes import build, library
from unstuck.lanes.library import VARIABLE, WIDTHS
from unstuck.training.loop import train_population

NETWORKS = {
    "dense": ((16,), {"hidden": (12, 7)}),
    "normalised": ((16,), {"hidden": (9,), "batchnorm": "before", "activation": "sigmoid"}),
    "noisy map": (
        (2, 9),
        {"kind": "conv1d", "hidden": (5,), "batchnorm": "after", "batchnorm_noise": 0.1},
    ),
    "image": ((1, 6, 5), {"kind": "conv2d", "hidden": (3, 4), "stride": 2, "activation": "relu"}),
    "local image": ((1, 6, 5), {"kind": "local2d", "hidden": (3,), "activation": "relu"}),
}
OPTIMIZERS = ("adam", "sgd", "radam", "nesterov", "rmsprop", "adamw")
ALL = 100


@pytest.fixture
def runs_of(make_recipe, make_dataset):
    """Make runs of many optimizers, and the data of each unit."""

    def make(name, batch_size, updates):
        shape, network = NETWORKS[name]
        recipes = [
            make_recipe(
                optimizer,
                ("constant", "cosine", "step")[number % 3],
                network=network,
                batch_size=batch_size,
                updates=updates,
            )
            for number, optimizer in enumerate(OPTIMIZERS)
        ]
        runs = [recipes[k % 6].at(0.003 * (1 + k % 7), k % 11) for k in range(ALL)]
        return runs, make_dataset(train=133, others=37, shape=shape)

    return make


def digests(runs, dataset):
    """Digest of parameters, running statistics, curve and row of each run."""
    done = train_population(runs, dataset, engine="lanes")
    found = {}
    for name, theta in done.theta.items():
        table = pd.concat([each[each["run_id"] == name] for each in (done.curves, done.final)])
        text = table.to_csv(index=False, float_format="%.17g")
        content = theta.tobytes() + done.buffers[name].tobytes() + text.encode()
        found[name] = hashlib.sha256(content).hexdigest()
    assert len(set(found.values())) == len(found)
    return found


def check(runs_of, monkeypatch, name, batch_size, groups, updates=12):
    """Train all at the widest, then groups of some sizes at each width."""
    runs, dataset = runs_of(name, batch_size, updates)
    together = digests(runs, dataset)
    widest = library.load().lanes
    for lanes in (width for width in WIDTHS if width <= widest):
        monkeypatch.setenv(VARIABLE, str(lanes))
        for start, size in groups:
            apart = digests(runs[start : start + size], dataset)
            assert apart == {key: together[key] for key in apart}, (lanes, size)


@pytest.mark.parametrize("name", NETWORKS)
def test_widths_and_company(runs_of, monkeypatch, name):
    check(runs_of, monkeypatch, name, 33, [(37, 1), (20, 3), (40, 21)])


@pytest.mark.parametrize("batch_size", [1, "full"])
def test_the_least_and_the_largest_batch(runs_of, monkeypatch, batch_size):
    check(runs_of, monkeypatch, "dense", batch_size, [(37, 1), (40, 21)])


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 7, 16, 33, 100, "full"])
@pytest.mark.parametrize("name", NETWORKS)
def test_all_widths_batches_and_companies(runs_of, monkeypatch, name, batch_size):
    groups = [(37, 1), (20, 3), (40, 16), (36, 64), (0, ALL)]
    check(runs_of, monkeypatch, name, batch_size, groups, updates=60)


def test_threads(runs_of):
    runs, dataset = runs_of("normalised", 16, 12)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = digests(runs, dataset)
        torch.set_num_threads(2)
        assert digests(runs, dataset) == one
    finally:
        torch.set_num_threads(threads)


def compilers():
    """Give the compilers of this machine by name."""
    found = {name: build.Compiler((name,)) for name in ("g++", "clang++") if shutil.which(name)}
    return found | ({"zig": build.zig()} if importlib.util.find_spec("ziglang") else {})


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(compilers()))
def test_compilers(runs_of, monkeypatch, tmp_path, name):
    cases = [runs_of(network, 33, 60) for network in NETWORKS]
    usual = [digests(*case) for case in cases]
    other = tmp_path / "kernel.so"
    build.build(other, compilers()[name])
    monkeypatch.setattr(library, "LIBRARY", other)
    widest = library.load().lanes
    for lanes in (width for width in WIDTHS if width <= widest):
        monkeypatch.setenv(VARIABLE, str(lanes))
        assert [digests(*case) for case in cases] == usual
