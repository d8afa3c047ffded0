"""The timing of updates, on data of a few samples."""

import dataclasses

import pytest
import torch

from unstuck.study.analyses.base import Context
from unstuck.study.analyses.batches.update_time import _Task
from unstuck.study.analyses.kinds import parse_analysis

SPEC = {
    "kind": "update_time",
    "inputs": 5,
    "samples": 96,
    "classes": 3,
    "network": {"hidden": [4]},
    "batch_sizes": [1, 16, 96],
    "seconds": 1e-6,
    "repeats": 2,
    "seeds": 2,
}


@pytest.fixture
def context():
    return Context({}, {}, "cpu", 1, lambda text: None, first_unit=3)


def test_every_batch_is_timed_in_every_round_of_every_process_and_the_smallest_twice(context):
    threads = torch.get_num_threads()
    table = parse_analysis(SPEC).run(context)["times"]
    assert torch.get_num_threads() == threads
    assert set(table["hardware"]) == {"thread"}
    counts = table.groupby(["seed", "repeat", "batch_size", "timing"]).size()
    assert (counts == 1).all()
    assert len(counts) == 2 * 2 * 4
    assert set(table["seed"]) == {3, 4}
    assert set(table[table["timing"] == "again"]["batch_size"]) == {1}
    assert (table["seconds"] > 0).all()
    assert (table["updates"] >= 1).all()


def test_all_cores_are_timed_where_there_are_several(context):
    given = SPEC | {"seeds": 1}
    table = parse_analysis(given).run(dataclasses.replace(context, threads=2))["times"]
    assert dict(zip(table["hardware"], table["threads"], strict=True)) == {
        "thread": 1,
        "parallel": 2,
    }


def test_what_is_timed_is_an_update_of_sgd():
    analysis = parse_analysis(SPEC)
    task = _Task(analysis, "cpu")
    weights = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    theta = task._theta.double().clone()[0]
    with torch.no_grad():
        start = 0
        for layer in (weights[0], weights[2]):
            size = layer.weight.numel()
            layer.weight.copy_(theta[start : start + size].view(layer.in_features, -1).T)
            layer.bias.copy_(theta[start + size : start + size + layer.out_features])
            start += size + layer.out_features
    task.update(16, 32)
    loss = torch.nn.functional.cross_entropy(weights(task._x[32:48]), task._y[32:48])
    gradients = torch.autograd.grad(loss, list(weights.parameters()))
    flat = [g.T.flatten() if g.ndim == 2 else g for g in gradients]
    expected = theta - 1e-3 * torch.cat(flat).double()
    assert torch.allclose(task._theta[0].double(), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_sizes": [1, 96, 16]}, "batch_sizes must ascend"),
        ({"batch_sizes": [1, 16, 97]}, "a batch of 97 is more than the 96 samples"),
    ],
)
def test_batches_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        parse_analysis(SPEC | changes)
