"""A dot a row, one column against another."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn

from unstuck.claims.drawing import Scatter
from unstuck.figures.pen import Pen, Place, Plan

FEW = 500  # dots of a panel that are large


def plan(panel: Scatter, pen: Pen) -> Plan:
    """Give the panels and the colours' names."""
    table = pen.rows(panel)
    key = pen.key(table, panel.color, panel) if panel.color != panel.panel else {}
    return Plan(table, pen.order(table, panel.panel, panel), key=key, share_y=panel.share_y)


def draw(panel: Scatter, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw one panel after the other, all over one range of x."""
    tints = pen.tints(plan.table, panel.color, panel)
    for place in places[1:]:
        place.ax.sharex(places[0].ax)
    tinted = {"hue": panel.color, "palette": tints} if panel.color else {"color": tints[None]}
    for place in places:
        part = _thinned(place.rows, panel)
        size, alpha = (64, 0.6) if len(part) < FEW else (25, 0.35)
        seaborn.scatterplot(
            part,
            **{"x": panel.x, "y": panel.y, **tinted},
            **{"s": size, "alpha": alpha, "linewidth": 0, "legend": False},
            ax=place.ax,
        )
        place.ax.set_ylabel("")
        pen.frame(place, panel.panel, panel.x, panel.y, "both")
        pen.scale(place, "x", panel.x_scale, panel.x)
        pen.scale(place, "y", panel.y_scale, panel.y)


def _thinned(part: pd.DataFrame, panel: Scatter) -> pd.DataFrame:
    """Keep at most so many rows, evenly by rank of x."""
    if len(part) <= panel.most:
        return part
    kept = np.linspace(0, len(part) - 1, panel.most).round().astype(int)
    return part.sort_values([panel.x, panel.y], kind="stable").iloc[kept]
