"""A cell in the course of a job: the rates it has tried, and the one it settles on."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from unstuck.statistics.arrival import arrivals
from unstuck.training.spec import Cell, RunSpec, Tune
from unstuck.training.tuning import Choice, choose, score

Row = dict[str, Any]
Curves = Callable[[set[str]], pd.DataFrame]


class Arm:
    """Runs and rows of one cell."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._tune = cell.rate if isinstance(cell.rate, Tune) else None
        self._rates = list(self._tune.rates) if self._tune else []
        self._tuned = cell.run
        if self._tune and self._tune.target is None:
            # a rate chosen by where its runs end needs no measurement on their way there
            self._tuned = cell.run.model_copy(update={"evaluations": 1})
        self._choice: Choice | None = None
        if not isinstance(cell.rate, Tune):
            self._choice = Choice(cell.rate, edge=False, extension=None)

    def tuning(self) -> list[RunSpec]:
        """Return the runs of every rate tried or to be tried, on the tuning seeds.

        They are measured at the start and after the last update only, unless it is to be known
        when they arrive.
        """
        if self._tune is None:
            return []
        return [self._tuned.at(rate, s) for rate in self._rates for s in self._tune.tuning_seeds]

    def evaluation(self) -> list[RunSpec]:
        """Return the runs on the evaluation seeds; none before the rate is settled."""
        if self._choice is None:
            return []
        return [self.cell.run.at(self._choice.rate, seed) for seed in range(self.cell.seeds)]

    def judge(self, rows: Mapping[str, Row], curves: Curves) -> bool:
        """Settle on the best rate, or add one beyond the edge and return True.

        `rows` holds the final measurements of every tuning run by run_id; `curves` gives those on
        the way of the runs asked for.
        """
        if self._tune is None:
            return False
        scores: dict[float, list[float]] = {}
        runs = self.tuning()
        arrived: Mapping[str, float] = {}
        if self._tune.target is not None:
            arrived = dict(
                arrivals(curves({run.run_id for run in runs}), self._tune.by, self._tune.target)
            )
        for run in runs:
            scored = score(
                self._tune, rows[run.run_id], arrived.get(run.run_id, math.nan), run.stop_loss
            )
            scores.setdefault(run.lr, []).append(scored)
        choice = choose(self._tune, scores)
        if choice.extension is not None:
            self._rates.append(choice.extension)
            return True
        self._choice = choice
        return False

    def rows(self, rows: Mapping[str, Row]) -> list[Row]:
        """Return a row of the table for each run, with the labels of the cell."""
        edge = self._choice is not None and self._choice.edge
        roles = (("tuning", self.tuning()), ("evaluation", self.evaluation()))
        return [
            {
                "run_id": run.run_id,
                "cell": self.cell.key,
                "role": role,
                **self.cell.labels,
                "lr": run.lr,
                "edge": edge,
                "seed": run.seed,
                **rows[run.run_id],
            }
            for role, runs in roles
            for run in runs
        ]
