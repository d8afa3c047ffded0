"""What a figure is drawn from: the claim's words, what was judged, and the tables it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from unstuck.errors import DataError
from unstuck.figures.palette import Outcome

Scale = Literal["difference", "ratio", "exact"]
Role = Literal["primary", "data set", "scope"]


@dataclass(frozen=True)
class Row:
    """A judged comparison.

    Attributes
    ----------
    name
        Where it was made, such as ``at equal updates``, in the figure's language.
    effect, low, high
        Effect and its 95 % interval in the unit of its part, factors as factors; of an exact check
        the error, three times.
    outcome
        Its word by the rule of judging.
    role
        What it is to the verdict.
    told
        Whether the answer tells it, which puts a line of the scope beside the picture.
    """

    name: str
    effect: float
    low: float
    high: float
    outcome: Outcome
    role: Role = "primary"
    told: bool = False


@dataclass(frozen=True)
class Part:
    """A primary, or one of several: what it measures, and all that was judged of it.

    Attributes
    ----------
    measure
        What is measured, such as ``training accuracy``.
    unit
        Unit of effects and margin.
    scale
        Whether effects are differences, factors, or errors of exact checks.
    margin
        δ; of a factor the factor; of exact checks the tolerance.
    arm, reference
        What is compared, such as ``batches of 8``; empty where nothing is.
    rows
        The primary first, then its data sets, then its scope.
    """

    measure: str
    unit: str
    scale: Scale
    margin: float
    rows: tuple[Row, ...]
    arm: str = ""
    reference: str = ""
    key: str = ""

    @property
    def primary(self) -> Row:
        """The comparison that decides."""
        return self.rows[0]

    def of(self, *roles: Role) -> tuple[Row, ...]:
        """Give the rows of some roles, in their order."""
        return tuple(row for row in self.rows if row.role in roles)


@dataclass(frozen=True, eq=False)
class FigureData:
    """All that a claim's figure may show; words are in the figure's language.

    Attributes
    ----------
    claim
        Its id.
    question
        What it answers.
    outcome
        The verdict.
    parts
        The primary, or the co-primaries.
    tables
        Tables by name, ``<experiment>.<table>``.
    units
        How many units the primary rests on; 0 of exact claims.
    answer
        The claim's answer with its placeholders, which is the title where it is short enough.
    numbers
        Further numbers of the answer, by placeholder.
    """

    claim: str
    question: str
    outcome: Outcome
    parts: tuple[Part, ...]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    units: int = 0
    answer: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)

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
        if missing and runs is not None and "run_id" in table and set(missing) <= set(runs):
            table = table.merge(runs[["run_id", *missing]], on="run_id", how="left")
            missing = []
        if missing:
            raise DataError(
                f"figure of claim {self.claim}: table {name} has no column {missing[0]}; it has "
                f"{', '.join(map(str, table.columns))}."
            )
        return table
