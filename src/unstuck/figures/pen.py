"""What every kind draws with: the claim's data, words and colours, and rows of tables in order."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
)

from unstuck.claims.selection import selected
from unstuck.claims.terms import BEST
from unstuck.errors import NoRowsError
from unstuck.figures.data import CHOSEN, FigureData
from unstuck.figures.lettering import numeric, power, tick, wrapped, written
from unstuck.figures.palette import Palette, ramp
from unstuck.figures.words import Dictionary

# sizes in pixels of a figure 1200 wide; on a phone of 390 the smallest are 9
TITLE, SUBTITLE, LABEL, TICK, HEADING = 40, 28, 28, 28, 30
MOST_PANELS = 4
NAME = 15  # columns of a line's name at its end
MOST_DOTS = 100  # of an arm; more are thinned evenly
STEPS = (1, 2, 2.5, 5, 10)  # of ticks


@dataclass(frozen=True, eq=False)
class Plan:
    """What a picture shows, and what it needs around it.

    Attributes
    ----------
    table
        The rows that are drawn.
    panels
        Values that have axes each.
    reading
        What the marks are, for the subtitle.
    key
        Colours that are named in a line above, by their words.
    share_y
        Whether all axes have one vertical scale.
    heights
        Relative heights, where axes stand one below the other and not side by side.
    least_height
        Pixels that the picture needs; a figure that they do not fit grows beyond 16:9.
    """

    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    panels: Sequence[Any] = (None,)
    reading: str = ""
    key: Mapping[str, str] = field(default_factory=dict)
    share_y: bool = True
    heights: Sequence[float] = ()
    least_height: float = 0


@dataclass(frozen=True, eq=False)
class Place:
    """Axes of a panel.

    Attributes
    ----------
    value, rows
        What the panel shows of the picture's panels, and its rows of the table.
    first, labelled
        Whether the vertical axis has its name here, and names at its ticks.
    of
        How many panels there are.
    """

    ax: Axes
    value: Any
    rows: pd.DataFrame
    first: bool
    labelled: bool
    of: int


@dataclass(frozen=True)
class Pen:
    """Draws in one language and one set of colours.

    Attributes
    ----------
    figure
        What is drawn on; its units are pixels.
    data
        What it is drawn from.
    later
        What is done once places are settled, such as labels that must not collide.
    """

    figure: Figure
    data: FigureData
    words: Dictionary
    palette: Palette
    later: list[Callable[[], None]] = field(default_factory=list)

    def rows(self, panel: Any) -> pd.DataFrame:
        """Give the rows of a picture's table that it draws: of runs those at the rate chosen.

        A picture that names rates in ``where``, or has them on an axis, shows them all.

        Raises
        ------
        DataError
            If a column is missing, or no row is left.
        """
        columns = tuple(dict.fromkeys(panel.columns()))
        table = pd.concat([self.data.table(name, columns) for name in panel.drawn()])
        if CHOSEN in table and "lr" not in columns and CHOSEN not in columns:
            table = table[table[CHOSEN].astype(bool)]
        label = f"figure of claim {self.data.claim}: {', '.join(panel.drawn())}"
        rows = selected(table, panel.where, label)
        if getattr(panel, "unit", None) is not None:
            for column in (column for column, wanted in panel.where.items() if wanted == BEST):
                rows = _at_best(rows, column, {panel.x, panel.color, panel.panel} - {""}, panel.y)
        if getattr(panel, "y_scale", "") == "log" or getattr(panel, "average", "") == "geometric":
            # the rest has no logarithm
            rows = rows[~(rows[panel.y] <= 0)]
            if rows.empty:
                raise NoRowsError(f"{label}: no {panel.y} is above 0, and so has no logarithm.")
        if getattr(panel, "unit", None) == "":
            arms = [column for column in columns if column != panel.y]
            rows = rows.assign(**{"": rows.groupby(arms).cumcount()})
        return rows

    def reading(self, phrase: str, panel: Any, table: pd.DataFrame) -> str:
        """Say what marks of units are, of as many as arms have."""
        called = panel.units.words(self.words.language) if panel.units else ""
        arms = {panel.color, panel.panel, panel.x if panel.kind == "arms" else ""} - {""}
        counts = table.groupby(sorted(arms))[panel.unit] if arms else table[panel.unit]
        found = np.atleast_1d(counts.nunique())
        low, high = (min(int(each), MOST_DOTS) for each in (found.min(), found.max()))
        return self.words.phrase(
            phrase,
            n=low if low == high else self.words.phrase("between", low=low, high=high),
            units=called or self.words.phrase("units"),
            average=self.words.phrase(panel.average),
            interval=self.words.phrase(
                "deviation"
                if getattr(panel, "box", "") == "deviation"
                else "middle half"
                if panel.average == "median"
                else "interval"
            ),
        )

    def order(self, table: pd.DataFrame, column: str, panel: Any) -> list[Any]:
        """Give the values of a column in order: the description's, numbers', the dictionary's."""
        if not column:
            return [None]
        found = list(table[column].drop_duplicates())
        wanted = panel.where.get(column)
        if isinstance(wanted, list):
            return [value for want in wanted for value in found if str(value) == str(want)]
        places = {value: index for index, value in enumerate(found)}
        return sorted(
            found,
            key=lambda value: (
                self.words.place(column, value) if numeric(value) is None else -1,
                numeric(value) or 0.0,
                places[value],
            ),
        )

    def tints(self, table: pd.DataFrame, column: str, panel: Any) -> dict[Any, str]:
        """Give every value of a column a colour, in order.

        Its own of the dictionary where all have one and no two the same; shades where values are
        numbers; else the palette's colours in their order.
        """
        values = self.order(table, column, panel)
        series = self.palette.series
        own = [self.words.colour(column, value) for value in values]
        if all(own) and len(set(own)) == len(own):
            return {value: series[name] for value, name in zip(values, own, strict=True)}
        if len(values) > 2 and all(numeric(value) is not None for value in values):
            shares = np.linspace(0.35, 1.0, len(values))
            shades = (to_hex(ramp(self.palette.heat)(share)) for share in shares)
            return dict(zip(values, shades, strict=True))
        names = list(series.values())
        return {value: names[index % len(names)] for index, value in enumerate(values)}

    def key(self, table: pd.DataFrame, column: str, panel: Any) -> dict[str, str]:
        """Give the colours of a column's values by what these are called; none without a column."""
        tints = self.tints(table, column, panel) if column else {}
        return {self.words.value(column, value): tint for value, tint in tints.items()}

    def frame(
        self,
        place: Place,
        column: str,
        x: str,
        y: str,
        grid: Literal["x", "y", "both"] | None = "y",
    ) -> None:
        """Leave of the frame what is needed, and name panel and axes by their columns.

        The vertical axis is named above it, where it is read without turning the head.
        """
        ax, quiet = place.ax, self.palette.quiet
        self.plain(ax, grid)
        ax.tick_params(axis="y", which="both", labelleft=place.labelled)
        if x:
            ax.set_xlabel(self.words.axis(x), fontsize=LABEL, color=quiet, labelpad=8)
        name = wrapped(self.words.axis(y), 50 // place.of) if y else ""
        if y and place.first:
            ax.annotate(
                name,
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, 12),
                textcoords="offset points",
                va="bottom",
                fontsize=LABEL,
                color=quiet,
            )
        if column:
            ax.set_title(
                wrapped(self.words.told(column, place.value), 44 // place.of),
                fontsize=HEADING,
                fontweight="bold",
                color=self.palette.ink,
                loc="left",
                pad=14 + 42 * len(name.splitlines()),
            )

    def scale(self, place: Place, which: Literal["x", "y"], scale: str, column: str) -> None:
        """Set the scale of a column's axis, with a few round ticks in plain numbers."""
        ax, of = place.ax, place.of if which == "x" else 1
        times = self.words.column(column).times
        axis = ax.xaxis if which == "x" else ax.yaxis
        if scale == "log":
            (ax.set_xscale if which == "x" else ax.set_yscale)("log")
            low, high = sorted(axis.get_view_interval())
            decades = np.log10(high / low) if low > 0 else 9
            subs = (1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1 else (1.0, 2.0, 5.0)
            axis.set_major_locator(
                LogLocator(subs=subs, numticks=max(3, (5 if which == "x" else 6) // of))
            )
            axis.set_minor_locator(NullLocator())
        else:
            axis.set_major_locator(MaxNLocator(max(2, 5 // of), steps=STEPS))

        def named(value: float, _: int | None) -> str:
            """Write all as powers where some can be written in no other way."""
            low, high = sorted(axis.get_view_interval())
            far = (
                scale == "log" and high > 100 * low and (low * times < 1e-3 or high * times >= 1e7)
            )
            return power(value * times) if far else tick(value * times)

        axis.set_major_formatter(FuncFormatter(named))

    def plain(self, ax: Axes, grid: Literal["x", "y", "both"] | None = "y") -> None:
        """Leave of the frame what is needed."""
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.tick_params(length=0, labelsize=TICK, labelcolor=self.palette.quiet, pad=6)
        if grid:
            ax.grid(axis=grid, color=self.palette.grid, linewidth=1.5)
        ax.set_axisbelow(True)

    def goal(self, place: Place, panel: Any) -> None:
        """Mark a level, named at the vertical axis in place of the ticks that it would touch."""
        if panel.goal is None:
            return
        ax, rows = place.ax, place.rows
        level = float(rows[panel.goal].iloc[0] if isinstance(panel.goal, str) else panel.goal)
        # behind what is drawn
        ax.axhline(level, color=self.palette.quiet, lw=1.5, ls=(0, (4, 3)), zorder=1.5)
        if panel.goal_words is None or not place.labelled:
            return
        axis, text = ax.yaxis, panel.goal_words.words(self.words.language)
        axis.set_minor_locator(FixedLocator([level]))
        axis.set_minor_formatter(FixedFormatter([wrapped(text, 12)]))
        axis.remove_overlapping_locs = False
        ax.tick_params(axis="y", which="minor", length=0, labelsize=TICK, pad=6)
        ax.tick_params(axis="y", which="minor", labelcolor=self.palette.ink)

        def settle() -> None:
            """Leave ticks out that the name would touch; other panels have set them meanwhile."""
            inner = axis.get_major_formatter()
            x, y = ax.transData.transform((0, level))
            ends = ax.transData.inverted().transform([(x, y - TICK), (x, y + TICK)])
            low, high = ends[:, 1]
            axis.set_major_formatter(
                FuncFormatter(lambda value, at: "" if low < value < high else inner(value, at))
            )

        self.later.append(settle)

    def numbers(
        self,
        ax: Axes,
        places: Iterable[tuple[float, float]],
        column: str,
        side: Literal["left", "center", "right"] = "center",
    ) -> None:
        """Write values above their places; `side` of a text is there, so that it clears a line."""
        times = self.words.column(column).times
        aside = {"left": 4, "center": 0, "right": -4}[side]
        for x, y in places:
            ax.annotate(
                written(float(y) * times),
                (x, y),
                xytext=(aside, 10),
                textcoords="offset points",
                ha=side,
                fontsize=LABEL,
                fontweight="bold",
                color=self.palette.ink,
            )
        ax.margins(y=0.15)

    def name_ends(self, ax: Axes, ends: Sequence["End"]) -> None:
        """Name lines at their right ends, once places are settled."""
        texts = [
            ax.annotate(
                wrapped(end.text, NAME),
                (end.x, end.y),
                xytext=(18, 0),
                textcoords="offset points",
                va="center",
                color=end.color,
                fontsize=LABEL,
                fontweight="bold",
                annotation_clip=False,
            )
            for end in ends
        ]

        def settle() -> None:
            heights = [32.0 * (1 + text.get_text().count("\n")) + 4 for text in texts]
            wanted = [float(ax.transData.transform((0, end.y))[1]) for end in ends]
            low, high = ax.get_window_extent().intervaly
            placed = spread(wanted, heights, float(low), float(high))
            for text, goal, y in zip(texts, wanted, placed, strict=True):
                text.set_position((18, round(y - goal, 1)))

        self.later.append(settle)


def coloured(
    panel: Any, rows: pd.DataFrame, tints: Mapping[Any, str]
) -> Iterator[tuple[Any, str, pd.DataFrame]]:
    """Give each value of the column of colours that has rows, with its colour and these."""
    for value, tint in tints.items():
        part = rows[rows[panel.color] == value] if panel.color else rows
        if not part.empty:
            yield value, tint, part


def _at_best(rows: pd.DataFrame, column: str, arms: set[str], y: str) -> pd.DataFrame:
    """Keep, at each place of each arm, rows of the value that has the least mean of y.

    One at which y is missing in some row, such as a walk that never arrives, is none.
    """
    places = sorted(arms)
    means = rows.fillna({y: np.inf}).groupby([*places, column])[y].mean().reset_index()
    best = means.loc[means.groupby(places)[y].idxmin(), [*places, column]]
    return rows.merge(best)


@dataclass(frozen=True)
class End:
    """Where a line ends, what it is called, and its colour."""

    x: float
    y: float
    text: str
    color: str


def spread(
    wanted: Sequence[float], heights: Sequence[float], low: float, high: float
) -> list[float]:
    """Move labels apart so that none overlaps, each as near to its wanted place as can be.

    Parameters
    ----------
    wanted, heights
        Middle and height of each.
    low, high
        Ends that labels keep to as far as they fit.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[tuple[list[int], float]] = []  # members from low to high, and the group's middle
    for index in order:
        groups.append(([index], _inside(wanted[index], heights[index], low, high)))
        while len(groups) > 1:
            (lower, first), (upper, second) = groups[-2:]
            size = [sum(heights[i] for i in members) for members in (lower, upper)]
            if second - size[1] / 2 >= first + size[0] / 2:
                break
            members = lower + upper
            middle = sum(wanted[i] for i in members) / len(members)
            groups[-2:] = [(members, _inside(middle, sum(size), low, high))]
    placed = [0.0] * len(wanted)
    for members, middle in groups:
        bottom = middle - sum(heights[i] for i in members) / 2
        for index in members:
            placed[index] = bottom + heights[index] / 2
            bottom += heights[index]
    return placed


def _inside(middle: float, size: float, low: float, high: float) -> float:
    if size >= high - low:
        return (low + high) / 2
    return min(max(middle, low + size / 2), high - size / 2)
