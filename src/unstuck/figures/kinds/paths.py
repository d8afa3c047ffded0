"""Walkers over a surface of two coordinates, which is drawn in grey."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from unstuck.claims.drawing import Paths
from unstuck.errors import DataError
from unstuck.figures.palette import ramp
from unstuck.figures.pen import STEPS, Pen, Place, Plan, coloured

LEVELS = 14
RING = 20  # round a start, wide enough that a dot which never left it is seen inside


def plan(panel: Paths, pen: Pen) -> Plan:
    """Give the panels, and the walkers' names."""
    table = pen.rows(panel)
    key = pen.key(table, panel.color, panel) if panel.color != panel.panel else {}
    reading = [pen.words.phrase(name) for name in ("start",) if _moved(panel, table)]
    reading += [pen.words.phrase(name) for name in ("goal",) if panel.goal]
    return Plan(table, pen.order(table, panel.panel, panel), " ".join(reading), key)


def _moved(panel: Paths, table: pd.DataFrame) -> bool:
    """Tell whether there are walks, and not places alone."""
    return not panel.walk or bool((table.groupby([panel.walk]).size() > 1).any())


def draw(panel: Paths, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw one panel after the other."""
    tints = pen.tints(plan.table, panel.color, panel)
    moved = _moved(panel, plan.table)
    for place in places:
        ax = place.ax
        if panel.surface:
            _surface(panel, pen, ax, place.value)
        for _, tint, walks in coloured(panel, place.rows, tints):
            ordered = walks.sort_values(panel.along, kind="stable")
            for _, walk in ordered.groupby(panel.walk) if panel.walk else [("", ordered)]:
                x, y = walk[panel.x].to_numpy(float), walk[panel.y].to_numpy(float)
                ax.plot(x, y, "-", lw=3, color=tint, alpha=0.9, solid_joinstyle="round")
                if moved:
                    ax.plot(x[0], y[0], "o", ms=RING, color="none", mec=tint, mew=3)
                ax.plot(x[-1], y[-1], "o", ms=11 if moved else RING, color=tint, mew=0)
        if panel.goal:
            ax.plot(*panel.goal, "*", ms=24, color=pen.palette.ink, mec=pen.palette.paper, mew=1.5)
        pen.frame(place, panel.panel, panel.x, panel.y, None)
        pen.scale(place, "x", "linear", panel.x)
        pen.scale(place, "y", "linear", panel.y)
        # the lowest would touch the first below the corner
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS, prune="lower"))


def _surface(panel: Paths, pen: Pen, ax: Axes, value: Any) -> None:
    """Draw the ground: light is low."""
    name = str(panel.surface)
    height = panel.height if isinstance(panel.height, str) else panel.height.get(str(value), "")
    if not height:
        raise DataError(
            f"figure of claim {pen.data.claim}: height has no column for {panel.panel} {value}; it "
            f"has {', '.join(panel.height)}."
        )
    columns = (panel.x, panel.y, height)
    grid = pen.data.table(name, columns)
    if panel.panel in grid:
        grid = grid[grid[panel.panel] == value]
    try:
        heights: pd.DataFrame = grid.pivot(index=panel.y, columns=panel.x, values=height)
    except ValueError as error:
        raise DataError(
            f"figure of claim {pen.data.claim}: {name} has two heights at one place; it holds more "
            f"than one surface, so give `panel` the column that tells them apart."
        ) from error
    z = heights.to_numpy(float)
    if panel.levels == "log":
        floor = float(np.nanmin(z))
        above = z - floor
        z = np.log10(above + 1e-3 * float(np.nanmedian(above)))
    x, y = heights.columns.to_numpy(float), heights.index.to_numpy(float)
    ax.contourf(x, y, z, levels=LEVELS, cmap=ramp(pen.palette.surface))
    ax.set_xlim(x.min(), x.max())
    ax.set_ylim(y.min(), y.max())
