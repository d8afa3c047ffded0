"""Tables of an analysis that reads nothing."""

from collections.abc import Callable

import pandas as pd
import pytest

from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="session")
def tables_of() -> Callable[..., Tables]:
    def run(kind: str, **fields: object) -> Tables:
        analysis = parse_analysis({"kind": kind, **fields})
        context = Context({}, {}, device="cpu", threads=1, progress=lambda line: None)
        tables = analysis.run(context)
        assert set(tables) == set(analysis.tables)
        assert not any(table.empty for table in tables.values())
        return tables

    return run
