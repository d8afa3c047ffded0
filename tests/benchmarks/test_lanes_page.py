"""The page on lanes has the tables of the rows that were measured."""

import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lanes(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import lanes

    yield lanes
    for name in ("lanes", "population"):
        del sys.modules[name]


def test_the_page_shows_the_committed_rows(lanes):
    table = pd.read_csv(ROOT / "docs/images/lanes.csv").set_index("name")
    page = (ROOT / "docs/lanes.md").read_text(encoding="utf-8")
    assert lanes.write(page, table) == page
    assert "| lanes | " in page
    assert "784-256-128-10" in page
