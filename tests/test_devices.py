"""Nothing on the CPU by accident: training and curvature on tensors that lie elsewhere.

A build of torch for the CPU has no autograd of CUDA tensors, so what differentiates or decides by
values runs on tensors that say they lie on `meta` and hold their values nevertheless: an operation
on one of these and on a tensor of the CPU is an error, and results are held against the CPU's.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from unstuck.curvature.critical_points.polishing import polish
from unstuck.curvature.critical_points.zeros import symmetry_zeros
from unstuck.curvature.hessian import dense
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra import lanczos, sharpness, spectrum, trace
from unstuck.data.dataset import Dataset, Split
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES
from unstuck.optim.update import UpdateRule
from unstuck.population.foreign import source_digest
from unstuck.population.losses import LOSSES
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.study.endpoints import Endpoints
from unstuck.study.measurements.registry import MEASUREMENTS, measure
from unstuck.study.measurements.stalls import search
from unstuck.study.measurements.stalls.resumed import resume
from unstuck.training.job import train_cells
from unstuck.training.loop import network_of, train_population
from unstuck.training.spec import Cell, Recipe

AWAY = torch.device("meta")
OWN = Path(__file__).parent / "population/nets/own.py"
#: operations that bring a tensor from one device to another
MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
NETWORKS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "dense": ({"hidden": (3, 2)}, (5,)),
    "relu": ({"hidden": (3, 2), "activation": "relu"}, (5,)),
    "batchnorm": ({"hidden": (3,), "batchnorm": "before", "batchnorm_noise": 0.1}, (5,)),
    "conv1d": ({"kind": "conv1d", "hidden": (2,), "batchnorm": "after"}, (2, 6)),
    "conv2d": ({"kind": "conv2d", "hidden": (2,), "activation": "sigmoid"}, (1, 4, 4)),
    "local1d": ({"kind": "local1d", "hidden": (2,), "pool": "flatten"}, (1, 6)),
    "module": (
        {
            **{"kind": "module", "file": str(OWN), "name": "Convolutional"},
            "arguments": {"outputs": 3, "norm": True},
        },
        (1, 4, 4),
    ),
}
CLASSES = 3


class Elsewhere(Tensor):
    """A tensor that says it lies on `meta`, and holds its values."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "Elsewhere":
        made: Elsewhere = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=AWAY,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(
        cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return carried_out(operation, args, kwargs or {})


class Watch(TorchDispatchMode):
    """Sees every operation, those that make tensors from nothing too."""

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return carried_out(operation, args, kwargs or {})


def carried_out(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Do an operation on the values of its tensors, unless they lie in two places."""
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    away = [each for each in tensors if isinstance(each, Elsewhere)]
    # a number may stand beside any tensor
    here = [each for each in tensors if not isinstance(each, Elsewhere) and each.dim()]
    if away and here and operation not in MOVES:
        shapes = [list(each.shape) for each in here]
        raise AssertionError(f"{operation} takes tensors {shapes} of the CPU beside others")
    goes_away = bool(away)
    if operation is MOVES[1]:
        goes_away = isinstance(args[0], Elsewhere)
    if kwargs.get("device") is not None:
        goes_away = torch.device(kwargs["device"]) == AWAY
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if torch.Tag.inplace_view in operation.tags:
        with torch._C._DisableTorchDispatch():
            operation(*args, **kwargs)
    owners = {id(each.held): each for each in away}
    args, kwargs = tree_map(
        lambda each: each.held if isinstance(each, Elsewhere) else each, (args, kwargs)
    )

    def settled(each: Any) -> Any:
        if not isinstance(each, Tensor) or not goes_away:
            return each
        return owners[id(each)] if id(each) in owners else Elsewhere(each)

    return tree_map(settled, operation(*args, **kwargs))


@pytest.fixture
def elsewhere() -> Iterator[None]:
    with Watch():
        yield


def numbers(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def make(name: str) -> tuple[NetworkSpec, tuple[int, ...]]:
    fields, shape = NETWORKS[name]
    return NetworkSpec(**fields), shape


def dataset_of(shape: tuple[int, ...]) -> Dataset:
    random = np.random.default_rng(0)

    def part() -> tuple[Any, Any]:
        return random.normal(size=(24, *shape)).astype(np.float32), random.integers(
            CLASSES, size=24
        )

    splits = {unit: Split(*part(), *part(), *part(), classes=CLASSES) for unit in range(2)}
    shift = {"kind": "shift", "train": [0], "test": [4]}
    return Dataset.of(splits, {"splits": "each", "transforms": [shift]})


def recipe_of(spec: NetworkSpec, **fields: Any) -> Recipe:
    given = {"updates": 4, "evaluations": 2, "batch_size": 8, "dtype": "float64", **fields}
    given.setdefault("optimizer", OPTIMIZERS["sgd"])
    if spec.kind == "module":
        given["source"] = source_digest(spec)
    return Recipe(dataset="d", data="0", network=spec, schedule=SCHEDULES["constant"], **given)


def problem_of(name: str, *, training: bool = True, loss: str = "cross_entropy") -> Problem:
    spec, shape = make(name)
    data = dataset_of(shape)
    network = network_of(recipe_of(spec, loss=loss), data)
    split = data.unit(0)
    buffers = network.initial_buffers()
    return Problem(
        network=network,
        theta=network.initial(0) + 0.1,
        buffers=buffers if len(buffers) else None,
        x=torch.from_numpy(split.x_train),
        y=torch.from_numpy(split.y_train),
        loss=loss,
        weight_decay=0.01,
        training=training,
    )


def test_a_mixture_is_seen(elsewhere: None) -> None:
    there = torch.ones(3, device=AWAY)
    assert float((there * 2).sum()) == 6
    with pytest.raises(AssertionError, match="of the CPU beside others"):
        there + torch.ones(3)


@pytest.mark.parametrize("name", NETWORKS)
def test_training_is_that_of_the_cpu(name: str) -> None:
    spec, shape = make(name)
    data = dataset_of(shape)
    for fields in ({}, {"batch_size": "full", "loss": "softmax_squared_error"}):
        runs = [
            recipe_of(spec, optimizer=OPTIMIZERS[optimizer], **fields).at(0.01, seed)
            for seed, optimizer in enumerate(["adamw", "momentum"])
        ]
        here = train_population(runs, data, engine="torch")
        with Watch():
            there = train_population(runs, data, AWAY, engine="torch")
        for run in runs:
            np.testing.assert_allclose(there.theta[run.run_id], here.theta[run.run_id], rtol=1e-12)
        measured = here.final.select_dtypes("number").columns
        np.testing.assert_allclose(there.final[measured], here.final[measured], rtol=1e-12)


def null_part(problem: Problem) -> torch.Tensor:
    """Give the part of the parameters along known zeros: of a basis, other vectors may be given."""
    zeros = symmetry_zeros(replace(problem, weight_decay=0.0), critical=True)
    return zeros @ (zeros.mT @ problem.theta)


CURVATURE: dict[str, Callable[[Problem], Any]] = {
    "value": Problem.value,
    "logits": Problem.logits,
    "gauss_newton": dense.gauss_newton,
    "product": lambda problem: problem.hessian_product(problem.theta),
    "spectrum": lambda problem: spectrum.spectrum(problem).eigenvalues,
    "largest": lambda problem: (
        lanczos.extreme_eigenpairs(problem, highest=1, generator=np.random.default_rng(0)).values
    ),
    "trace": lambda problem: (
        trace.hutch_plus_plus(problem, probes=9, generator=np.random.default_rng(0)).value
    ),
    "sharpness": lambda problem: sharpness.sam_sharpness(problem, radius=0.05),
    "zeros": null_part,
    "minimum": lambda problem: polish(problem, lbfgs_iterations=2, newton_steps=1).theta,
}


@pytest.mark.parametrize(
    ("name", "training"),
    # of a module the measurements below
    [*((name, True) for name in NETWORKS if name != "module"), ("batchnorm", False)],
)
def test_curvature_is_that_of_the_cpu(name: str, training: bool) -> None:
    loss = "squared_error" if name == "relu" else "cross_entropy"
    here = problem_of(name, training=training, loss=loss)
    with Watch():
        there = replace(here, theta=here.theta.to(AWAY))
        for what, measured in CURVATURE.items():
            found, expected = numbers(measured(there)), numbers(measured(here))
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9, err_msg=what)


def test_stalled_runs_go_on_where_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_STEPS", 2)
    spec, shape = make("dense")
    here = problem_of("dense")
    run = recipe_of(spec).at(0.1, 0)
    (expected,) = resume([run], here.theta.unsqueeze(0), dataset_of(shape), [5])
    with Watch():
        there = replace(here, theta=here.theta.to(AWAY))
        saddle = search.beside_a_saddle(there, seed=0, distance=0.01)
        assert saddle is not None
        assert saddle.theta.device == AWAY
        nearest = [search.nearest_point(each, 1e-8, 10.0)["end_loss"] for each in (here, there)]
        assert nearest[1] == pytest.approx(nearest[0], rel=1e-9)
        (found,) = resume([run], there.theta.unsqueeze(0), dataset_of(shape), [5])
        assert found.device == AWAY
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-10)


SMALL = {
    "dense": NetworkSpec(hidden=(2,), activation="relu"),
    "module": NetworkSpec(
        **{"kind": "module", "file": str(OWN), "name": "Residual"},
        arguments={"inputs": 5, "outputs": CLASSES, "width": 2, "depth": 1},
    ),
}


@pytest.mark.parametrize("network", SMALL)
def test_every_measurement_is_that_of_the_cpu(network: str, tmp_path: Path) -> None:
    decaying = OPTIMIZERS["sgd"].model_copy(update={"l2": 0.01})
    # so slow that it has stalled
    recipe = recipe_of(SMALL[network], optimizer=decaying, evaluations=12, updates=40)
    cell, data = Cell(run=recipe, rate=1e-6, seeds=1), dataset_of((5,))
    train_cells([cell], data).save(tmp_path)
    here, there = (Endpoints.of_job([cell], tmp_path, data, at) for at in ("cpu", AWAY.type))
    groups = [{"options": {}, "units": {cell.key: 1}}]
    for name in MEASUREMENTS:
        expected = measure(name, groups, here, 1e-6, lambda line: None)
        with Watch():
            found = measure(name, groups, there, 1e-6, lambda line: None)
        if name == "audit":
            # bare signs of eigenvalues, and those in float32, are signs of rounding
            found, expected = (
                each.query("dtype == 'float64' and tolerance > 0") for each in (found, expected)
            )
        assert len(expected)
        pd.testing.assert_frame_equal(found, expected, rtol=1e-6, atol=1e-9, obj=name)


# a copy to contiguous memory wants a build for CUDA, which local layers and gradients make
@pytest.mark.parametrize("name", ["dense", "batchnorm", "conv1d", "conv2d"])
def test_outputs_losses_and_updates_stay_on_a_gpu(name: str) -> None:
    spec, shape = make(name)
    network = Network(spec, shape, CLASSES)
    rows = [OPTIMIZERS[optimizer] for optimizer in ("adamw", "momentum", "radam")]
    with FakeTensorMode(), torch.no_grad():
        theta = torch.empty(3, network.parameter_count, device="cuda")
        buffers = torch.empty(3, network.buffer_count, device="cuda")
        x = torch.empty(3, 8, *shape, device="cuda")
        y = torch.zeros(3, 8, dtype=torch.int64, device="cuda")
        outputs = network.forward(theta, x, buffers, True)
        found = [*outputs, *network.loss_and_correct(theta, x, y, "squared_error", buffers, False)]
        found += [LOSSES[loss].value(outputs[0], y) for loss in ("cross_entropy", "squared_error")]
        rule = UpdateRule(rows, network.parameter_count, device="cuda")
        rate, gradient = torch.ones(3, device="cuda"), torch.empty_like(theta)
        rule.step(theta, gradient, rate)
        found += [theta, rule.m, rule.s]
        assert {each.device.type for each in found} == {"cuda"}
