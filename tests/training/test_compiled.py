"""The compiled step against the eager one."""

import numpy as np
import pytest
import torch

from unstuck.training.compiled import _tanh, worth_compiling
from unstuck.training.loop import train_population


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizers", "fields"),
    [
        (("adam",), {"batch_size": 32}),
        (("radam", "nesterov", "adagrad_mean"), {"batch_size": 100}),
        (("momentum",), {"batch_size": "full", "network": {"batchnorm": "before"}}),
    ],
)
def test_it_equals_the_eager_step_to_rounding(make_recipe, dataset, optimizers, fields):
    runs = [
        make_recipe(name, "cosine", updates=30, dtype="float64", **fields).at(0.01, seed)
        for name in optimizers
        for seed in range(2)
    ]
    eager = train_population(runs, dataset)
    graph = train_population(runs, dataset, compile=True)
    for run in runs:
        np.testing.assert_allclose(
            graph.theta[run.run_id], eager.theta[run.run_id], rtol=1e-9, atol=1e-11
        )
        np.testing.assert_allclose(
            graph.buffers[run.run_id], eager.buffers[run.run_id], rtol=1e-9, atol=1e-11
        )


def test_without_a_compiler_it_warns_and_runs_eagerly(make_recipe, dataset, monkeypatch):
    def refuse(*arguments, **named):
        raise RuntimeError("no compiler\nmore")

    monkeypatch.setattr(torch, "compile", refuse)
    run = make_recipe().at(0.01, 0)
    with pytest.warns(UserWarning, match="steps run eagerly, compiling failed: no compiler"):
        result = train_population([run], dataset, compile=True)
    expected = train_population([run], dataset)
    np.testing.assert_array_equal(result.theta[run.run_id], expected.theta[run.run_id])


def test_auto_compiles_where_the_work_repays_it():
    small = worth_compiling("auto", parameters=3000, members=8, updates=100, samples=32)
    large = worth_compiling("auto", parameters=3000, members=100, updates=100_000, samples=32)
    assert (small, large) == (False, True)
    assert worth_compiling(True, 1, 1, 1, 1)
    assert not worth_compiling(False, 10**6, 100, 10**6, 32)


def test_fast_tanh_is_exact_to_float32_and_keeps_nan_and_infinity() -> None:
    x = torch.linspace(-12, 12, 40_001)
    expected = x.double().tanh()
    torch.testing.assert_close(_tanh(x).double(), expected, rtol=4e-7, atol=0)
    assert _tanh(torch.tensor([torch.inf, -torch.inf])).abs() == pytest.approx([1, 1], abs=1e-6)
    assert _tanh(torch.tensor(torch.nan)).isnan()
