"""Rates chosen by how soon runs arrive at a target."""

import math

import numpy as np
import pandas as pd
import pytest

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.statistics.arrival import arrivals
from unstuck.training.job import train_cells
from unstuck.training.spec import Cell, Recipe, Tune
from unstuck.training.tuning import score

CURVES = pd.DataFrame(
    {
        "run_id": ["a"] * 4 + ["b"] * 4,
        "update": [0, 5, 10, 15] * 2,
        "train_accuracy": [0.1, 0.6, 0.4, 0.7, 0.1, 0.2, 0.3, 0.4],
        "train_loss": [2.3, 1.0, 1.2, 0.8, 2.3, math.inf, math.inf, math.inf],
    }
)
SOUND = {"updates": 15, "train_accuracy": 0.4, "diverged_at": math.nan}


def test_arrival_is_the_first_measurement_at_the_target():
    assert arrivals(CURVES, "updates_to_accuracy", 0.5).to_dict() == pytest.approx(
        {"a": 5.0, "b": math.nan}, nan_ok=True
    )
    assert arrivals(CURVES, "updates_to_loss", 1.0)["a"] == 5.0
    assert math.isnan(arrivals(CURVES, "updates_to_loss", 1.0)["b"])


def test_a_run_that_does_not_arrive_counts_its_budget_and_is_ranked_by_its_end():
    tune = Tune(rates=(0.1, 1.0), by="updates_to_accuracy", target=0.5)
    assert score(tune, SOUND, 12.0) == math.log(12)
    assert score(tune, SOUND, 0.0) == 0
    assert score(tune, SOUND) == pytest.approx(math.log(15), abs=1e-6)
    # far from what one unit that arrives an update earlier is worth
    assert 0 < score(tune, SOUND | {"train_accuracy": 0.3}) - score(tune, SOUND) < 1e-6
    assert score(tune, SOUND | {"diverged_at": 12.0}, 5.0) == math.inf


@pytest.mark.parametrize("fields", [{"by": "updates_to_loss"}, {"target": 0.9}])
def test_a_target_and_its_criterion_go_together(fields):
    with pytest.raises(ValueError, match="give both or neither"):
        Tune(rates=(0.1,), **fields)


def test_the_rate_that_arrives_first_is_chosen():
    data = prepare(
        DatasetSpec(source="digits", train=96, validation=16, test=32, splits="one"), (0,)
    )
    recipe = Recipe.model_validate(
        {"dataset": "digits", "data": "0", "network": {"hidden": [8]}, "optimizer": {}}
        | {"schedule": {}, "batch_size": 16, "updates": 60, "evaluations": 30}
    )
    tune = Tune(rates=(0.001, 0.1, 0.5), by="updates_to_accuracy", target=0.8, extensions=0)
    runs = train_cells([Cell(run=recipe, rate=tune, seeds=2)], data)
    arrived = runs.runs["run_id"].map(arrivals(runs.curves, tune.by, 0.8))
    counted = np.log(arrived.fillna(60)).groupby(runs.runs["lr"]).mean()
    # measured on the way, so that those that arrive are told apart
    assert counted.nunique() >= 2
    assert counted.min() < math.log(60)
    assert set(runs.runs.loc[runs.runs["chosen"], "lr"]) == {counted.idxmin()}
    np.testing.assert_allclose(runs.rates.set_index("lr")["score"], counted, atol=1e-6)
