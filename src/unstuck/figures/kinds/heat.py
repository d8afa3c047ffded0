"""A table of averages as coloured cells with their numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize, to_hex

from unstuck.claims.drawing import Heat
from unstuck.figures.lettering import wrapped
from unstuck.figures.palette import letters_on, ramp
from unstuck.figures.pen import LABEL, Pen, Place, Plan
from unstuck.wording import number

MOST_NUMBERED = 60  # cells a panel; in more a number has no room


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
        ax = place.ax
        edges = (np.arange(size + 1) - 0.5 for size in each.shape[::-1])
        ax.pcolormesh(
            *(*edges, np.ma.masked_invalid(each.to_numpy())),
            cmap=colours,
            norm=norm,
            edgecolors=pen.palette.paper,
            linewidth=2 if each.size <= MOST_NUMBERED else 0,
        )
        ax.invert_yaxis()
        _write(ax, each.to_numpy(), _texts(panel, pen, each.to_numpy()), colours, norm)
        pen.frame(place, panel.panel, panel.x, panel.y, None)
        width = max(5, 44 // (each.shape[1] * place.of))
        ax.set_xticks(*_thinned([wrapped(pen.words.value(panel.x, x), width) for x in each]))
        names = [wrapped(pen.words.value(panel.y, y), 16) for y in each.index]
        same = not place.first and list(each.index) == list(cells[0].index)
        ax.set_yticks(*(([],) if same else _thinned(names)))


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


def _write(
    ax: Axes,
    cells: npt.NDArray[np.float64],
    texts: Mapping[float, str],
    colours: LinearSegmentedColormap,
    norm: Normalize,
) -> None:
    for (row, column), value in np.ndenumerate(cells):
        if (text := texts.get(float(value))) is not None:
            ax.text(
                *(column, row, text),
                ha="center",
                va="center",
                fontsize=LABEL,
                color=letters_on(to_hex(colours(norm(value)))),
            )


def _thinned(names: list[str], most: int = 12) -> tuple[list[int], list[str]]:
    """Give places and names of ticks, few enough to be read."""
    step = -(-len(names) // most)
    return list(range(0, len(names), step)), names[::step]
