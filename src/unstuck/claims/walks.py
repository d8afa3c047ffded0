"""Walks over analytic surfaces: arms of them, each at a rate of its own choice."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from unstuck.claims.arms import by_seed, require_columns
from unstuck.errors import DataError

WALK = ["surface", "walker", "rate", "seed", "role", "settled", "late", "updates", "diverged_at"]
PATH = ["surface", "walker", "rate", "seed", "update", "distance", "farthest"]

# nearer than this share of the distance at the start counts as there
THERE = 1e-9
# nothing is so far from its start that a finite path strays by more
LOST = 1e6


class Arm(NamedTuple):
    """Evaluation walks of one optimizer on one surface at one rate."""

    rate: float
    walks: pd.DataFrame
    edge: bool  # whether the rate was chosen at an end of its grid

    def updates(self) -> pd.Series:
        """Give the updates until each start is there to stay, by seed.

        A walk that never was, or that left again, counts its whole budget.
        """
        counted = self.walks["settled"].fillna(self.walks["updates"])
        return by_seed(self.walks.assign(counted=counted), "counted", f"rate {self.rate:g}")

    def values(self, column: str) -> pd.Series:
        """Give a column by seed."""
        return by_seed(self.walks, column, f"rate {self.rate:g}")

    def late(self) -> pd.Series:
        """Give the distance late on by seed, as a share of that at the start, in bounds."""
        return self.values("late").clip(THERE, LOST)

    @property
    def settled(self) -> int:
        """How many arrived and stayed to the end."""
        return int(self.walks["settled"].notna().sum())


def require_walks(walks: pd.DataFrame, *more: str) -> None:
    """Refuse a table that is none of walks.

    Raises
    ------
    DataError
        If a column is missing.
    """
    require_columns(walks, [*WALK, *more], "walks")


def fixed(walks: pd.DataFrame, surface: str, walker: str, rate: float) -> Arm:
    """Give the arm at a given rate.

    Raises
    ------
    DataError
        If nothing walked there at this rate.
    """
    part = _walked(walks, surface, walker)
    chosen = part[np.isclose(part["rate"], rate) & (part["role"] == "evaluation")]
    if chosen.empty:
        raise DataError(f"{walker} on {surface} has no walk at rate {rate:g}; add it to its rates.")
    return Arm(rate, chosen, edge=False)


def tuned(walks: pd.DataFrame, surface: str, walker: str) -> Arm:
    """Give the arm at the rate that settles soonest from the tuning starts.

    Soonest is the mean logarithm of the updates, whole budgets for walks that did not settle; of
    equals the one that ends nearest, then the lowest.

    Raises
    ------
    DataError
        If nothing walked from tuning starts.
    """
    part = _walked(walks, surface, walker)
    tuning = part[part["role"] == "tuning"]
    if tuning.empty:
        raise DataError(f"{walker} on {surface} has no tuning start; give it tuning_seeds.")
    counted = np.log(tuning["settled"].fillna(tuning["updates"]))
    scores = pd.DataFrame({"rate": tuning["rate"], "time": counted, "late": tuning["late"]})
    table = scores.groupby("rate").mean().reset_index()
    best = table.sort_values(["time", "late", "rate"], kind="stable")["rate"].iloc[0]
    rates = table["rate"]
    edge = len(rates) > 1 and best in (rates.min(), rates.max())
    return Arm(float(best), fixed(walks, surface, walker, float(best)).walks, bool(edge))


def _walked(walks: pd.DataFrame, surface: str, walker: str) -> pd.DataFrame:
    part = walks[(walks["surface"] == surface) & (walks["walker"] == walker)]
    if part.empty:
        raise DataError(f"nothing called {walker} walked on {surface}; add it to the analysis.")
    return part


def shown_path(paths: pd.DataFrame, surface: str, walker: str, rate: float) -> pd.DataFrame:
    """Give the path of the first start, in the order of updates."""
    require_columns(paths, PATH, "paths")
    part = paths[(paths["surface"] == surface) & (paths["walker"] == walker) & (paths["seed"] == 0)]
    return part[np.isclose(part["rate"], rate)].sort_values("update", ignore_index=True)
