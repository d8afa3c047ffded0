"""A dot a row, one column against another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unstuck.claims.drawing import Scatter
from unstuck.figures.pen import Pen, Plan


def plan(panel: Scatter, pen: Pen) -> Plan:
    """Give the panels and the colours' names."""
    table = pen.rows(panel)
    key = pen.key(table, panel.color, panel) if panel.color != panel.panel else {}
    return Plan(pen.order(table, panel.panel, panel), key=key, share_y=panel.share_y)


def draw(panel: Scatter, pen: Pen, axes: Mapping[Any, Axes]) -> None:
    """Draw one panel after the other, all over one range of x."""
    table = pen.rows(panel)
    tints = pen.tints(table, panel.color, panel)
    first, *others = axes.values()
    for ax in others:
        ax.sharex(first)
    for index, (value, ax) in enumerate(axes.items()):
        part = table[table[panel.panel] == value] if panel.panel else table
        part = _thinned(part, panel)
        for colour, tint in tints.items():
            dots = part[part[panel.color] == colour] if panel.color else part
            ax.plot(
                *(dots[panel.x], dots[panel.y], "o"),
                ms=8 if len(dots) < 300 else 5,
                mew=0,
                alpha=0.6 if len(dots) < 300 else 0.35,
                color=tint,
            )
        pen.plain(ax, "both")
        pen.name(ax, panel.x, panel.y if index == 0 else "", len(axes))
        pen.scale(ax, "x", panel.x_scale, pen.words.column(panel.x).times, len(axes))
        pen.scale(ax, "y", panel.y_scale, pen.words.column(panel.y).times)
        ax.tick_params(axis="y", labelleft=index == 0 or not panel.share_y)
        pen.heading(ax, panel.panel, value, panel.y, len(axes))


def _thinned(part: pd.DataFrame, panel: Scatter) -> pd.DataFrame:
    """Keep at most so many rows, evenly by rank of x."""
    if len(part) <= panel.most:
        return part
    kept = np.linspace(0, len(part) - 1, panel.most).round().astype(int)
    return part.sort_values([panel.x, panel.y], kind="stable").iloc[kept]
