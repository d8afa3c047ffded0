"""Intervals cover the truth as often as they say, with the choice of rates and all."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("coverage", ROOT / "benchmarks/coverage.py")
coverage = importlib.util.module_from_spec(spec)
spec.loader.exec_module(coverage)

COMMITTED = pd.read_csv(ROOT / "docs/images/coverage.csv")


def wanted(row):
    return 95.0 - 2 if row["design"].startswith("rank") else coverage.WANTED[row["scatter"]]


def test_the_committed_coverage_is_what_is_asked_for():
    races = COMMITTED[COMMITTED["scatter"].isin(coverage.SCATTERS) & COMMITTED["coverage"].notna()]
    assert len(races) == len(coverage.DESIGNS) * 9 + 3
    for _, row in races.iterrows():
        assert row["coverage"] >= wanted(row), row.to_dict()
    itself = COMMITTED[COMMITTED["design"] == "an arm against itself"]
    assert (100 - itself["coverage"] <= coverage.ALARMS).all()
    assert (COMMITTED.loc[COMMITTED["share"].notna(), "coverage"] >= 93).all()


def test_the_page_shows_the_committed_table():
    page = (ROOT / "docs/statistics.md").read_text()
    assert coverage.summary(COMMITTED) in page


def test_the_exact_coverage_of_shares_is_the_committed_one():
    fresh = pd.DataFrame(coverage.shares(coverage.COUNTS[:1]))
    again = fresh[["design", "share"]].merge(COMMITTED, on=["design", "share"])
    assert len(again) == len(coverage.SHARES)
    np.testing.assert_allclose(again["coverage"], fresh["coverage"], atol=1e-3)


@pytest.mark.slow
def test_simulated_anew_the_whole_procedure_covers_as_often():
    trials = 1_000
    for row in coverage.simulated(trials, seed=1):
        share = wanted(row) / 100
        error = np.sqrt(share * (1 - share) / row["trials"])
        assert row["coverage"] / 100 >= share - 3 * error, row


@pytest.mark.slow
def test_an_effect_that_is_planted_is_found_more_often_the_more_units_there_are():
    found = pd.DataFrame(coverage.planted(300, seed=1)).pivot(
        index="scatter", columns="units", values="found"
    )
    assert (found[20] > found[10]).all()
    assert (found[40] > 80).all()
