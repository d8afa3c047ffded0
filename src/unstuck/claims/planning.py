"""Which claims a study can judge, which lines of them, and what it lacks for the others."""

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from unstuck.claims.comparison import axes_of, refuse_several
from unstuck.claims.drawing import Panel
from unstuck.claims.lines import Check, Comparison, Value, listed
from unstuck.claims.model import Claim, load_claims
from unstuck.claims.reductions import columns
from unstuck.claims.selection import selected
from unstuck.claims.terms import Selection
from unstuck.complaints import hint, one_of, shown, stopped
from unstuck.errors import ConfigError, DataError
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.plan import Plan

#: columns that planning knows of some cells alone: a rate may be chosen, a budget counted otherwise
_PARTLY = frozenset({"lr", "epochs", "updates"})

ALL = "all"
FIGURE = "figure"


@dataclass(frozen=True)
class Planned:
    """A claim that the study judges.

    Attributes
    ----------
    claim
        The claim.
    lines
        Names of its scope lines and controls that the study can tell.
    tables
        Every table that is read, those of runs that measurements belong to among them.
    gates
        Claims that must be judged before.
    pictured
        Every table that its figure reads; none where the study lacks what the figure draws, and
        what was judged is drawn instead.
    missing
        What the study lacks for the lines that are left out, by their names.
    """

    claim: Claim
    lines: tuple[str, ...]
    tables: tuple[str, ...]
    gates: tuple[str, ...]
    pictured: tuple[str, ...]
    missing: Mapping[str, str]


def claim_files(asked: str | list[str], folder: Path) -> list[Path]:
    """Give the files of this project's claims, and those that a study brings.

    Parameters
    ----------
    asked
        The study's `claims`: ``all``, ids, and patterns of files such as ``my-claims/*.yaml``.
    folder
        Where this project's claims are, in a folder a section.

    Raises
    ------
    ConfigError
        If a pattern names no file.
    """
    files = sorted(folder.glob("*/*.yaml"))
    for pattern in filter(_is_pattern, listed(asked)):
        found = sorted(Path(name) for name in glob.glob(pattern, recursive=True))
        if not found:
            raise ConfigError(
                f"claims: no file is called {shown(pattern)}; name files of claims, such as "
                "my-claims/*.yaml."
            )
        files += [path for path in found if path not in files]
    return files


def planned_claims(asked: str | list[str], folder: Path, plan: Plan) -> dict[str, Planned]:
    """Give the claims that a study judges, in the order of their ids.

    Of `all` these are the claims whose primary the study can answer. One that is asked for by id
    must be among them; one that the study brings by a file must be answered in every line.

    Parameters
    ----------
    asked
        The study's `claims`, as in `claim_files`.
    folder
        Where this project's claims are.
    plan
        What the study makes.

    Raises
    ------
    ConfigError
        If such a claim compares what the study does not make, in one sentence that says what.
    """
    files = claim_files(asked, folder)
    claims = load_claims(files)
    words = listed(asked)
    named = [word for word in words if word != ALL and not _is_pattern(word)]
    # a file is called by the id of its claim
    brought = {file.stem.partition("-")[0] for file in files if folder not in file.parents}
    for word in named:
        try:
            one_of(word, claims, what="claims:")
        except ValueError as error:
            raise ConfigError(stopped(str(error))) from error
    cells = _Cells(plan)
    planned = {}
    for claim in claims.values():
        owed = claim.id in named or claim.id in brought
        if not (owed or ALL in words):
            continue
        lacking = _lacking(claim, cells)
        needed = lacking if claim.id in brought else claim.parts
        decisive = [text for line, text in lacking.items() if line in needed]
        if decisive and owed:
            raise ConfigError(f"claims: {claim.id}, {decisive[0]}")
        if not decisive:
            planned[claim.id] = _planned(claim, lacking, plan)
    return planned


def _is_pattern(word: str) -> bool:
    return word.endswith((".yaml", ".yml"))


def _planned(claim: Claim, lacking: Mapping[str, str], plan: Plan) -> Planned:
    specs = {**claim.parts, **claim.lines, **claim.control_specs}
    kept = {name: spec for name, spec in specs.items() if name not in lacking}
    needs = [need for spec in kept.values() for need in spec.needs]
    named = {
        table for each in (*kept.values(), *needs, *claim.numbers.values()) for table in each.tables
    }
    drawn = claim.figure.tables() if claim.figure and FIGURE not in lacking else ()
    return Planned(
        claim,
        tuple(name for name in kept if name not in claim.parts),
        _with_runs(named, plan),
        tuple(sorted({spec.gate for spec in kept.values() if spec.gate is not None})),
        _with_runs(drawn, plan),
        lacking,
    )


def _with_runs(tables: Iterable[str], plan: Plan) -> tuple[str, ...]:
    """Give tables, sorted, and those of the runs that measurements among them belong to."""
    named = set(tables)
    owners = {name.partition(".")[0] for name in named} & set(plan.study.experiments)
    return tuple(sorted(named | {f"{owner}.runs" for owner in owners}))


class _Cells:
    """The cells that rows of a table belong to, a row each with the columns that planning knows."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._tables: dict[str, pd.DataFrame | None] = {}

    def of(self, name: str) -> pd.DataFrame | None:
        """Give the cells of a table of an experiment; none of an analysis."""
        if name not in self._tables:
            self._tables[name] = self._made(name)
        return self._tables[name]

    def _made(self, name: str) -> pd.DataFrame | None:
        owner, _, kind = name.partition(".")
        if owner not in self.plan.study.experiments:
            return None
        known = self.plan.measured_cells(owner, kind) if kind in MEASUREMENTS else None
        rows = []
        for cell in self.plan.cells[owner]:
            if known is None or cell.key in known:
                rate = {"lr": cell.rate} if isinstance(cell.rate, float) else {}
                budget = {"epochs": cell.run.epochs, "updates": cell.run.updates}
                said = {key: value for key, value in budget.items() if value is not None}
                rows.append({**cell.labels, **rate, **said, "owner": owner, "cell": cell.key})
        made = pd.DataFrame(rows)
        # cells are looked through many times, and strings of Arrow's take long to select
        words = [name for name in made if isinstance(made[name].dtype, pd.StringDtype)]
        return made.astype(dict.fromkeys(words, object))


def _lacking(claim: Claim, cells: _Cells) -> dict[str, str]:
    """What the study lacks for each line of a claim, in one sentence, by the line's name."""
    found = {}
    for name, spec in {**claim.parts, **claim.lines, **claim.control_specs}.items():
        words = f"{name}:" if name not in claim.parts else f"primary {name}".strip() + ":"
        complaint = _complaint(spec, cells)
        if complaint:
            found[name] = f"{words} {complaint}"
    for name, number in claim.numbers.items():
        complaint = _of_rows(number.tables, [number.where], cells)
        if complaint:
            found.setdefault(next(iter(claim.parts)), f"numbers.{name}: {complaint}")
    for picture in claim.figure.pictures() if claim.figure else ():
        complaint = _of_picture(picture, cells)
        if complaint:
            found.setdefault(FIGURE, f"{FIGURE}: {complaint}")
    return found


def _of_picture(picture: Panel, cells: _Cells) -> str:
    """Say what the study lacks for a picture: a table, a column, or a value."""
    tables = tuple(picture.own_tables())
    drawn = [name for name in picture.drawn() if name in tables]
    missing = _unmade(tables, cells)
    if missing or not drawn:
        return missing
    return _of_columns(drawn, picture.columns(), cells) or _of_rows(
        drawn, [picture.selection()], cells
    )


def _complaint(spec: Comparison | Check, cells: _Cells) -> str:
    for need in spec.needs:
        missing = _unmade(need.tables, cells)
        if missing:
            return missing
    sides: list[Selection] = [{}]
    read = [*spec.where]
    if isinstance(spec, Comparison):
        sides = list(spec.sides.values())
        read += [column for side in sides for column in side]
        read += [*spec.over, spec.units, *([spec.against] if spec.against else [])]
    else:
        read += spec.each
    complaint = _unmade(spec.tables, cells) or _of_columns(
        spec.tables, [*read, *_of_value(spec.value)], cells
    )
    if complaint:
        return complaint
    complaints = (_of_rows(spec.tables, [spec.where, side], cells) for side in sides)
    found = next(filter(None, complaints), "")
    return found or (_of_units(spec, cells) if isinstance(spec, Comparison) else "")


def _of_units(spec: Comparison, cells: _Cells) -> str:
    """Say which arm holds cells that the comparison does not tell apart."""
    parts = [part for part in map(cells.of, spec.tables) if part is not None]
    if len(parts) < len(spec.tables):
        return ""
    rows = pd.concat(parts, ignore_index=True)
    given: dict[str, Mapping[str, Any]] = {**spec.sides, "where": spec.where, "over": spec.over}
    read = {*axes_of(spec)}.union(*given.values())
    if any(name not in rows or rows[name].isna().any() for name in read & _PARTLY):
        return ""
    told = {
        key: {column: value for column, value in each.items() if column in rows}
        for key, each in given.items()
    }
    rows = rows.assign(**{spec.units: cells.plan.study.first_unit})
    try:
        refuse_several(spec.model_copy(update=told), rows)
    except DataError as error:
        return str(error).removeprefix(f"{spec.label}: ")
    return ""


def _of_value(value: Value | None) -> list[str]:
    """Columns that a value is made of."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    ((name, given),) = value.items()
    return columns(name, given)


def _of_columns(tables: Iterable[str], read: Iterable[str], cells: _Cells) -> str:
    """Say which column no table has; of a measurement's own columns planning knows nothing."""
    known: set[str] = {"owner"}
    for table in tables:
        own = cells.plan.columns_of(table)
        if own is None:
            return ""
        owner = table.partition(".")[0]
        known |= {*own, *(cells.plan.columns_of(f"{owner}.runs") or ())}
    for column in read:
        if column not in known:
            near = hint(column, known, "it has")
            return stopped(f"{' and '.join(tables)} has no column {shown(column)}; {near}")
    return ""


def _unmade(tables: Iterable[str], cells: _Cells) -> str:
    for table in tables:
        if table not in cells.plan.tables:
            return (
                f"it reads the table {table}, which this study does not make; add it or leave the "
                "claim out."
            )
    return ""


def _of_rows(tables: Iterable[str], selections: Iterable[Mapping[str, Any]], cells: _Cells) -> str:
    """Say which value no cell of any table has, where selections are made one after the other."""
    missing = _unmade(tables, cells)
    if missing:
        return missing
    known = [(table, cells.of(table)) for table in tables]
    complaints = []
    for table, rows in known:
        if rows is None:
            return ""
        left = rows
        try:
            for selection in selections:
                told = {column: value for column, value in selection.items() if column in left}
                left = selected(left, told, table)
        except DataError as error:
            complaints.append(f"{str(error).rstrip('.')}; add it to the study's grid.")
        else:
            return ""
    return next(iter(complaints), "")
