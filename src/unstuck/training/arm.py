"""A cell in the course of a job: the race of its rates, and the one it settles on."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unstuck.statistics.arrival import arrivals
from unstuck.training.spec import Cell, RunSpec, Tune
from unstuck.training.tuning import extension, on_edge, ranked, score

Row = dict[str, Any]
Curves = Callable[[set[str]], pd.DataFrame]


class Arm:
    """Runs and rows of one cell.

    A fixed rate runs on all units. Of rates to choose from all run on the first units (the heat),
    and more beyond the grid's edge while the best lies there; the best of them (the finalists) run
    on all units, and the one that is best over all of them is chosen.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._tune = cell.rate if isinstance(cell.rate, Tune) else None
        self._heat: Sequence[int] = cell.units
        self._finalists: list[float] = []
        self._chosen = math.nan
        if isinstance(cell.rate, Tune):
            self._heat = cell.units[: cell.rate.heat]
            self._rates = list(cell.rate.rates)
        else:
            self._rates = self._finalists = [cell.rate]
            self._chosen = cell.rate
        self._scores: dict[str, float] = {}

    def runs(self) -> list[RunSpec]:
        """Return all runs asked for so far: more after each call of `judge` that returns True."""
        return [self.cell.run.at(rate, unit) for rate in self._rates for unit in self._units(rate)]

    def may_be_chosen(self) -> list[RunSpec]:
        """Return runs at the rates that may still be chosen, on all units."""
        settled = not math.isnan(self._chosen)
        hopeful = [self._chosen] if settled else self._finalists or self._rates
        return [self.cell.run.at(rate, unit) for rate in hopeful for unit in self.cell.units]

    def judge(self, rows: Mapping[str, Row], curves: Curves) -> bool:
        """Go on to the next round of the race; return whether there are more runs.

        Parameters
        ----------
        rows
            Final measurements of every run asked for, by run_id.
        curves
            Gives the measurements on the way of runs.
        """
        if self._tune is None:
            return False
        self._score(rows, curves)
        if not self._finalists:
            order = ranked(self._scores_of(self._rates, self._heat))
            beyond = extension(self._tune, self._rates, order[0])
            if beyond is not None:
                self._rates.append(beyond)
                return True
            self._finalists = sorted(order[: self._tune.finalists])
            if len(self._heat) < len(self.cell.units):
                return True
        self._chosen = ranked(self._scores_of(self._finalists, self.cell.units))[0]
        return False

    def rows(self, rows: Mapping[str, Row]) -> list[Row]:
        """Return a row of the table for each run, with the labels of the cell."""
        return [
            {
                "run_id": run.run_id,
                "cell": self.cell.key,
                "role": self._role(run.lr),
                **self.cell.labels,
                "lr": run.lr,
                "chosen": run.lr == self._chosen,
                "score": self._scores.get(run.run_id, math.nan),
                "edge": self._edge,
                "seed": run.seed,
                **rows[run.run_id],
            }
            for run in self.runs()
        ]

    def rates(self) -> list[Row]:
        """Return a row for each rate tried, lowest first; none for a fixed rate."""
        if self._tune is None:
            return []
        return [
            {
                "cell": self.cell.key,
                **self.cell.labels,
                "lr": rate,
                "heat_units": len(self._heat),
                "heat_score": self._mean(rate, self._heat),
                "units": len(self._units(rate)),
                "score": self._mean(rate, self.cell.units) if finalist else math.nan,
                "finalist": finalist,
                "chosen": rate == self._chosen,
                "edge": self._edge,
            }
            for rate in sorted(self._rates)
            for finalist in [rate in self._finalists]
        ]

    @property
    def _edge(self) -> bool:
        return self._tune is not None and on_edge(self._chosen, self._rates)

    def _role(self, rate: float) -> str:
        if self._tune is None:
            return "fixed"
        return "finalist" if rate in self._finalists else "heat"

    def _units(self, rate: float) -> Sequence[int]:
        return self.cell.units if rate in self._finalists else self._heat

    def _scores_of(
        self, rates: Collection[float], units: Sequence[int]
    ) -> dict[float, list[float]]:
        run = self.cell.run
        return {rate: [self._scores[run.at(rate, u).run_id] for u in units] for rate in rates}

    def _mean(self, rate: float, units: Sequence[int]) -> float:
        return float(np.mean(self._scores_of([rate], units)[rate]))

    def _score(self, rows: Mapping[str, Row], curves: Curves) -> None:
        """Score the runs that are not scored yet."""
        assert self._tune is not None
        new = [run for run in self.runs() if run.run_id not in self._scores]
        arrived: Mapping[str, float] = {}
        if self._tune.target is not None:
            on_the_way = curves({run.run_id for run in new})
            arrived = dict(arrivals(on_the_way, self._tune.by, self._tune.target))
        for run in new:
            self._scores[run.run_id] = score(
                self._tune, rows[run.run_id], arrived.get(run.run_id, math.nan), run.stop_loss
            )
