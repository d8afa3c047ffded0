"""Stalled endpoints: when a run has stalled, and what Newton's method finds from there."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from unstuck.curvature.critical_points.polishing import polish
from unstuck.curvature.problem import Problem
from unstuck.data.prepare import prepare
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.statistics.stalling import change_at_end
from unstuck.study.endpoints import Endpoints
from unstuck.study.load import parse_study
from unstuck.study.measurements.registry import measure
from unstuck.study.measurements.stalls import Stalls
from unstuck.study.measurements.stalls.resumed import go_on, resume, slope_and_curvature
from unstuck.study.measurements.stalls.search import Below, beside_a_saddle, nearest_point
from unstuck.study.plan import Plan
from unstuck.training.job import train_cells


def curve(losses):
    return pd.DataFrame({"update": np.linspace(0, 1000, len(losses)), "train_loss": losses})


def test_the_change_is_that_of_the_last_tenth_of_the_budget():
    assert change_at_end(curve([2.0, *[1.0] * 9, 0.99])) == pytest.approx(0.01)
    # with few evaluations the window is longer, never shorter
    assert change_at_end(curve([2.0, 1.5, 1.0, 0.9])) == pytest.approx(0.1)
    shuffled = curve([3.0, 2.0, 1.0, 0.5]).iloc[::-1]
    assert change_at_end(shuffled) == pytest.approx(0.5)
    # what fits perfectly does not change; what diverged is no number
    assert change_at_end(curve([1.0, 0.0, 0.0])) == 0
    assert np.isnan(change_at_end(curve([1.0, np.inf, np.inf])))


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng([0, 8602])
    y = rng.integers(3, size=40)
    x = 2 * rng.standard_normal((3, 4))[y] + rng.standard_normal((40, 4))
    network = Network(NetworkSpec(kind="dense", hidden=(3,), activation="tanh"), (4,), 3)
    return Problem(
        network=network,
        theta=network.initial(0),
        x=torch.from_numpy(x),
        y=torch.from_numpy(y),
        loss="cross_entropy",
        weight_decay=0.01,
    )


def test_beside_a_known_saddle_a_saddle_is_found(problem):
    beside = beside_a_saddle(problem, seed=3, distance=0.01)
    found = nearest_point(beside, 1e-6, radius=math.inf)
    assert found["kind"] == "saddle"
    assert found["negative"] > 0
    assert found["end_gradient_norm"] < 1e-10 < found["start_gradient_norm"]
    assert found["distance"] < 0.05
    assert found["end_loss"] == pytest.approx(
        -np.sum([s * np.log(s) for s in np.bincount(problem.y) / 40]), abs=2e-2
    )


def test_beside_a_minimum_a_minimum_is_found(problem):
    minimum = polish(problem).theta
    moved = problem.at(minimum + 1e-3 * torch.ones_like(minimum))
    found = nearest_point(moved, 1e-6, radius=math.inf)
    assert (found["kind"], found["negative"]) == ("minimum", 0)
    assert found["distance"] == pytest.approx(1e-3 * len(minimum) ** 0.5, rel=0.2)


def test_a_search_that_goes_too_far_finds_none(problem):
    minimum = polish(problem).theta
    moved = problem.at(minimum + 1e-3 * torch.ones_like(minimum))
    found = nearest_point(moved, 1e-6, radius=1e-4)
    assert found["kind"] == "none"
    assert found["distance"] > 1e-4
    assert np.isnan(found["flatness"])


def test_the_minimum_below_is_stored_with_rounding(problem):
    below = Below.of(problem, torch.float32)
    found = below.described()
    assert found["minimum_kind"] == "minimum"
    assert found["minimum_loss"] < problem.value()
    assert below.point.certificate.gradient_norm < 1e-10
    assert 1e-9 < found["minimum_gradient_norm"] < 1e-5
    hessian = torch.autograd.functional.hessian(lambda t: _loss(problem, t), below.point.theta)
    assert below.lambda_max == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]))


def test_a_minimum_below_is_nearby_only_within_the_radius(problem):
    below = Below.of(problem, torch.float32)
    distance = below.point.distance
    assert below.nearby(1.01 * distance)["kind"] == "minimum"
    assert below.nearby(1.01 * distance)["distance"] == distance
    assert below.nearby(0.99 * distance) == {}


def _loss(problem, theta):
    """The loss of a tanh network of one hidden layer, written out."""
    units, outputs = problem.network.spec.hidden[0], 3
    first = theta[: 4 * units].view(problem.network.layout[0].shape)
    biases = theta[4 * units : 5 * units]
    second = theta[5 * units : 5 * units + units * outputs].view(problem.network.layout[2].shape)
    hidden = torch.tanh(problem.x @ _in_out(first, 4) + biases)
    logits = hidden @ _in_out(second, units) + theta[-outputs:]
    decay = 0.5 * problem.weight_decay * theta.square().sum()
    return torch.nn.functional.cross_entropy(logits, problem.y) + decay


def _in_out(weights, inputs):
    return weights if weights.shape[0] == inputs else weights.T


def test_slope_and_curvature_of_a_quadratic_direction(problem):
    described = slope_and_curvature(problem, batch=10)
    gradient = problem.gradient()
    step = 1e-5 * gradient
    ahead, behind = (problem.at(problem.theta + s * step).value() for s in (1, -1))
    second = (ahead - 2 * problem.value() + behind) / float(step @ step)
    assert described["curvature_along_gradient"] == pytest.approx(second, rel=1e-3)
    parts = [slice(i, i + 10) for i in range(0, 40, 10)]
    each = [
        replace(problem, x=problem.x[part], y=problem.y[part]).gradient() - gradient
        for part in parts
    ]
    noise = np.mean([float(e @ e) for e in each]) / float(gradient @ gradient)
    assert described["batch_noise"] == pytest.approx(noise)
    assert slope_and_curvature(problem, batch=40)["batch_noise"] == 0


def test_only_tanh_networks_have_the_known_saddle(problem):
    network = Network(NetworkSpec(hidden=(3,), activation="relu"), (4,), 3)
    other = Problem(
        network=network, theta=network.initial(0), x=problem.x, y=problem.y, loss="cross_entropy"
    )
    assert beside_a_saddle(other, seed=0, distance=0.1) is None


def planned(config, **experiment):
    """The plan of an experiment on 64 digits, its one job and its dataset."""
    config["datasets"]["digits"] |= {"train": 64, "pca": 3}
    same = {"dataset": "digits", "network": "small", "lr": 1.0, "weight_decay": 0.02}
    config["experiments"] = {"stalled": same | {"evaluations": 10, "seeds": 2} | experiment}
    config["execution"] = {"split_by": ["dataset"]}
    study = parse_study(config)
    plan = Plan(study)
    (job,) = plan.jobs.values()
    return plan, job, prepare(study.datasets["digits"], plan.split_units("digits"))


def test_the_table_of_a_job(config, tmp_path: Path):
    plan, job, dataset = planned(
        config,
        batch_size="full",
        schedule=["constant", "cosine"],
        updates=120,
        stalls=[{"where": {"schedule": "cosine"}, "seeds": 2}],
    )
    assert "stalled.stalls" in plan.tables
    train_cells(job.cells, dataset).save(tmp_path)
    endpoints = Endpoints.of_job(job.cells, tmp_path, dataset)
    groups = plan.measured("stalls")[job.name]
    table = measure("stalls", groups, endpoints, 1e-6, lambda line: None)
    assert list(table["origin"]) == ["endpoint", "known saddle", "known minimum"] * 2
    assert set(table["schedule"]) == {"cosine"}
    assert table["stalled"].all()
    assert set(table.columns) == {*endpoints.rows.columns, *Stalls.columns}
    assert (table["path"] > 0.5).all()
    known = table[table["origin"] == "known saddle"]
    assert set(known["kind"]) == {"saddle"}
    # weight decay moves the saddle a little from where the search starts
    assert (known["distance"] < 0.02 * known["path"]).all()
    assert set(table["kind"]) <= {"saddle", "minimum", "gradient-flat", "none"}
    ends = table[table["origin"] == "endpoint"]
    assert set(ends["minimum_kind"]) == {"minimum"}
    # set down at a minimum, a run stays as near to it as float32 allows
    assert (ends["arrived_gradient_norm"] < 10 * ends["minimum_gradient_norm"]).all()
    assert (ends["start_gradient_norm"] > 100 * ends["minimum_gradient_norm"]).all()
    # a rate that is annealed leaves nothing to cut
    assert table["loss_cut"].isna().all()


@pytest.fixture
def bouncing(config):
    """A job of runs by full and by small batches at a large rate, and its dataset."""
    _, job, dataset = planned(config, batch_size=["full", 16], updates=100, stalls=[{"seeds": 2}])
    return job, dataset


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(bouncing):
    job, dataset = bouncing
    (recipe,) = (cell.run for cell in job.cells if cell.run.batch_size == "full")
    runs = [recipe.at(0.3, seed) for seed in (0, 1)]
    network = Network(recipe.network, dataset.input_shape, dataset.classes)
    start = torch.stack([network.initial(seed) for seed in (0, 1)])
    before, whole = resume(runs, start, dataset, [5, 9])
    (rest,) = resume(runs, before, dataset, [4])
    assert torch.equal(rest, whole)


def test_runs_that_go_on_differ_by_rate_only(bouncing, tmp_path):
    job, dataset = bouncing
    train_cells(job.cells, dataset).save(tmp_path)
    ends = Endpoints.of_job(job.cells, tmp_path, dataset)
    by_cell: dict = {}
    for row, problem in ends.problems(lambda line: None):
        by_cell.setdefault(row["cell"], []).append((row, problem))
    for cell in job.cells:
        rows, problems = zip(*by_cell[cell.key], strict=True)
        for problem, found in zip(problems, go_on(cell.run, rows, problems, dataset), strict=True):
            run = cell.run.at(rows[0]["lr"], 0)
            if problem is problems[0]:
                (end,) = resume([run], problem.theta[None], dataset, [10])
                assert found["loss_same"] == problem.at(end[0]).value()
            assert found["loss_cut"] != found["loss_same"]
            assert -1 <= found["cosine"] <= 1
