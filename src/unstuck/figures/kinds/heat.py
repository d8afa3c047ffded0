"""A table of averages as coloured cells with their numbers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn
from matplotlib.colors import LogNorm, Normalize, to_hex

from unstuck.claims.drawing import Heat
from unstuck.figures.lettering import wrapped
from unstuck.figures.palette import letters_on, ramp
from unstuck.figures.pen import LABEL, Pen, Place, Plan
from unstuck.wording import number

MOST_NUMBERED = 60  # cells a panel; in more a number has no room
MOST_NAMED = 12  # rows, and columns


def plan(panel: Heat, pen: Pen) -> Plan:
    """Give the panels, and what the colours are."""
    table = pen.rows(panel)
    reading = ""
    if panel.numbers and panel.subtitle is None:
        reading = pen.words.phrase("cells", value=pen.words.axis(panel.value))
    return Plan(table, pen.order(table, panel.panel, panel), reading, share_y=False)


def draw(panel: Heat, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw one panel after the other, with one scale of colours."""
    # a panel has the rows and columns that it has values of
    cells = [_averages(panel, pen, place.rows, plan.table) for place in places]
    colours = ramp(pen.palette.heat)
    norm = _norm(panel, np.concatenate([each.to_numpy().ravel() for each in cells]))
    for place, each in zip(places, cells, strict=True):
        width = max(5, 44 // (each.shape[1] * place.of))
        names = [wrapped(pen.words.value(panel.x, x), width) for x in each]
        rows = [wrapped(pen.words.value(panel.y, y), 16) for y in each.index]
        same = not place.first and list(each.index) == list(cells[0].index)
        texts = _texts(panel, pen, each.to_numpy())
        ax = seaborn.heatmap(
            each.set_axis(names, axis=1).set_axis(rows),
            ax=place.ax,
            **{"cmap": colours, "norm": norm, "cbar": False},
            **{"annot": each.map(texts.get).fillna("") if texts else None, "fmt": ""},
            annot_kws={"fontsize": LABEL},
            linecolor=pen.palette.paper,
            linewidths=2 if each.size <= MOST_NUMBERED else 0,
            xticklabels=-(-len(names) // MOST_NAMED),
            yticklabels=False if same else -(-len(rows) // MOST_NAMED),
        )
        ax.tick_params(rotation=0)
        values = each.to_numpy()
        for text, value in zip(ax.texts, values[np.isfinite(values)], strict=False):
            text.set_color(letters_on(to_hex(colours(norm(value)))))
        pen.frame(place, panel.panel, panel.x, panel.y, None)


def _averages(panel: Heat, pen: Pen, part: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Give the cells of a panel, in the order of all panels."""
    averages: pd.DataFrame = part.pivot_table(
        index=panel.y, columns=panel.x, values=panel.value, aggfunc="mean", sort=False
    )
    rows, columns = (
        [value for value in pen.order(whole, name, panel) if value in found]
        for name, found in ((panel.y, averages.index), (panel.x, averages.columns))
    )
    return averages.loc[rows, columns] * pen.words.column(panel.value).times


def _norm(panel: Heat, values: npt.NDArray[np.float64]) -> Normalize:
    finite = values[np.isfinite(values)]
    if panel.scale == "log":
        return LogNorm(float(finite[finite > 0].min()), float(finite.max()))
    low, high = float(finite.min()), float(finite.max())
    # what is below zero stays as pale as zero: what is above it is what answers
    return Normalize(0.0 if low < 0 < high else low, high)


def _texts(panel: Heat, pen: Pen, cells: npt.NDArray[np.float64]) -> dict[float, str]:
    """Give what stands in cells: names of values, or numbers where these have room."""
    values = [float(value) for value in np.unique(cells[np.isfinite(cells)])]
    whole = all(value.is_integer() for value in values)
    names = [int(value) if whole else value for value in values]
    if all(pen.words.named(panel.value, name) for name in names):
        texts = [pen.words.value(panel.value, name) for name in names]
    elif not panel.numbers or cells.size > MOST_NUMBERED:
        return {}
    elif 1 <= values[-1] - values[0] < 200:
        texts = [f"{value:.{0 if whole else 1}f}".replace("-", "−") for value in values]
    else:
        texts = [number(value, 2) for value in values]
    return dict(zip(values, texts, strict=True))
