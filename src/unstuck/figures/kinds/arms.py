"""A dot a unit, side by side by arm, with their average and its 95 % interval."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unstuck.claims.drawing import Arms
from unstuck.figures.averages import average, by_unit, interval
from unstuck.figures.lettering import numeric, width_of, wrapped
from unstuck.figures.pen import MOST_DOTS, TICK, Pen, Place, Plan

ROOM = 700  # pixels for the names of all arms


def plan(panel: Arms, pen: Pen) -> Plan:
    """Give the panels, what the marks are, and the colours' names."""
    table = pen.rows(panel)
    told = panel.color not in (panel.x, panel.panel)
    key = pen.key(table, panel.color, panel) if told else {}
    reading = pen.reading("bars", panel, table) if _has_units(panel, table) else ""
    return Plan(table, pen.order(table, panel.panel, panel), reading, key, panel.share_y)


def _has_units(panel: Arms, table: pd.DataFrame) -> bool:
    """Tell whether an arm has several units; a single value is written out."""
    columns = [name for name in (panel.x, panel.color, panel.panel) if name]
    return bool((table.groupby(columns).size() > 1).any())


def draw(panel: Arms, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw one panel after the other."""
    table, of = plan.table, len(places)
    arms = pen.order(table, panel.x, panel)
    tints = pen.tints(table, panel.color or panel.x, panel)
    width = max(6, 36 // (len(arms) * of))
    names = [wrapped(pen.words.value(panel.x, arm), width) for arm in arms]
    room = ROOM / (len(arms) * of)
    if any(width_of(line, TICK, "normal") > room for name in names for line in name.split("\n")):
        # every other name a line lower
        names = [f"\n{name}" if place % 2 else name for place, name in enumerate(names)]
    # numbers alone do not say of what
    counted = any(numeric(arm) is not None for arm in arms)
    for place in places:
        ax, part = place.ax, place.rows
        _panel(panel, pen, ax, part, arms, tints)
        pen.frame(place, panel.panel, panel.x if counted else "", panel.y)
        pen.scale(place, "y", panel.y_scale, panel.y)
        pen.goal(place, panel)
        ax.set_xticks(range(len(arms)), names)
        ax.tick_params(axis="x", labelcolor=pen.palette.ink)
        ax.set_xlim(-0.5, len(arms) - 0.5)
        if not _has_units(panel, table) and panel.color in ("", panel.x):
            _number(panel, pen, ax, part, arms)


def _panel(
    panel: Arms, pen: Pen, ax: Axes, part: pd.DataFrame, arms: list[Any], tints: dict[Any, str]
) -> None:
    groups: list[Any] = [None]
    if panel.color and panel.color != panel.x:
        groups = [each for each in tints if (part[panel.color] == each).any()]
    step = 0.8 / len(groups)
    told = panel.box == "deviation"  # of the units themselves, not of their average
    for shift, group in enumerate(groups):
        rows = part[part[panel.color] == group] if group is not None else part
        units = by_unit(rows, panel.x, panel.unit, panel.y, panel.average)
        centre = (shift - (len(groups) - 1) / 2) * step
        present = [(place, arm) for place, arm in enumerate(arms) if arm in units.index]
        jitter = np.linspace(-0.12, 0.12, units.shape[1]) * step
        for place, arm in present:
            tint = tints[arm if group is None else group]
            values = units.loc[arm].to_numpy()
            at = place + centre + jitter
            shown = np.linspace(0, len(values) - 1, min(len(values), MOST_DOTS)).round().astype(int)
            faint = 0.2 if told else 0.4
            ax.plot(at[shown], values[shown], "o", ms=7, mew=0, alpha=faint, color=tint)
            middle = average(values, panel.average)
            low, high = interval(values, panel.box if told else panel.average)
            wide = np.array([-0.28, 0.28]) * step + place + centre
            ax.fill_between(wide, low, high, color=tint, alpha=0.45 if told else 0.25, linewidth=0)
            ax.plot(wide, [middle, middle], "-", lw=4.5, color=tint, solid_capstyle="butt")


def _number(panel: Arms, pen: Pen, ax: Axes, part: pd.DataFrame, arms: list[Any]) -> None:
    """Write each arm's value above its bar."""
    values = [(x, y) for x, arm in enumerate(arms) for y in part.loc[part[panel.x] == arm, panel.y]]
    pen.numbers(ax, values, panel.y)
