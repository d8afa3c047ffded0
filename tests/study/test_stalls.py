"""Stalled endpoints: when a run has stalled, and what Newton's method finds from there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from unstuck.curvature.critical import polish
from unstuck.curvature.problem import Problem
from unstuck.data.prepare import prepare
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec
from unstuck.study.endpoints import MEASUREMENTS, Endpoints
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.study.stalls import beside_a_saddle, change_at_end, nearest_point
from unstuck.training.job import train_cells


def curve(losses):
    return pd.DataFrame({"update": np.linspace(0, 1000, len(losses)), "train_loss": losses})


def test_the_change_is_that_of_the_last_tenth_of_the_budget():
    assert change_at_end(curve([2.0, *[1.0] * 9, 0.99])) == pytest.approx(0.01)
    # with few evaluations the window is longer, never shorter
    assert change_at_end(curve([2.0, 1.5, 1.0, 0.9])) == pytest.approx(0.1)
    shuffled = curve([3.0, 2.0, 1.0, 0.5]).iloc[::-1]
    assert change_at_end(shuffled) == pytest.approx(0.5)


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
    found = nearest_point(beside, 1e-6)
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
    found = nearest_point(moved, 1e-6)
    assert (found["kind"], found["negative"]) == ("minimum", 0)
    assert found["distance"] == pytest.approx(1e-3 * len(minimum) ** 0.5, rel=0.2)


def test_only_tanh_networks_have_the_known_saddle(problem):
    network = Network(NetworkSpec(hidden=(3,), activation="relu"), (4,), 3)
    other = Problem(
        network=network, theta=network.initial(0), x=problem.x, y=problem.y, loss="cross_entropy"
    )
    assert beside_a_saddle(other, seed=0, distance=0.1) is None


def test_the_table_of_a_job(config, tmp_path: Path):
    config["datasets"]["digits"] |= {"train": 64, "pca": 3}
    config["experiments"] = {
        "stalled": {
            "dataset": "digits",
            "network": "small",
            "batch_size": "full",
            "schedule": ["constant", "cosine"],
            "lr": 1.0,
            "weight_decay": 0.02,
            "updates": 120,
            "evaluations": 10,
            "seeds": 2,
            "stalls": [{"where": {"schedule": "cosine"}, "seeds": 2}],
        }
    }
    study = parse_study(config)
    plan = Plan(study)
    assert "stalled.stalls" in plan.tables
    (job,) = plan.jobs.values()
    dataset = prepare(study.datasets["digits"], None)
    train_cells(job.cells, dataset).save(tmp_path)
    endpoints = Endpoints.of_job(
        job.cells, tmp_path, dataset, seeds=plan.measured("stalls")[job.name]
    )
    table = MEASUREMENTS["stalls"](endpoints, tolerance=1e-6, progress=lambda line: None)
    assert list(table["origin"]) == ["endpoint", "known saddle"] * 2
    assert set(table["schedule"]) == {"cosine"}
    assert table["stalled"].all()
    assert (table["path"] > 0.5).all()
    known = table[table["origin"] == "known saddle"]
    assert set(known["kind"]) == {"saddle"}
    # weight decay moves the saddle a little from where the search starts
    assert (known["distance"] < 0.02 * known["path"]).all()
    assert set(table["kind"]) <= {"saddle", "minimum", "gradient-flat", "none"}
