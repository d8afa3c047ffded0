"""From tables and a comparison's specification to values, paired by unit.

Nothing here knows a claim: which rows are an arm, which column or reduction is the value, what is
averaged over and what is a place stands in the specification.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from unstuck.claims.compared import PLACE, Array, Cell, Compared, Pair
from unstuck.claims.lines import Comparison
from unstuck.claims.reductions import axes, reduction
from unstuck.claims.selection import is_extreme, selected
from unstuck.claims.terms import BEST
from unstuck.errors import DataError, NoRowsError
from unstuck.statistics.race import Arm

Tables = Mapping[str, pd.DataFrame]

RATE = "lr"
#: roles of runs: of the race's first heat, of its finalists, and at a rate that is given
HEAT, FINALIST, FIXED = "heat", "finalist", "fixed"
#: what tells runs apart and is no condition
_IDENTITY = frozenset({"run_id", "cell", "code", "edge", "role", "chosen", "score", "owner"})
#: what is kept of the rows once they have values
_TOLD = frozenset({"side", "unit", "rate", "value", "arrived", PLACE, "run_id", "role", "score"})
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
    for column in (*spec.over, spec.units):
        if column not in rows:
            raise DataError(f"{spec.label}: no table has the column {column!r}.")
    common, inner = _common(spec)
    measured = _measured(spec, _arms(spec, rows, common), runs, common)
    told = {*_TOLD, *spec.over, *([spec.against] if spec.against else [])}
    measured = measured[[column for column in measured if column in told]]
    pairs: list[Pair] = []
    for key, group in _groups(measured, common):
        condition = dict(zip(common, key, strict=True))
        found = _cells(spec, group, inner, condition)
        mates: list[tuple[dict[str, Any], Cell | None]] = [*found.get("reference", [])]
        for arm_key, arm in found["arm"]:
            for mate_key, mate in mates or [({}, None)]:
                labels = {
                    column: _joined_label(arm_key.get(column), mate_key.get(column))
                    for column in inner
                }
                place = str({**condition, **arm_key}.get(PLACE, _single(group)))
                weight = 1 / (len(found["arm"]) * max(1, len(mates)))
                pairs.append(Pair(place, {**condition, **labels}, weight, arm, mate))
    pairs, missing = _paired(spec, pairs)
    return Compared(spec, _weighted(pairs), missing=missing)


def refuse_several(spec: Comparison, cells: pd.DataFrame) -> None:
    """Refuse a comparison of which an arm holds several cells that it does not tell apart.

    Parameters
    ----------
    spec
        The comparison, of columns that are known before training.
    cells
        One row a cell, with `cell`, `owner`, its labels, and one of its units.

    Raises
    ------
    DataError
        In the words in which `compare` refuses the rows of these cells.
    """
    keys = ["side", *spec.over, "unit", "rate"]
    axes = [column for column in axes_of(spec) if column in cells]
    _refuse_many(spec, _arms(spec, cells, _common(spec)[0]), [*keys, *axes])


def _common(spec: Comparison) -> tuple[list[str], list[str]]:
    """Columns averaged over that both arms have in common, and those that an arm names itself."""
    own = {column for side in spec.sides.values() for column in side}
    named = [column for column in spec.over if column in own]
    return [column for column in spec.over if column not in own], named


def _arms(spec: Comparison, rows: pd.DataFrame, common: list[str]) -> pd.DataFrame:
    """Rows of all arms, one below the other."""
    rows = selected(rows, spec.where, spec.label)
    arms = [_arm_rows(spec, side, rows, common) for side in spec.sides]
    return pd.concat(arms, ignore_index=True)


def _arm_rows(spec: Comparison, side: str, rows: pd.DataFrame, common: list[str]) -> pd.DataFrame:
    """Rows of one arm with `side`, `unit` and `rate`; an extreme is that of its place."""
    selection = spec.sides[side]
    label = f"{spec.label}, {side}"
    if any(is_extreme(value) for value in selection.values()):
        parts = [selected(group, selection, label) for _, group in _groups(rows, common)]
        chosen = pd.concat(parts)
    else:
        chosen = selected(rows, selection, label)
    raced = "role" in chosen and bool((chosen["role"] != FIXED).any())
    axis = _rate_column(spec) or (RATE if raced else None)
    # the rate of runs at a given one tells nothing apart
    rate = chosen[axis].astype("float64") if axis else np.nan
    return chosen.assign(side=side, unit=chosen[spec.units], rate=rate)


def _measured(
    spec: Comparison, rows: pd.DataFrame, runs: pd.DataFrame, common: list[str]
) -> pd.DataFrame:
    """Give one row an arm, unit and rate with `value` and `arrived`.

    A reduction sees the rows of both arms at one place under one condition.
    """
    keys = ["side", *spec.over, "unit", "rate"]
    if isinstance(spec.value, str):
        if spec.value not in rows:
            raise DataError(f"{spec.label}: no table has the column {spec.value!r}.")
        _refuse_many(spec, rows, keys)
        return rows.assign(value=rows[spec.value].astype("float64"), arrived=True)
    ((name, arguments),) = spec.value.items()
    if "run_id" in rows:
        each = rows.drop_duplicates(["run_id", "owner", *keys])
        _refuse_many(spec, each, [*keys, *axes_of(spec)])
    sides = spec.sides
    runs = _of_runs(runs, spec.where, spec.label)
    parts = []
    for key, group in _groups(rows, common):
        numbered = group.assign(run=group.groupby(keys, dropna=False, sort=False).ngroup())
        mates = _of_group(runs, common, key)
        both = [
            _of_runs(mates, selection, f"{spec.label}, {side}").assign(side=side)
            for side, selection in sides.items()
        ]
        result = reduction(name)(numbered, pd.concat(both), **arguments)
        frame = result.to_frame("value") if isinstance(result, pd.Series) else result
        first = numbered.drop_duplicates("run").set_index("run").loc[frame.index]
        arrived = frame["arrived"].astype(bool) if "arrived" in frame else True
        score = frame.filter(["score"])
        first = first.assign(value=frame["value"].astype("float64"), arrived=arrived)
        parts.append(first.assign(**score))
    return pd.concat(parts, ignore_index=True)


def _cells(
    spec: Comparison, rows: pd.DataFrame, inner: list[str], condition: Mapping[str, Any]
) -> dict[str, list[tuple[dict[str, Any], Cell]]]:
    """Give the cells of each arm at one place under one condition, with what tells them apart."""
    found = {}
    for side in spec.sides:
        mine = rows[rows["side"] == side]
        if mine.empty:
            where = ", ".join(f"{column} {value}" for column, value in condition.items())
            raise NoRowsError(f"{spec.label}, {side}: no row has {where}.")
        found[side] = [
            (dict(zip(inner, key, strict=True)), _cell(spec, side, cell))
            for key, cell in _groups(mine, inner)
        ]
    return found


def _weighted(pairs: list[Pair]) -> tuple[Pair, ...]:
    """Places weigh alike, and so do the pairs of a place as they came."""
    total: dict[str, float] = {}
    for pair in pairs:
        total[pair.place] = total.get(pair.place, 0.0) + pair.weight
    return tuple(
        replace(each, weight=each.weight / total[each.place] / len(total)) for each in pairs
    )


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


def _rate_column(spec: Comparison) -> str | None:
    """The column of which the best is taken, if the comparison names one."""
    sides = [spec.where, *spec.sides.values()]
    named = sorted({column for side in sides for column, value in side.items() if value == BEST})
    if len(named) > 1:
        raise DataError(
            f"{spec.label}: the best is taken of {' and '.join(named)}; name one column."
        )
    return named[0] if named else None


def _refuse_many(spec: Comparison, rows: pd.DataFrame, keys: list[str]) -> None:
    """Refuse a unit that has several values in one arm, naming what varies."""
    _refuse_alike(spec, rows[rows.duplicated(keys, keep=False)], keys)
    arm = ["side", *spec.over]
    if "cell" in rows and not axes_of(spec):
        # two cells of different rates are no finalists of one
        cells = rows.groupby(arm, dropna=False)["cell"].transform("nunique")
        _refuse_alike(spec, rows[cells > 1], [*arm, "unit"])


def axes_of(spec: Comparison) -> list[str]:
    """Give the columns along which the comparison's reduction reduces."""
    if isinstance(spec.value, str):
        return []
    ((name, arguments),) = spec.value.items()
    return axes(name, arguments)


def _refuse_alike(spec: Comparison, rows: pd.DataFrame, keys: list[str]) -> None:
    """Refuse rows that a unit has several of, if there are any."""
    if rows.empty:
        return
    alike = rows[keys].fillna(-1)
    first = rows[(alike == alike.iloc[0]).all(axis=1)]
    who = f"the {first['side'].iloc[0]} has several values of unit {first['unit'].iloc[0]}"
    skipped = {*_IDENTITY, *keys, spec.value if isinstance(spec.value, str) else ""}
    # labels say more than rates, which differ where cells do, and those more than measurements
    floats = {name for name in first if pd.api.types.is_float_dtype(first[name])}
    for column in sorted(first.columns, key=lambda name: (name in floats, name != RATE)):
        if column in skipped or isinstance(first[column].iloc[0], list | np.ndarray):
            continue
        distinct = first[column].unique()
        if len(distinct) > 1:
            shown = ", ".join(map(str, sorted(distinct.tolist(), key=str)[:5]))
            raise DataError(
                f"{spec.label}: {who}, with {column} {shown}; say which in `where`, or average "
                "with `over`."
            )
    raise DataError(f"{spec.label}: {who}.")


def _whole(rows: pd.DataFrame, missing: float) -> pd.DataFrame:
    """Leave out units without a value at one of the rates that may be chosen.

    A rate that lacks more than the share of units that may be missing is none of these: runs that
    did not come where they were to rank last in the race.
    """
    if rows["rate"].isna().any():
        return rows
    there = pd.crosstab(rows["unit"], rows["rate"]) > 0
    share = there.mean()
    rates = share.index[share >= min(1 - missing, share.max())]
    units = there.index[there[rates].all(axis=1)]
    return rows[rows["rate"].isin(rates) & rows["unit"].isin(units)]


def _cell(spec: Comparison, side: str, rows: pd.DataFrame) -> Cell:
    """One arm's values as a matrix of units by rates."""
    label = f"{spec.label}, {side}"
    if spec.missing:
        rows = _whole(rows, spec.missing)
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
    return Cell(units, arm, against, arrived, told.reset_index(drop=True))


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
        cells = [cell for pair in here for cell in pair.cells.values()]
        # units count up from the first one: a cell that asks for fewer ends earlier
        last = min(cell.units.max() for cell in cells)
        asked = [cell.units[cell.units <= last] for cell in cells]
        shared = reduce(np.intersect1d, asked)
        every = reduce(np.union1d, asked)
        lacking = 1 - shared.size / every.size
        if lacking > 0 and spec.missing == 0:
            unit = np.setdiff1d(every, shared)[0]
            raise DataError(
                f"{spec.label}{' on ' + place if place else ''}: unit {unit} is in one arm only; "
                "arms are paired by unit."
            )
        missing = max(missing, lacking)
        paired += [
            pair.holding({side: cell.of_units(shared) for side, cell in pair.cells.items()})
            for pair in here
        ]
    return paired, missing
