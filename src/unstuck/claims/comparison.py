"""From tables and a comparison's specification to values, paired by unit.

Nothing here knows a claim: which rows are an arm, which column or reduction is the value, what is
averaged over and what is a place stands in the specification.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from unstuck.claims.compared import PLACE, Array, Cell, Compared, Pair
from unstuck.claims.model import Comparison
from unstuck.claims.reductions import axes, reduction
from unstuck.claims.selection import selected
from unstuck.claims.terms import BEST
from unstuck.errors import DataError
from unstuck.statistics.race import Arm

Tables = Mapping[str, pd.DataFrame]

RATE = "lr"
#: roles of runs: of the race's first heat, of its finalists, and at a rate that is given
HEAT, FINALIST, FIXED = "heat", "finalist", "fixed"
#: what tells runs apart and is no condition
_IDENTITY = frozenset({"run_id", "cell", "code", "edge", "role", "chosen", "score", "owner"})
#: stands for the score of a run that diverged
WORST = 1e9


def compare(spec: Comparison, tables: Tables) -> Compared:
    """Compare arm and reference as a specification says.

    Parameters
    ----------
    spec
        The comparison.
    tables
        By name; of an experiment's measurements the table ``<experiment>.runs`` too.

    Raises
    ------
    DataError
        If a column or value does not exist, units do not pair, or a condition varies that the
        comparison does not name.
    """
    rows, runs = _gathered(spec, tables)
    rows, runs = selected(rows, spec.where, spec.label), _of_runs(runs, spec.where, spec.label)
    free = [column for column in spec.over if column in rows]
    for column in spec.over:
        if column not in rows:
            raise DataError(f"{spec.label}: `over` names {column!r}, which no table has.")
    sides = _sides(spec)
    own = {column for side in sides.values() for column in side}
    common = [column for column in free if column not in own]
    pairs: list[Pair] = []
    for key, group in _groups(rows, common):
        mates = _of_group(runs, common, key)
        found: dict[str, list[tuple[dict[str, Any], Cell]]] = {}
        chosen = {
            side: (
                selected(group, selection, f"{spec.label}, {side}"),
                _of_runs(mates, selection, f"{spec.label}, {side}"),
            )
            for side, selection in sides.items()
        }
        values = _values(spec, chosen)
        for side in sides:
            inner = [column for column in free if column in own]
            found[side] = [
                (dict(zip(inner, inner_key, strict=True)), _cell(spec, side, cell))
                for inner_key, cell in _groups(values[side], inner)
            ]
        condition = dict(zip(common, key, strict=True))
        mates_of: list[tuple[dict[str, Any], Cell | None]] = [({}, None)]
        if "reference" in found:
            mates_of = list(found["reference"])
        for arm_key, arm in found["arm"]:
            for reference_key, reference in mates_of:
                place = str({**condition, **arm_key}.get(PLACE, _single(group)))
                inner_condition = {
                    column: _joined_label(arm_key.get(column), reference_key.get(column))
                    for column in {**arm_key, **reference_key}
                }
                pairs.append(
                    Pair(
                        place,
                        {**condition, **inner_condition},
                        1 / (len(found["arm"]) * len(mates_of)),
                        arm,
                        reference,
                    )
                )
    pairs, missing = _paired(spec, pairs)
    per_place = {pair.place: 0.0 for pair in pairs}
    for pair in pairs:
        per_place[pair.place] += pair.weight
    weighted = tuple(
        Pair(
            each.place,
            each.condition,
            each.weight / per_place[each.place] / len(per_place),
            each.arm,
            each.reference,
        )
        for each in pairs
    )
    return Compared(spec, weighted, missing=missing)


def _of_runs(runs: pd.DataFrame, selection: Mapping[str, Any], label: str) -> pd.DataFrame:
    """Runs by what a selection says of them; the rest is of their measurements."""
    return selected(runs, {key: value for key, value in selection.items() if key in runs}, label)


def _joined_label(arm: Any, reference: Any) -> Any:
    if reference is None or arm == reference:
        return arm
    return reference if arm is None else f"{arm} / {reference}"


def _single(group: pd.DataFrame) -> str:
    """The place of a comparison that names none: the dataset, where there is one alone."""
    if PLACE in group and group[PLACE].nunique() == 1:
        return str(group[PLACE].iloc[0])
    return ""


def _sides(spec: Comparison) -> dict[str, Mapping[str, Any]]:
    if isinstance(spec.reference, Mapping):
        return {"arm": spec.arm, "reference": spec.reference}
    return {"arm": spec.arm}


def gathered(names: tuple[str, ...], tables: Tables, label: str) -> pd.DataFrame:
    """Give tables one below the other, with their owner in the column ``owner``.

    Raises
    ------
    DataError
        If one was not given.
    """
    parts = []
    for name in names:
        if name not in tables:
            raise DataError(f"{label}: the table {name} was not given.")
        parts.append(tables[name].assign(owner=name.partition(".")[0]))
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _gathered(spec: Comparison, tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are measured, and the runs they belong to, the heat's among them.

    A table of measurements takes from that of runs what it lacks.
    """
    rows = gathered(spec.tables, tables, spec.label)
    homes = tuple(dict.fromkeys(f"{name.partition('.')[0]}.runs" for name in spec.tables))
    if "run_id" not in rows or any(name not in tables for name in homes):
        return rows, rows
    runs = gathered(homes, tables, spec.label)
    if homes != spec.tables:
        lacking = [name for name in runs if name not in rows]
        if lacking:
            rows = rows.merge(
                runs[["run_id", "owner", *lacking]], on=["run_id", "owner"], how="left"
            )
    return _finalists(rows, runs), runs


def _finalists(rows: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Rows of the rates that ran on all units; those of a finalist's heat belong to them.

    Of a cell whose units all ran in the heat, the rate chosen.
    """
    if "role" not in rows:
        return rows
    raced = runs[runs["role"] != FIXED]
    final = raced[raced["role"] == FINALIST]
    alone = raced[~raced["cell"].isin(final["cell"])]
    if "chosen" in alone:
        final = pd.concat([final, alone[alone["chosen"].astype(bool)]])
    keys = final[["cell", RATE]].drop_duplicates()
    known = rows[["cell", RATE]].merge(keys, how="left", indicator="_in")["_in"] == "both"
    return rows[(rows["role"] == FIXED) | known.to_numpy()]


def _groups(
    table: pd.DataFrame, columns: list[str]
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    if not columns:
        yield (), table
        return
    yield from table.groupby(columns, sort=True)


def _of_group(runs: pd.DataFrame, columns: list[str], key: tuple[Any, ...]) -> pd.DataFrame:
    mask = np.ones(len(runs), dtype=bool)
    for column, value in zip(columns, key, strict=True):
        mask &= (runs[column] == value).to_numpy()
    return runs[mask]


def _values(
    spec: Comparison, sides: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]
) -> dict[str, pd.DataFrame]:
    """Give for each side one row a unit and rate with `value`, `arrived` and its labels."""
    rate = _rate_column(spec)
    parts = []
    for side, (rows, _) in sides.items():
        if spec.units not in rows:
            raise DataError(f"{spec.label}: there is no column {spec.units!r} of units.")
        axis = rate or (RATE if "role" in rows and (rows["role"] != FIXED).any() else None)
        parts.append(
            rows.assign(
                side=side,
                unit=rows[spec.units],
                rate=rows[axis].astype("float64") if axis else _given_rate(rows),
            )
        )
    together = pd.concat(parts, ignore_index=True)
    inner = [column for column in spec.over if column in together]
    keys = ["side", *inner, "unit", "rate"]
    together["run"] = together.groupby(keys, dropna=False, sort=False).ngroup()
    if isinstance(spec.value, str):
        measured = _plain(spec, together, keys)
    else:
        ((name, arguments),) = spec.value.items()
        runs = pd.concat([each.assign(side=side) for side, (_, each) in sides.items()])
        result = reduction(name)(together, runs, **arguments)
        frame = result.to_frame("value") if isinstance(result, pd.Series) else result
        first = together.drop_duplicates("run").set_index("run")
        if "run_id" in together:
            _refuse_many(spec, together, [*keys, *axes(name, arguments)])
        measured = first.loc[frame.index].assign(
            value=frame["value"].astype("float64"),
            arrived=frame["arrived"].astype(bool) if "arrived" in frame else True,
        )
    return {side: measured[measured["side"] == side] for side in sides}


def _given_rate(rows: pd.DataFrame) -> "pd.Series[float]":
    """The rate of runs at a given one, told in files and told apart by nothing."""
    return pd.Series(np.nan, index=rows.index, dtype="float64")


def _rate_column(spec: Comparison) -> str | None:
    """The column of which the best is taken, if the comparison names one."""
    sides = [spec.where, *_sides(spec).values()]
    named = sorted({column for side in sides for column, value in side.items() if value == BEST})
    if len(named) > 1:
        raise DataError(
            f"{spec.label}: the best is taken of {' and '.join(named)}; name one column."
        )
    return named[0] if named else None


def _plain(spec: Comparison, together: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Values that stand in a column: one row each."""
    assert isinstance(spec.value, str)
    if spec.value not in together:
        raise DataError(f"{spec.label}: no table has the column {spec.value!r}.")
    _refuse_many(spec, together, keys, rows=True)
    return together.assign(value=together[spec.value].astype("float64"), arrived=True).set_index(
        "run"
    )


def _refuse_many(
    spec: Comparison, together: pd.DataFrame, keys: list[str], *, rows: bool = False
) -> None:
    """Refuse a unit that has several values in one arm, naming what varies."""
    what = together if rows else together.drop_duplicates(["run_id", "owner", *keys])
    twice = what[what.duplicated(keys, keep=False)]
    if twice.empty:
        return
    first = twice[
        (twice[keys] == twice[keys].iloc[0]).all(axis=1) | (twice["run"] == twice["run"].iloc[0])
    ]
    skipped = {*_IDENTITY, *keys, "run", spec.value if isinstance(spec.value, str) else ""}
    for column in first.columns:
        if column in skipped or isinstance(first[column].iloc[0], list | np.ndarray):
            continue
        distinct = first[column].unique()
        if len(distinct) > 1:
            shown = ", ".join(map(str, sorted(distinct.tolist(), key=str)[:5]))
            raise DataError(
                f"{spec.label}: the {first['side'].iloc[0]} has several values of unit "
                f"{first['unit'].iloc[0]}, with {column} {shown}; say which in `where`, or average "
                "with `over`."
            )
    raise DataError(
        f"{spec.label}: the {first['side'].iloc[0]} has unit {first['unit'].iloc[0]} twice."
    )


def _cell(spec: Comparison, side: str, rows: pd.DataFrame) -> Cell:
    """One arm's values as a matrix of units by rates."""
    label = f"{spec.label}, {side}"
    values = rows["value"].astype("float64")
    if spec.percent:
        values = 100 * values
    if spec.scale == "ratio":
        if (values <= 0).any():
            raise DataError(f"{label}: a value is {values.min():g}; a ratio needs values above 0.")
        values = values.map(math.log)
    if not np.isfinite(values).all():
        unit = rows["unit"][~np.isfinite(values)].iloc[0]
        raise DataError(f"{label}: the value of unit {unit} is not finite.")
    units, unit_of = np.unique(rows["unit"].to_numpy(), return_inverse=True)
    # a rate that tells nothing apart is NaN
    rates, rate_of = np.unique(rows["rate"].to_numpy(dtype=np.float64), return_inverse=True)

    def matrix(column: Array) -> Array:
        wide = np.full((units.size, rates.size), np.nan)
        wide[unit_of, rate_of] = column
        return wide

    table = matrix(np.asarray(values.to_numpy(dtype=np.float64), dtype=np.float64))
    if np.isnan(table).any():
        unit = units[np.isnan(table).any(axis=1)][0]
        raise DataError(f"{label}: unit {unit} lacks some of the {rates.size} rates.")
    scores = None
    if rates.size > 1:
        # the measure itself chooses on surfaces, by its mean; of factors by that of its logarithm
        scores = table if _rate_column(spec) else matrix(_score(rows))
    against = table
    told = rows[["unit", "rate", "arrived", *(n for n in ("run_id", "role") if n in rows)]]
    told = told.assign(value=values, against=np.nan)
    told["score"] = np.nan if scores is None else scores[unit_of, rate_of]
    if spec.against is not None:
        if spec.against not in rows:
            raise DataError(f"{label}: no table has the column {spec.against!r}.")
        told = told.assign(against=rows[spec.against].astype("float64"))
        against = matrix(told["against"].to_numpy(dtype=np.float64))
    arm = Arm(table, scores)
    told = told.assign(chosen=rate_of == arm.chosen).sort_values(["unit", "rate"])
    arrived = matrix(rows["arrived"].to_numpy(dtype=np.float64)) > 0
    return Cell(units, rates, table, against, scores, arrived, told.reset_index(drop=True))


def _score(rows: pd.DataFrame) -> Array:
    """What rates are chosen by; that of a run that diverged is worse than any."""
    scores = rows["score"].to_numpy(dtype=np.float64)
    return np.where(np.isfinite(scores), scores, WORST)


def _paired(spec: Comparison, pairs: list[Pair]) -> tuple[list[Pair], float]:
    """Pair arms by unit; a unit with one arm alone is left out, if the comparison allows for it."""
    paired: list[Pair] = []
    missing = 0.0
    for place in dict.fromkeys(pair.place for pair in pairs):
        here = [pair for pair in pairs if pair.place == place]
        cells = [cell for pair in here for cell in (pair.arm, pair.reference) if cell is not None]
        shared, every = cells[0].units, cells[0].units
        for cell in cells[1:]:
            shared, every = np.intersect1d(shared, cell.units), np.union1d(every, cell.units)
        lacking = 1 - shared.size / every.size
        if lacking > 0 and spec.missing == 0:
            unit = np.setdiff1d(every, shared)[0]
            raise DataError(
                f"{spec.label}{' on ' + place if place else ''}: unit {unit} is in one arm only; "
                "arms are paired by unit."
            )
        missing = max(missing, lacking)
        paired += [
            Pair(
                each.place,
                each.condition,
                each.weight,
                each.arm.of_units(shared),
                None if each.reference is None else each.reference.of_units(shared),
            )
            for each in here
        ]
    return paired, missing
