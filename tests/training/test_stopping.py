"""Runs that stop at a training loss."""

import math

import numpy as np
import pandas as pd
import pytest

from unstuck.training.checkpoint import Checkpoint
from unstuck.training.job import train_cells
from unstuck.training.loop import train_population
from unstuck.training.spec import Cell, Tune
from unstuck.training.tuning import score

TARGET = 0.4


@pytest.fixture
def recipe(make_recipe):
    return make_recipe("adam", batch_size=16, updates=200, evaluations=5, stop_loss=TARGET)


def assert_same(mine, theirs, run_id):
    for table in ("curves", "final"):
        tables = [getattr(each, table) for each in (mine, theirs)]
        rows = [each[each["run_id"] == run_id].reset_index(drop=True) for each in tables]
        pd.testing.assert_frame_equal(*rows, check_exact=True)
    assert mine.theta[run_id].tobytes() == theirs.theta[run_id].tobytes()


def test_a_run_ends_at_the_first_look_below_the_target(recipe, dataset):
    run = recipe.at(0.01, 0)
    stopped = train_population([run], dataset).final.iloc[0]
    assert 0 < stopped["stopped_at"] == stopped["updates"] < 200
    assert stopped["train_loss"] <= TARGET
    # the same run, ended by its budget there and one look earlier
    for updates, below in ((stopped["updates"], True), (stopped["updates"] - 4, False)):
        budget = recipe.model_copy(update={"stop_loss": None, "updates": int(updates)})
        ended = train_population([budget.at(0.01, 0)], dataset)
        loss = ended.final["train_loss"].iloc[0]
        assert (loss <= TARGET) == below
        if below:
            assert loss == pytest.approx(stopped["train_loss"], rel=1e-6)
            assert ended.final["test_accuracy"].iloc[0] == stopped["test_accuracy"]


def test_the_curve_ends_at_the_stop(recipe, dataset):
    done = train_population([recipe.at(0.01, 0)], dataset)
    stop, curve = done.final["stopped_at"].iloc[0], done.curves
    assert list(curve["update"]) == [*range(0, int(stop), 40), stop]
    assert curve["train_loss"].iloc[-1] == done.final["train_loss"].iloc[0]
    assert not curve.drop(columns="update_norm").isna().any(axis=None)


def test_a_run_is_the_same_alone_and_among_others(recipe, dataset):
    rates = (1e-5, 0.003, 0.01, 0.03, 1e9)  # never there, at several times, and diverging
    runs = [recipe.at(rate, seed) for rate in rates for seed in (0, 1)]
    among = train_population(runs, dataset)
    ends = among.final.set_index("run_id")["stopped_at"]
    assert ends[[run.run_id for run in runs[:2]]].isna().all()
    assert len(set(ends[[run.run_id for run in runs[2:8]]])) > 2
    for run in runs:
        assert_same(train_population([run], dataset), among, run.run_id)


def test_a_run_that_never_arrives_uses_its_budget(recipe, dataset):
    final = train_population([recipe.at(1e-6, 0)], dataset).final.iloc[0]
    assert math.isnan(final["stopped_at"])
    assert final["updates"] == 200
    assert final["train_loss"] > TARGET


def test_it_goes_on_from_a_checkpoint_to_the_same_bytes(recipe, dataset, tmp_path):
    runs = [recipe.at(rate, seed) for rate in (0.001, 0.01, 0.03) for seed in (0, 1)]
    whole = train_population(runs, dataset)
    first = int(whole.final["stopped_at"].min())
    path, made = tmp_path / "population.safetensors", 0

    def stop(updates):
        nonlocal made
        made += updates
        if made > first + 8:  # some have stopped
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_population(runs, dataset, checkpoint=Checkpoint(path, seconds=0), advanced=stop)
    after = []
    resumed = train_population(
        runs, dataset, checkpoint=Checkpoint(path, seconds=0), advanced=after.append
    )
    assert after[0] >= first, "it started anew"
    assert sum(after) == 200
    for run in runs:
        assert_same(resumed, whole, run.run_id)


def test_batch_normalisation_stops_with_its_statistics(make_recipe, dataset):
    fields = {"batch_size": 16, "updates": 200, "stop_loss": TARGET}
    run = make_recipe("adam", network={"batchnorm": "before"}, **fields).at(0.01, 0)
    done = train_population([run], dataset)
    among = train_population([run, run.model_copy(update={"lr": 1e-5})], dataset)
    assert done.final["train_loss"].iloc[0] <= TARGET
    assert done.buffers[run.run_id].tobytes() == among.buffers[run.run_id].tobytes()


def test_a_rate_that_does_not_arrive_ranks_last():
    tune = Tune(rates=(0.1,), by="validation_accuracy")
    row = {"validation_accuracy": 0.9, "diverged_at": math.nan, "stopped_at": math.nan}
    assert score(tune, row) == -0.9
    assert score(tune, row, stop_loss=0.1) == math.inf
    assert score(tune, row | {"stopped_at": 7.0}, stop_loss=0.1) == -0.9


def test_a_cell_is_tuned_among_rates_that_arrive(recipe, dataset):
    cell = Cell(run=recipe, rate=Tune(rates=(1e-6, 0.003, 0.01, 1e9)), seeds=2)
    runs = train_cells([cell], dataset).runs
    assert set(runs.loc[runs["chosen"], "lr"]) <= {0.003, 0.01}
    assert np.isfinite(runs.loc[runs["chosen"], "stopped_at"]).all()


def test_left_out_it_changes_no_identity(make_recipe):
    assert make_recipe(stop_loss=None).digest == make_recipe().digest
    assert make_recipe(stop_loss=0.1).digest != make_recipe().digest
