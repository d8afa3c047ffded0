"""What an analysis says of a unit: on the unit's own split, whatever other units there are."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from unstuck.data.dataset import Dataset, Split
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

UNITS = (5, 6, 7)
DENSE = {"hidden": [4]}
#: an analysis of each kind that has a network a unit, and its tables with a row or more for each
KINDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "critical_search": (
        {"widths": [1, 2], "samples": 32, "certified": 1, "searches": 2, "updates": 9},
        ["searches"],
    ),
    "early_sigma": ({"network": DENSE, "at": [2, 5], "orders": 4}, ["sigma"]),
    "effective_rates": (
        {"network": DENSE, "rates": {"adam": 0.01}, "updates": 20, "samples": 32},
        ["coordinates"],
    ),
    "gradient_noise": (
        {"network": DENSE, "points": [0, 5], "train_batch_size": 16, "batch_sizes": [1, 4, 16]},
        ["variance"],
    ),
    "ladder": ({"widths": [2], "samples": 32, "descents": 3, "max_updates": 50}, ["points"]),
    "running_averages": (
        {"network": DENSE | {"batchnorm": "before"}, "batch_sizes": [16], "updates": [5]},
        ["scores"],
    ),
    "smoothness": (
        {"network": DENSE, "depths": [2], "samples": 32, "batch_size": 16, "updates": [0, 5]},
        ["path"],
    ),
    "twins": (
        {
            "cases": {"one": {"dataset": "toy", "network": DENSE}},
            "shared": {"map": {"dataset": "toy", "network": {"kind": "conv1d", "hidden": [2]}}},
            "updates": 8,
        },
        ["pairs"],
    ),
}


def split(unit: int) -> Split:
    rng = np.random.default_rng(unit)
    y = rng.integers(3, size=96)
    x = (rng.standard_normal((3, 5))[y] + rng.standard_normal((96, 5))).astype(np.float32)
    x = x[:, None]  # a series of one channel
    return Split(x[:64], y[:64], x[64:80], y[64:80], x[80:], y[80:], classes=3)


def run(kind: str, splits: dict[int, Split], first: int, seeds: int) -> dict[str, pd.DataFrame]:
    given, names = KINDS[kind]
    data = {} if kind == "twins" else {"datasets": ["toy"]}
    analysis = parse_analysis({"kind": kind, "seeds": seeds} | data | given)
    assert analysis.units == seeds
    toy = Dataset.of(splits)
    tables = analysis.run(Context({"toy": toy}, {}, "cpu", 1, lambda line: None, first))
    return {name: _of_the_data(tables[name]) for name in names}


def _of_the_data(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out what is measured on no dataset or on another unit, and arrays."""
    table = table[table["dataset"] == "toy"].drop(columns="other_curvature", errors="ignore")
    return table.select_dtypes("number")


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_is_measured_on_its_own_split_alone_and_among_others(kind: str) -> None:
    splits = {unit: split(unit) for unit in UNITS}
    among = run(kind, splits, first=UNITS[0], seeds=len(UNITS))
    alone = run(kind, {6: splits[6]}, first=6, seeds=1)
    # the same seed on the samples of another unit is something else
    other = run(kind, {6: splits[7]}, first=6, seeds=1)
    for name, table in alone.items():
        assert sorted(set(among[name]["seed"])) == list(UNITS)
        own = among[name][among[name]["seed"] == 6].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, table.reset_index(drop=True), rtol=1e-4, atol=1e-6)
        assert not own.equals(other[name].reset_index(drop=True))
