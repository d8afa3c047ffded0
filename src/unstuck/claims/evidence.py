"""What a claim measured: an effect per seed, exact checks, and the tables its figure draws."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from unstuck.errors import DataError

Role = Literal["effect", "negative control", "positive control"]
ROLES: tuple[str, ...] = get_args(Role)
Number = float | int | str


@dataclass(frozen=True)
class Contrast:
    """One paired comparison on one dataset under one condition: an effect per seed.

    Attributes
    ----------
    name
        What is compared, such as ``batch 16 against full``.
    dataset
        Where it was measured.
    condition
        Values of the claim's declared conditions.
    seeds, values
        One effect per seed, in the unit of the registry's effect (natural logarithm of the ratio
        where its scale is `ratio`), signed so that positive speaks for the claim.
    role
        ``effect``, or the control this contrast is.
    usable
        False where no verdict may rest on it, such as a rate on the edge of its grid; `note` says
        why. Only then may there be no values.
    note
        What a reader must know about it.
    measure
        Name of the effect, where the registry declares several.
    ceiling
        The largest effect that could have shown, such as 100 % minus the accuracy of the reference
        arm. Below the margin, "no effect" would be no evidence.
    splits
        Equal parts of the values, one after the other, whose means may differ, such as the halves
        of one arm and those of another: their scatter is that within the parts.
    """

    name: str
    dataset: str
    condition: Mapping[str, str]
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    role: Role = "effect"
    usable: bool = True
    note: str = ""
    measure: str = ""
    ceiling: float = math.inf
    splits: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "condition", _condition(self.condition))
        object.__setattr__(self, "seeds", tuple(int(seed) for seed in self.seeds))
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))
        object.__setattr__(self, "usable", bool(self.usable))
        object.__setattr__(self, "ceiling", float(self.ceiling))
        self._check()

    def _check(self) -> None:
        where = f"contrast {self.name!r} on {self.dataset}"
        if self.role not in ROLES:
            raise DataError(f"{where}: role {self.role!r} is not one of {', '.join(ROLES)}.")
        if len(self.seeds) != len(self.values):
            raise DataError(
                f"{where}: {len(self.seeds)} seeds but {len(self.values)} values; give one each."
            )
        if len(set(self.seeds)) != len(self.seeds):
            raise DataError(f"{where}: a seed occurs twice; average over it first.")
        if not self.values and self.usable:
            raise DataError(f"{where}: there are no values; mark it usable=False with a note.")
        if self.splits < 1 or len(self.values) % self.splits:
            raise DataError(
                f"{where}: {len(self.values)} values are no {self.splits} parts of equal size."
            )
        if not self.usable and not self.note:
            raise DataError(f"{where}: usable=False needs a note that says why.")
        for seed, value in zip(self.seeds, self.values, strict=True):
            if not math.isfinite(value):
                raise DataError(
                    f"{where}: the effect of seed {seed} is {value}; effects must be finite, so "
                    "rank diverged runs last (unstuck.statistics.divergence.rank_last)."
                )

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What tells this contrast from the others of its claim."""
        return self.measure, self.name, self.dataset, condition_text(self.condition), self.role


@dataclass(frozen=True)
class Check:
    """An exact statement: a value, what it should be, and how near counts as equal."""

    name: str
    value: float
    expected: float
    tolerance: float
    condition: Mapping[str, str] = field(default_factory=dict)
    role: Role = "effect"

    def __post_init__(self) -> None:
        object.__setattr__(self, "condition", _condition(self.condition))
        for number in ("value", "expected", "tolerance"):
            object.__setattr__(self, number, float(getattr(self, number)))
        if self.role not in ROLES:
            raise DataError(f"check {self.name!r}: role {self.role!r} is not one of {ROLES}.")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise DataError(
                f"check {self.name!r}: tolerance is {self.tolerance}; it must be 0 or positive."
            )

    @property
    def error(self) -> float:
        """Distance of the value from what is expected."""
        # equal infinities are equal, though their difference is nan
        return 0.0 if self.value == self.expected else abs(self.value - self.expected)

    @property
    def holds(self) -> bool:
        """Whether the value is within the tolerance; a nan never is."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class Source:
    """A table that was read: where the evidence comes from."""

    argument: str
    table: str
    rows: int
    sha256: str  # of the table as CSV, see `unstuck.claims.storage.table_digest`


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that a claim measured.

    Attributes
    ----------
    claim
        Its id.
    contrasts, checks
        What the verdict rests on.
    tables
        Exactly what the figure draws; columns of bool, int, float or str.
    numbers
        Single values that texts quote.
    sources
        The tables it was computed from; filled in by `unstuck.claims.evaluation.evaluate`.
    """

    claim: str
    contrasts: tuple[Contrast, ...] = ()
    checks: tuple[Check, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "contrasts", tuple(self.contrasts))
        object.__setattr__(self, "checks", tuple(self.checks))
        object.__setattr__(self, "tables", {k: self._table(k) for k in sorted(self.tables)})
        object.__setattr__(self, "numbers", {k: self._number(k) for k in sorted(self.numbers)})
        keys = [contrast.key for contrast in self.contrasts]
        for key in keys:
            if keys.count(key) > 1:
                raise DataError(f"claim {self.claim}: contrast {key} occurs twice.")

    def save(self, folder: str | Path) -> None:
        """Write ``evidence.json``, ``values.csv`` and one CSV file per table into a folder."""
        from unstuck.claims.storage import save_evidence

        save_evidence(self, folder)

    @classmethod
    def load(cls, folder: str | Path) -> "Evidence":
        """Read what `save` wrote.

        Raises
        ------
        DataError
            If a file is missing or does not fit the others.
        """
        from unstuck.claims.storage import load_evidence

        return load_evidence(folder)

    def _table(self, name: str) -> pd.DataFrame:
        where = f"claim {self.claim}: table {name!r}"
        if not name.isidentifier() or not name.islower() or name in ("values", "evidence"):
            raise DataError(f"{where} needs a lower-case name other than values and evidence.")
        table = self.tables[name].reset_index(drop=True)
        return pd.DataFrame({str(key): _column(table[key], where) for key in table.columns})

    def _number(self, name: str) -> Number:
        value = self.numbers[name]
        if isinstance(value, str):
            return value
        plain = int(value) if isinstance(value, int | np.integer | np.bool_) else float(value)
        if not math.isfinite(plain):
            raise DataError(
                f"claim {self.claim}: number {name!r} is {plain}; give a word where there is none."
            )
        return plain


def condition_text(condition: Mapping[str, str]) -> str:
    """Write a condition as ``key=value`` pairs joined by ``; ``, sorted by key."""
    return "; ".join(f"{key}={condition[key]}" for key in sorted(condition))


def _condition(condition: Mapping[str, str]) -> dict[str, str]:
    return {str(key): str(condition[key]) for key in sorted(condition)}


def _column(column: "pd.Series[Any]", where: str) -> "pd.Series[Any]":
    """Give a column as bool, int64, float64 or str, which a CSV file can hold without loss."""
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    if kind == "b":
        return column
    if kind in "iu":
        return column.astype("int64")
    if kind == "f":
        return column.astype("float64")
    values = column.astype(object)
    if all(isinstance(value, str) for value in values):
        return values.astype("str")
    raise DataError(
        f"{where}: column {column.name!r} mixes types or has gaps; use bool, int, float or str."
    )
