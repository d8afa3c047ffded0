"""Spectra and audits of endpoints, against the curvature of a network written out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from unstuck.data.prepare import prepare
from unstuck.files import write_parquet
from unstuck.study.endpoints import Endpoints
from unstuck.study.load import parse_study
from unstuck.study.measurements import registry
from unstuck.study.measurements.audit import FEW
from unstuck.study.measurements.registry import MEASUREMENTS, measure
from unstuck.study.plan import Plan
from unstuck.study.tables import collect
from unstuck.training.job import train_cells

INPUTS, HIDDEN, CLASSES = 8, 20, 10


@pytest.fixture
def endpoints(config, tmp_path: Path):
    """The plan of two runs of a small network that were trained for a while, and their ends."""
    config["datasets"]["digits"] |= {"train": 96, "pca": INPUTS}
    config["networks"]["small"] = {"kind": "dense", "hidden": [HIDDEN], "activation": "tanh"}
    chosen = [{"seeds": 2}]
    config["experiments"] = {
        "grid": {
            "dataset": "digits",
            "network": "small",
            "batch_size": "full",
            "lr": 0.5,
            "updates": 80,
            "evaluations": 2,
            "seeds": 2,
            "spectra": chosen,
            "audit": chosen,
        }
    }
    study = parse_study(config)
    plan = Plan(study)
    (job,) = plan.jobs.values()
    dataset = prepare(study.datasets["digits"], plan.split_units("digits"))
    train_cells(job.cells, dataset).save(tmp_path)
    return plan, Endpoints.of_job(job.cells, tmp_path, dataset)


def measured(endpoints, kind):
    plan, given = endpoints
    (groups,) = plan.measured(kind).values()
    return measure(kind, groups, given, 1e-6, lambda line: None)


def outputs(theta, x):
    sizes = [INPUTS * HIDDEN, HIDDEN, HIDDEN * CLASSES, CLASSES]
    first, biases, second, last = torch.split(theta, sizes)
    hidden = torch.tanh(x @ first.reshape(INPUTS, HIDDEN) + biases)
    return hidden @ second.reshape(HIDDEN, CLASSES) + last


def gauss_newton(theta, x):
    """Sum of J^T (diag p - p p^T) J over the samples, divided by their number."""
    total = torch.zeros(len(theta), len(theta), dtype=torch.float64)
    for sample in x:
        jacobian = torch.autograd.functional.jacobian(lambda t, s=sample: outputs(t, s), theta)
        p = outputs(theta, sample).softmax(0)
        total += jacobian.T @ (torch.diag(p) - torch.outer(p, p)) @ jacobian
    return total / len(x)


def ends(endpoints):
    _, endpoints = endpoints
    for run_id, seed in zip(endpoints.rows["run_id"], endpoints.rows["seed"], strict=True):
        split = endpoints.dataset.unit(seed)
        x, y = torch.from_numpy(split.x_train).double(), torch.from_numpy(split.y_train)
        yield run_id, torch.from_numpy(endpoints.theta[run_id]).double(), x, y


def test_spectra_are_those_of_the_loss_written_out(endpoints):
    table = measured(endpoints, "spectra").set_index("run_id")
    assert len(table) == 2
    for run_id, theta, x, y in ends(endpoints):

        def loss(t, x=x, y=y):
            return torch.nn.functional.cross_entropy(outputs(t, x), y)

        values = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta)).numpy()
        row = table.loc[run_id]
        np.testing.assert_allclose(row["eigenvalues"], values, atol=1e-12)
        assert row["positive"] == (values > 1e-6 * np.abs(values).max()).sum()
        assert row["train_loss"] == pytest.approx(float(loss(theta)), rel=1e-12)
        for column, tolerance in (("down", 1e-6), ("down_finer", 1e-8), ("down_coarser", 1e-4)):
            curved = values[np.abs(values) > tolerance * np.abs(values).max()]
            assert row[column] == pytest.approx((curved < 0).mean())


def test_the_matrix_of_few_samples_has_a_low_rank_and_signs_of_rounding(endpoints):
    table = measured(endpoints, "audit")
    few = table[table["matrix"] == f"gauss_newton of {FEW} samples"]
    count = few.set_index(["run_id", "dtype", "tolerance"])
    for run_id, theta, x, _ in ends(endpoints):
        values = torch.linalg.eigvalsh(gauss_newton(theta, x[:FEW])).numpy()
        positive = (values > 1e-6 * values.max()).sum()
        assert positive <= FEW * (CLASSES - 1) < len(theta)
        row = count.loc[(run_id, "float64", 1e-6)]
        assert (row["positive"], row["negative"]) == (positive, 0)
        assert row["size"] == len(theta)
        # a positive semidefinite matrix has no negative eigenvalue but by rounding
        assert count.loc[(run_id, "float32", 0.0)]["negative"] > 0


def test_the_whole_matrix_of_gauss_newton_is_that_written_out(endpoints):
    table = measured(endpoints, "audit")
    whole = table[(table["matrix"] == "gauss_newton") & (table["dtype"] == "float64")]
    count = whole.set_index(["run_id", "tolerance"])
    for run_id, theta, x, _ in ends(endpoints):
        values = torch.linalg.eigvalsh(gauss_newton(theta, x)).numpy()
        for tolerance in (1e-8, 1e-4):
            expected = (values > tolerance * values.max()).sum()
            assert count.loc[(run_id, tolerance)]["positive"] == expected


@pytest.mark.parametrize("kind", ["spectra", "audit"])
def test_a_table_has_the_columns_that_its_plan_says(endpoints, kind):
    plan, _ = endpoints
    assert list(measured(endpoints, kind).columns) == list(plan.columns_of(f"grid.{kind}"))


@pytest.mark.parametrize("kind", MEASUREMENTS)
def test_where_nothing_is_left_to_measure_the_columns_are_there(endpoints, kind):
    _, given = endpoints
    groups = [{"options": {}, "units": {cell: 2 for cell in given.cells}}]
    lost = replace(given, rows=given.rows[:0])
    table = measure(kind, groups, lost, 1e-6, lambda line: None)
    assert table.empty
    assert {*given.rows.columns, *MEASUREMENTS[kind].columns} == set(table.columns)


def test_only_the_first_units_and_only_stalled_runs_are_measured_where_asked(endpoints):
    _, given = endpoints
    units = {cell: 1 for cell in given.cells}
    assert given.of(units).rows["seed"].tolist() == [0]
    assert given.of(units, stalled=True).rows.empty
    at_rest = given.curves.assign(train_loss=1.0)
    assert len(replace(given, curves=at_rest).of(units, stalled=True).rows) == 1


def test_every_module_of_the_folder_is_a_measurement():
    folder = Path(registry.__file__).parent
    held = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert held - {"__init__", "__pycache__", "base", "registry"} == set(MEASUREMENTS)
    for name in MEASUREMENTS:
        assert list(folder.parents[1].glob(registry.module_of(name)))


@pytest.mark.parametrize(("rates", "left"), [([1e8], 0), ([0.01, 1e8], 1)])
def test_runs_that_diverged_have_no_endpoint_and_a_table_has_its_columns(
    config, tmp_path, rates, left
):
    config["datasets"]["digits"] |= {"pca": INPUTS}
    same = {"dataset": "digits", "network": "small", "loss": "squared_error", "activation": "relu"}
    measured_so = {"spectra": [{}], "sharpness": [{}], "stalls": [{}]}
    config["experiments"] = {
        "grid": same | {"lr": rates, "updates": 20, "evaluations": 2, "seeds": 1} | measured_so
    }
    config["execution"] = {"split_by": []}
    plan = Plan(parse_study(config))
    (job,) = plan.jobs.values()
    dataset = prepare(plan.study.datasets["digits"], [0])
    train_cells(job.cells, dataset).save(tmp_path)
    given = Endpoints.of_job(job.cells, tmp_path, dataset)
    to = tmp_path / "all.parquet", tmp_path / "all.csv"
    for kind in measured_so:
        groups = plan.measured(kind)[job.name]
        table = measure(kind, groups, given, 1e-6, lambda line: None)
        write_parquet(tmp_path / "part.parquet", table)
        collect([tmp_path / "part.parquet"], plan.wanted("grid", kind), *to)
        found = pd.read_parquet(to[0])
        assert list(found.columns) == list(plan.columns_of(f"grid.{kind}"))
        assert found["run_id"].nunique() == left
    collect([tmp_path / "runs.parquet"], plan.wanted("grid", "runs"), *to)
    runs = pd.read_parquet(to[0])
    assert runs["diverged_at"].notna().sum() == len(rates) - left


@pytest.mark.parametrize(
    "fields",
    [{"hidden": []}, {"hidden": [4], "activation": "relu"}, {"hidden": [4], "activation": "tanh"}],
)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_every_measurement_takes_a_network_of_zeros(config, tmp_path, fields, loss):
    """Whose hidden units are dead, so that nearly all of its Hessian is 0."""
    kinds = ["spectra", "sharpness", "stalls", "audit"]
    config["datasets"]["digits"] |= {"train": 64, "pca": 4}
    config["networks"]["small"] = fields
    same = {"dataset": "digits", "network": "small", "loss": loss, "lr": 1e-9, "updates": 12}
    many = {"evaluations": 12, "seeds": 1, **{kind: [{}] for kind in kinds}}
    config["experiments"] = {"grid": same | many}
    plan = Plan(parse_study(config))
    (job,) = plan.jobs.values()
    dataset = prepare(plan.study.datasets["digits"], [0])
    train_cells(job.cells, dataset).save(tmp_path)
    trained = Endpoints.of_job(job.cells, tmp_path, dataset)
    dead = replace(trained, theta={name: 0 * each for name, each in trained.theta.items()})
    for kind in kinds:
        table = measured((plan, dead), kind)
        assert len(table), kind
        assert not {"negative", "zero"} <= {*table} or (table["zero"] >= 0).all()
    assert measured((plan, dead), "stalls")["stalled"].all()


def test_where_the_loss_is_flat_sharpness_is_zero(config, tmp_path):
    config["datasets"]["digits"] |= {"train": 64, "pca": INPUTS}
    config["networks"]["small"] = {"hidden": []}
    same = {"dataset": "digits", "network": "small", "lr": 10000.0, "updates": 60}
    config["experiments"] = {
        "grid": same | {"evaluations": 1, "seeds": 1, "sharpness": [{}], "spectra": [{}]}
    }
    plan = Plan(parse_study(config))
    (job,) = plan.jobs.values()
    dataset = prepare(plan.study.datasets["digits"], [0])
    train_cells(job.cells, dataset).save(tmp_path)
    given = plan, Endpoints.of_job(job.cells, tmp_path, dataset)
    for kind in ("spectra", "sharpness"):
        assert measured(given, kind)[["lambda_max", "trace"]].abs().max(axis=None) < 1e-100
