"""Running averages beside training, as an analysis on tiny data."""

import numpy as np
import pytest
from pydantic import ValidationError

from unstuck.data.dataset import Dataset, Split
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis
from unstuck.study.analyses.normalisation.running_averages import RunningAveragesAnalysis
from unstuck.training.loop import train_population
from unstuck.training.spec import Recipe

NETWORK = {"hidden": [4], "batchnorm": "before"}
UPDATES, SEEDS, SIZE, RATE = 12, 2, 16, 0.3


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng([0, 7506])
    y = rng.integers(3, size=64)
    x = (rng.standard_normal((64, 6)) + y[:, None]).astype(np.float32)
    return Dataset.of(
        {0: Split(x, y, x[:16], y[:16], x[:48], y[:48], classes=3)}, {"splits": "one"}
    )


@pytest.fixture(scope="module")
def scores(data):
    analysis = parse_analysis(
        {
            "kind": "running_averages",
            "datasets": ["blobs"],
            "network": NETWORK,
            "lr": RATE,
            "batch_sizes": [SIZE],
            "momenta": [0.0, 0.9],
            "updates": [1, UPDATES],
            "seeds": SEEDS,
        }
    )
    assert analysis.dataset_names == ("blobs",)
    return analysis.run(Context({"blobs": data}, {}, "cpu", 1, lambda text: None))["scores"]


def test_every_kind_is_tested_at_every_stop(scores):
    assert len(scores) == 2 * SEEDS * (2 + 2)
    assert set(scores["update"]) == {1, UPDATES}
    assert np.isfinite(scores["loss"]).all()
    assert scores["accuracy"].between(0, 1).all()


def test_scores_are_those_of_the_training_loop(data, scores):
    """torch's momentum of 0.1 is the notes' p of 0.9."""
    run = Recipe(
        dataset="blobs",
        data="",
        network=NetworkSpec(**NETWORK, batchnorm_momentum=0.1),
        optimizer=OPTIMIZERS["sgd"],
        schedule=SCHEDULES["constant"],
        batch_size=SIZE,
        updates=UPDATES,
        evaluations=1,
    )
    runs = [run.at(RATE, seed) for seed in range(SEEDS)]
    final = train_population(runs, data).final.set_index("run_id")
    chosen = scores[(scores["update"] == UPDATES) & np.isclose(scores["momentum"], 0.9)]
    for each in runs:
        ours = chosen[chosen["seed"] == each.seed].iloc[0]
        assert ours["loss"] == pytest.approx(final.loc[each.run_id, "test_loss"], rel=1e-4)
        assert ours["accuracy"] == pytest.approx(final.loc[each.run_id, "test_accuracy"], abs=0.03)


def test_a_network_without_statistics_is_refused():
    with pytest.raises(ValidationError, match="batchnorm is off"):
        RunningAveragesAnalysis.model_validate({"datasets": ["a"], "network": {"hidden": [4]}})
