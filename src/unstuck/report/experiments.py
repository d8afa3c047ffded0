"""What the page of an experiment tells: final values, rates, and the first rows of its table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from unstuck.statistics import race
from unstuck.study.grid import axes_of
from unstuck.wording import number

#: rows of a page's table at most; the files beside it have all
MOST_CELLS, MOST_RATES, PREVIEW = 60, 100, 8
#: columns of a run that are shown, behind its axes
MEASURED = ("train_accuracy", "test_accuracy", "train_loss")

Table = Mapping[str, Any]  # `columns`, `rows` of words, and how many rows are `left` out


def told(runs: pd.DataFrame, rates: pd.DataFrame) -> dict[str, Any]:
    """What the pages of an experiment tell of its tables, in either language."""
    return {
        "final": final_values(runs),
        "rates": rates_tried(rates),
        "preview": first_rows(runs),
        "count": f"{len(runs):,}",
    }


def final_values(runs: pd.DataFrame) -> Table:
    """Give a row a cell: its rate, units, and means with 95 % intervals of final measurements."""
    if runs.empty:
        return _table(runs, 0)
    chosen = runs[runs["chosen"].astype(bool)]
    axes = axes_of(runs)
    cells = chosen.groupby(axes or (lambda _: ""), dropna=False)
    rows = [
        {
            **dict(zip(axes, key if axes else (), strict=True)),
            "lr": "; ".join(number(rate, 3) for rate in sorted(part["lr"].unique())),
            "units": str(part["seed"].nunique()),
            **{name: _mean(part[name]) for name in MEASURED if name in part},
        }
        for key, part in cells
    ]
    return _table(pd.DataFrame(rows), MOST_CELLS)


def rates_tried(rates: pd.DataFrame) -> Table:
    """Give a row a cell and rate of the race: its scores, and whether it was chosen."""
    if rates.empty:
        return _table(rates, 0)
    axes = [name for name in axes_of(rates) if name != "lr"]
    shown = rates[[*axes, "lr", "heat_score", "score", "chosen"]]
    return _table(shown.assign(chosen=shown["chosen"].map({True: "✓", False: ""})), MOST_RATES)


def first_rows(runs: pd.DataFrame) -> Table:
    """Give the first rows of a table of runs, in the columns that a reader looks for first."""
    if runs.empty:
        return _table(runs, 0)
    shown = ["run_id", *axes_of(runs), "role", "chosen", "seed", "lr", *MEASURED]
    return _table(runs[[name for name in dict.fromkeys(shown) if name in runs]], PREVIEW)


def _mean(values: "pd.Series[float]") -> str:
    """Write a mean with its 95 % interval, where there are several values that differ."""
    if not np.all(np.isfinite(values)):
        return "–"
    mean = float(values.mean())
    if values.nunique() < 2:
        return number(mean, 3)
    found = race.interval([race.Place(race.Arm(np.asarray(values, np.float64)[:, None]))])
    return f"{number(mean, 3)} ({number(found.low, 3)} – {number(found.high, 3)})"


def _table(table: pd.DataFrame, most: int) -> Table:
    rows = [[_written(value) for value in row] for row in table.head(most).itertuples(index=False)]
    return {"columns": list(table), "rows": rows, "left": max(0, len(table) - most)}


def _written(value: Any) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else number(value, 3)
    return str(value)
