"""The analysis of departures: rows, and what bad input gets."""

import numpy as np
import pytest

from unstuck.data.dataset import Dataset, Split
from unstuck.errors import ConfigError, DataError
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

GIVEN = {
    "kind": "departures",
    "datasets": ["toy"],
    "samples": 64,
    "width": 2,
    "rung": 1,
    "cases": [[0, 1.9], [0.9, 1.9]],
    "max_updates": 3000,
}


@pytest.fixture(scope="module")
def context():
    rng = np.random.default_rng(0)
    y = np.arange(96) % 3
    x = (rng.normal(size=(96, 4)) + 1.5 * np.eye(3, 4)[y]).astype(np.float32)
    dataset = Dataset.of({0: Split(x, y, x, y, x, y, classes=3)}, {"splits": "one"})
    bare = Context({"toy": dataset}, {}, "cpu", 1, lambda text: None)
    ladder = parse_analysis(
        {"kind": "ladder", "datasets": ["toy"], "widths": [2], "samples": 64, "seeds": 2}
        | {"max_updates": 20}
    )
    points = ladder.run(bare)["points"]
    return Context({"toy": dataset}, {"ladder.points": points}, "cpu", 1, lambda text: None)


def test_momentum_leaves_saddles_sooner_at_the_same_rate(context):
    analysis = parse_analysis(GIVEN)
    assert analysis.reads == ("ladder.points",)
    times = analysis.run(context)["times"]
    assert len(times) == 2 * 3
    first = times[times["start"] == "first"].pivot(
        index="seed", columns="momentum", values="updates"
    )
    assert (first[0.9] < first[0.0]).all()


def test_samples_of_another_ladder_are_refused(context):
    with pytest.raises(DataError, match="give the samples that the ladder was made with"):
        parse_analysis(GIVEN | {"samples": 32}).run(context)


def test_a_rung_that_the_ladder_lacks_is_named(context):
    with pytest.raises(ConfigError, match="no certified saddle of 1 units in a width of 9 on toy"):
        parse_analysis(GIVEN | {"width": 9}).run(context)
