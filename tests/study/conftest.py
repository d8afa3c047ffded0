"""A small study as plain values, to be bent by each test; tables are what is said of them."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest

from unstuck.described import described
from unstuck.study.analyses.kinds import KINDS

Tables = dict[str, pd.DataFrame]
#: columns of surfaces with two coordinates
OF_TWO = {"y", "end_y"}


def held(run: Callable[..., Tables]) -> Callable[..., Tables]:
    """An analysis whose tables must have the columns that its docstring describes."""

    @functools.wraps(run)
    def made(*given: Any, **named: Any) -> Tables:
        tables = run(*given, **named)
        for name, table in tables.items():
            columns = {column.name for column in described(run)[name].columns}
            assert set(table) <= columns, name
            assert columns - set(table) <= OF_TWO or table.empty, name
        return tables

    return made


@pytest.fixture(scope="session", autouse=True)
def _described_tables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for kind in KINDS.values():
            patch.setattr(kind, "run", held(kind.run))
        yield


@pytest.fixture
def config() -> dict[str, Any]:
    return {
        "title": "A test",
        "results": "results",
        "datasets": {"digits": {"source": "digits", "train": 256, "validation": 64, "test": 64}},
        "networks": {"small": {"hidden": [4]}},
        "tuning": {"rates": {"default": {"low": 0.01, "high": 1.0, "per_decade": 2}}},
        "experiments": {
            "grid": {
                "dataset": "digits",
                "network": "small",
                "batch_size": [32, "full"],
                "optimizer": ["sgd", "adam"],
                "batchnorm": ["off", "before"],
                "epochs": 2,
                "seeds": 3,
            }
        },
    }
