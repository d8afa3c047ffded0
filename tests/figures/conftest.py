"""Evidence to draw: the exact claims measure themselves, the others measure made-up tables."""

from collections.abc import Callable

import pytest
from made_up import TABLES
from made_up.adaptive_rates import grid_runs

from unstuck.claims.evaluation import measure_of
from unstuck.claims.evidence import Evidence


@pytest.fixture(scope="session")
def evidence() -> Callable[[str], Evidence]:
    """The evidence of a claim, measured once."""
    made: dict[str, Evidence] = {}

    def give(claim: str) -> Evidence:
        if claim not in made:
            made[claim] = measure_of(claim)(**TABLES[claim]())
        return made[claim]

    return give


@pytest.fixture
def small_grid() -> Evidence:
    """A factorial as small as the smoke study's: one dataset, two optimizers, two seeds."""
    runs = grid_runs(("sgd", "adam"))
    return measure_of("2.1.12")(runs=runs[(runs["dataset"] == "digits") & (runs["seed"] < 2)])
