"""Curves, or values along an axis: a line an arm, with its units as band, dots or thin lines."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes

from unstuck.claims.drawing import Lines
from unstuck.figures.averages import average, by_unit, interval
from unstuck.figures.lettering import numeric, width_of, wrapped
from unstuck.figures.pen import LABEL, NAME, End, Pen, Place, Plan, coloured

ROOM = 0.08  # of the height that a name beside a line needs
MOST_BESIDE = 140  # pixels of a name at the end of a line, where panels share the width
FEW = 8  # places along x that have a dot, and a name


def plan(panel: Lines, pen: Pen) -> Plan:
    """Give the panels, what the marks are, and the names of lines that end at one place."""
    table = pen.rows(panel)
    panels = pen.order(table, panel.panel, panel)
    meet = panel.color and _ends_meet(panel, pen, table, panels)
    key = pen.key(table, panel.color, panel) if meet else {}
    return Plan(table, panels, _reading(panel, pen, table), key, panel.share_y)


def _ends_meet(panel: Lines, pen: Pen, table: pd.DataFrame, panels: list[Any]) -> bool:
    """Tell whether names beside right ends would mislead, or narrow several panels.

    They would mislead where ends lie near each other, where one lies left of what others go on to,
    and where the last panel, which has the names, lacks a line.
    """
    if panel.panel:
        names = [pen.words.value(panel.color, value) for value in table[panel.color].unique()]
        wide = max(
            width_of(line, LABEL, "bold")
            for name in names
            for line in wrapped(name, NAME).split("\n")
        )
        if len(panels) > 1 and wide > MOST_BESIDE:
            return True
        whole, table = table, table[table[panel.panel] == panels[-1]]
        if table[panel.color].nunique() < whole[panel.color].nunique():
            return True
    places = _along(panel, pen, table)
    middles = table.groupby([panel.color, panel.x])[panel.y].mean().unstack()
    middles = middles[sorted(middles.columns, key=lambda value: places[value])]
    if len(middles) > 1 and bool(middles.iloc[:, -1].isna().any()):
        return True
    last = middles.ffill(axis=1).iloc[:, -1].to_numpy(np.float64)
    heights = middles.to_numpy(np.float64)
    if panel.y_scale == "log":
        last, heights = np.log10(last), np.log10(heights)
    spread = float(np.nanmax(heights) - np.nanmin(heights))
    return len(last) > 1 and float(np.ptp(last)) < ROOM * (len(last) - 1) * spread


def draw(panel: Lines, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw one panel after the other."""
    along = _along(panel, pen, plan.table)
    tints = pen.tints(plan.table, panel.color, panel)
    # all before any has its scale: seaborn takes averages as axes are, of a logarithm of logarithms
    for place in places:
        rows = place.rows[np.isfinite(place.rows[panel.y].to_numpy(np.float64))]
        ends = [
            End(
                *_line(panel, pen, place.ax, line, along, tint),
                *(pen.words.value(panel.color, value), tint),
            )
            for value, tint, line in coloured(panel, rows, tints)
        ]
    for place in places:
        _axes(panel, pen, place, along)
        pen.goal(place, panel)
    if panel.color and not plan.key:
        pen.name_ends(place.ax, ends)


def _along(panel: Lines, pen: Pen, table: pd.DataFrame) -> dict[Any, float]:
    """Give where each value of x stands."""
    values = pen.order(table, panel.x, panel)
    if _are_words(panel, values):
        return {value: float(index) for index, value in enumerate(values)}
    return {value: float(value) for value in values}


def _are_words(panel: Lines, values: Iterable[Any]) -> bool:
    return panel.x_scale == "even" or any(numeric(value) is None for value in values)


def _side_by_side(panel: Lines, places: dict[Any, float]) -> bool:
    """Tell whether each value is named: words, and a few numbers that count from 0."""
    counted = list(places.values()) == list(range(len(places)))
    return _are_words(panel, places) or (counted and len(places) <= FEW)


def _line(
    panel: Lines, pen: Pen, ax: Axes, line: pd.DataFrame, along: dict[Any, float], tint: str
) -> tuple[float, float]:
    """Draw one line; give where its name stands: behind its right end, and the dots there."""
    step = 0.12 * _side_by_side(panel, along) * (panel.show == "dots")
    # one value a unit and place: several rows of one are averaged first
    units = by_unit(line, panel.x, panel.unit, panel.y, panel.average)
    units = units.rename(index=along).sort_index()
    at, values = units.index.to_numpy(np.float64), units.to_numpy(np.float64)
    if panel.show == "dots":
        jitter = np.linspace(-0.5, 0.5, values.shape[1]) * step
        ax.plot(
            (at[:, None] + jitter).ravel(), values.ravel(), "o", ms=6, mew=0, alpha=0.4, color=tint
        )
    if panel.show == "units":
        ax.plot(at, values, "-", lw=1, alpha=0.35, color=tint)
    few = len(at) <= FEW
    seaborn.lineplot(
        x=np.repeat(at, values.shape[1]),
        y=values.ravel(),
        estimator=partial(average, by=panel.average),
        errorbar=partial(interval, by=panel.average) if panel.show == "interval" else None,
        err_kws={"alpha": 0.22, "linewidth": 0},
        **{"color": tint, "lw": 4, "solid_capstyle": "round"},
        **{"marker": "o" if few else None, "ms": 9, "mew": 0},
        ax=ax,
    )
    x, y = np.asarray(ax.lines[-1].get_xydata(), np.float64).T
    if few and panel.show == "none" and not panel.color:
        side: Literal["left", "right"] = "left" if y[0] > y[-1] else "right"
        pen.numbers(ax, zip(x, y, strict=True), panel.y, side)
    return float(x[-1]) + step / 2, float(y[-1])


def _axes(panel: Lines, pen: Pen, place: Place, along: dict[Any, float]) -> None:
    ax = place.ax
    pen.frame(place, panel.panel, panel.x, panel.y)
    pen.scale(place, "y", panel.y_scale, panel.y)
    if panel.from_zero:
        ax.set_ylim(0, 1.05 * ax.dataLim.y1)
    if _side_by_side(panel, along):
        ax.set_xticks(range(len(along)), [pen.words.value(panel.x, value) for value in along])
        ax.set_xlim(-0.25, len(along) - 0.75)
    else:
        pen.scale(place, "x", panel.x_scale, panel.x)


def _reading(panel: Lines, pen: Pen, table: pd.DataFrame) -> str:
    phrase = {"interval": "band", "dots": "dots", "units": "threads"}.get(panel.show)
    return pen.reading(phrase, panel, table) if phrase else ""
