"""What a figure is drawn from: what was judged of a claim, its words, and the tables it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from unstuck.claims.answer import Filling
from unstuck.claims.drawing import OwnWords
from unstuck.errors import DataError
from unstuck.statistics.rule import Word

Scale = Literal["difference", "ratio", "exact"]
CHOSEN = "chosen"  # whether a run has the rate that its cell was given in the race
Role = Literal["primary", "dataset", "scope"]


@dataclass(frozen=True)
class Row:
    """A line of a claim that was judged.

    Attributes
    ----------
    name
        What tells it from the others, such as ``at equal updates``, in the figure's language.
    effect, low, high
        Effect and its 95 % interval in ``unit``, factors as factors; of a check its value, and no
        interval.
    outcome
        Its word by the rule of judging.
    role
        What it is to the verdict.
    measure
        What is measured, such as ``training accuracy``.
    unit, scale, margin
        Of the effect; δ of a factor is a factor.
    part
        Of which part of the primary, empty if there is one.
    bound
        Of a check: what its value must be, such as ``at least 2.95``.
    against
        Of a share: the percentage that it is held against; what is told is the share itself.
    at_least
        Of a factor: whether it is a lower bound.
    """

    name: str
    effect: float
    low: float
    high: float
    outcome: Word
    role: Role = "primary"
    measure: str = ""
    unit: str = ""
    scale: Scale = "difference"
    margin: float = 0.0
    part: str = ""
    bound: str = ""
    against: float = 0.0
    at_least: bool = False

    @property
    def times(self) -> str:
        """What stands before a factor."""
        return "≥ ×" if self.at_least else "×"


@dataclass(frozen=True, eq=False)
class FigureData:
    """All that a claim's figure may show; words are in the figure's language.

    Attributes
    ----------
    claim
        Its id.
    outcome
        The verdict.
    rows
        The primary or its parts, then their data sets, then the scope.
    tables
        Tables by name, ``<experiment or analysis>.<table>``.
    answer
        The claim's answer with its placeholders, which makes the title where it is short enough.
    filling
        What its sentences are filled with, as the answer's are.
    words
        Of the claim: what its arms and its measure are called, for the table ``claim.values``.
    """

    claim: str
    outcome: Word
    rows: tuple[Row, ...]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    answer: str = ""
    filling: Filling = field(default_factory=Filling)
    words: OwnWords = field(default_factory=OwnWords)

    @property
    def primary(self) -> Row:
        """The part that decides, or the first of several."""
        return self.rows[0]

    def of(self, *roles: Role) -> tuple[Row, ...]:
        """Give the rows of some roles, in their order."""
        return tuple(row for row in self.rows if row.role in roles)

    def table(self, name: str, columns: tuple[str, ...] = ()) -> pd.DataFrame:
        """Give a table, joined with its experiment's runs where those have the columns it lacks.

        Raises
        ------
        DataError
            If there is no such table, or a column is in neither.
        """
        if name not in self.tables:
            known = ", ".join(sorted(self.tables)) or "none"
            raise DataError(f"figure of claim {self.claim}: no table {name}; it was given {known}.")
        table = self.tables[name]
        missing = [column for column in columns if column not in table]
        runs = self.tables.get(f"{name.partition('.')[0]}.runs")
        if runs is not None and "run_id" in table and set(missing) <= set(runs):
            more = [*missing, *(name for name in (CHOSEN,) if name in runs and name not in table)]
            table = table.merge(runs[["run_id", *more]], on="run_id", how="left") if more else table
            missing = []
        if missing:
            raise DataError(
                f"figure of claim {self.claim}: table {name} has no column {missing[0]}; it has "
                f"{', '.join(map(str, table.columns))}."
            )
        return table
