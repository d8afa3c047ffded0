"""Correlations over places, of seeds that have nothing to do with each other."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

from unstuck.claims.other_seeds import correlation_across_seeds
from unstuck.statistics.ranks import rank_correlation

SEEDS, PLACES = 10, 5


def table(values):
    return pd.DataFrame(values, index=range(100, 100 + len(values)))


def across(first, second):
    return correlation_across_seeds(table(first), table(second), rank_correlation)


def draw(rng, alike):
    """Give two quantities that differ between places, and agree by seed and place by `alike`."""
    common = np.sqrt(alike) * rng.normal(0, 1, (SEEDS, PLACES))
    noise = np.sqrt(1 - alike) * rng.normal(0, 1, (2, SEEDS, PLACES))
    return 10 * np.arange(PLACES) + common + noise


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_neither_places_nor_what_happens_in_a_seed_are_taken_for_an_effect(alike):
    rng = np.random.default_rng([6, int(10 * alike)])
    found = np.array([across(*draw(rng, alike)) for _ in range(400)])
    t = found.mean(1) / (found.std(1, ddof=1) / np.sqrt(SEEDS))
    p = 2 * special.stdtr(SEEDS - 1, -np.abs(t))
    assert abs(found.mean()) < 0.01
    # 20 are expected; more than 32 come by chance in one of two hundred
    assert (p < 0.05).sum() <= 32
    # half the spread that one correlation of five places has
    assert found.std(1, ddof=1).mean() == pytest.approx(0.25, abs=0.03)


def test_seeds_that_are_trained_more_and_more_otherwise_are_found():
    rng = np.random.default_rng([6, 2])
    drift = np.linspace(0, 1, SEEDS)[:, None] * np.linspace(-8, 8, PLACES)
    found = np.array([across(*(draw(rng, 0.0) + drift)) for _ in range(50)])
    assert found.mean() > 0.4
    assert (found.mean(1) / (found.std(1, ddof=1) / np.sqrt(SEEDS)) > 2.3).mean() > 0.9


def test_there_is_one_value_a_seed_and_none_of_too_few():
    rng = np.random.default_rng([6, 3])
    assert list(across(*draw(rng, 0.5)).index) == list(range(100, 110))
    assert across(np.ones((3, 4)), np.ones((3, 4))).empty
    assert (across(np.ones((4, 3)), rng.normal(0, 1, (4, 3))) == 0).all()
