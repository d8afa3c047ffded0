"""What was judged: a row a line, coloured by its outcome, with the margin in grey."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from unstuck.claims.drawing import Effects
from unstuck.figures.data import FigureData, Row
from unstuck.figures.lettering import columns, tick, width_of, wrapped
from unstuck.figures.palette import HOLLOW
from unstuck.figures.pen import LABEL, TICK, Pen, Place, Plan
from unstuck.figures.title import tell
from unstuck.figures.words import with_unit
from unstuck.wording import capital, plain_power

LINE = 62  # pixels of a row beside a picture, at the least
ROW = 50  # pixels of a row of a forest
TICKS, TITLE = 41, 33  # pixels of an axis, and of a line below it
WIDE = 18  # columns of a row beside a picture
GAP = 14  # pixels between the names of ticks, at the least
SPARE = 60  # pixels that rows beside leave free, if they need not be there
PITCH = 92  # pixels between them at most

Group = Sequence[tuple[int, Row]]  # rows of one axis, each with its place among all


def plan(panel: Effects, pen: Pen) -> Plan:
    """Give the groups of rows, which have axes each, one below the other."""
    wanted = [(index, row) for index, row in enumerate(pen.data.rows) if row.role in panel.roles]
    groups = grouped(wanted)
    rows = sum(len(group) for group in groups)
    return Plan(
        panels=groups,
        share_y=False,
        heights=[len(group) for group in groups],
        least_height=ROW * rows + sum(_axis(group) for group in groups) + TITLE,
    )


def draw(panel: Effects, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw a forest: names at the left, numbers and outcomes at the right."""
    for place, noted in zip(places, notes(plan.panels), strict=True):
        ax, group = place.ax, place.value
        _frame(pen, ax, [row for _, row in group], range(len(group)), reach=0.5)
        # what hollow is the outcomes say
        said = [note for note in noted if note != "hollow"]
        ax.set_xlabel(_title(pen, group[0][1], 50, said), **_quiet(pen))
        for height, (index, row) in enumerate(group):
            _interval(pen, ax, row, height, f"row-{index}")
            ax.annotate(
                f"{_told(row, _places(group))}  {pen.words.outcome(row.outcome)}",
                (1, height),
                xycoords=("axes fraction", "data"),
                xytext=(14, 0),
                textcoords="offset points",
                va="center",
                fontsize=TICK,
                color=pen.palette.outcome(row.outcome),
                fontweight="bold" if row.role == "primary" else "normal",
            )
        rows = [row for _, row in group]
        ax.set_yticks(range(len(rows)), [wrapped(_called(row), 30) for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        for label, row in zip(ax.get_yticklabels(), rows, strict=True):
            label.set_color(pen.palette.ink)
            label.set_fontweight("bold" if row.role == "primary" else "normal")


def grouped(rows: Group) -> list[Group]:
    """Put rows that one axis serves together, in the order of their first."""
    groups: dict[tuple[str, str, float, float], list[tuple[int, Row]]] = {}
    for index, row in rows:
        axis = (row.unit, row.scale, row.margin, row.against)
        groups.setdefault(axis, []).append((index, row))
    return list(groups.values())


def groups_beside(data: FigureData, parts: Collection[str], room: float) -> list[Group]:
    """Give the rows beside a picture: those of some parts of the primary that have a number.

    The data sets of these too, if there is room.

    Parameters
    ----------
    parts
        Their names; all if none is named.
    room
        Pixels that they may take.
    """
    groups: list[Group] = []
    for roles in (("primary",), ("primary", "dataset")):
        found = grouped(
            [
                (index, row)
                for index, row in enumerate(data.rows)
                if row.role in roles
                and math.isfinite(row.effect)
                and (not parts or row.part in parts)
            ]
        )
        if not groups or height_beside(found) <= room - SPARE:
            groups = found
    return groups


def height_beside(groups: Sequence[Group]) -> float:
    """Give how many pixels rows take beside a picture."""
    rows = sum(_axis(group) + LINE * sum(lines(group)) for group in groups)
    said = [note for noted in notes(groups) for note in noted]
    return rows + TITLE * (len(said) + said.count("hollow"))  # which has two lines


def _axis(group: Group) -> float:
    """Give how many pixels the axis of rows takes, without what grey is."""
    scale = group[0][1].scale
    return 0 if scale == "exact" else TICKS if scale == "ratio" else TICKS + TITLE


def lines(group: Group) -> list[float]:
    """Give how much room each row takes: one for the interval and a line, more for more lines."""
    return [1 + 0.6 * _name(row, _places(group)).count("\n") for _, row in group]


def notes(groups: Sequence[Group]) -> list[list[str]]:
    """Give the phrases that stand below the axis of each group: what grey is, and what hollow."""
    firsts = [group[0][1] for group in groups]
    found = [["near"] if row.against else [] for row in firsts]
    drawn = [place for place, row in enumerate(firsts) if row.scale != "exact"]
    # said once, and last
    for place in [place for place in drawn if not firsts[place].against][-1:]:
        found[place].append("margin")
    if any(row.outcome in HOLLOW for group in groups for _, row in group):
        for place in drawn[-1:]:
            found[place].append("hollow")
    return found


def _places(group: Group) -> int:
    """Give the decimals that rows on one axis have at least: those of the first."""
    first = group[0][1]
    return len(tell(first).partition(".")[2]) if first.scale == "difference" else 0


def _called(row: Row) -> str:
    """Name a row with a capital, but for data sets, which have their own."""
    return row.name if row.role == "dataset" else capital(row.name.removeprefix("the "))


def _name(row: Row, places: int) -> str:
    """Name a row beside a picture, broken so that its number has room behind the last line."""
    name = _called(row)
    ways = [wrapped(name, width) for width in range(WIDE, 7, -1)]
    room = WIDE - len(_told(row, places)) - 1
    fitting = [way for way in ways if columns(way.rpartition("\n")[2]) <= room]
    # a number too long for any has a line of its own
    return min(
        fitting,
        key=lambda way: (way.count("\n"), max(map(columns, way.split("\n")))),
        default=f"{ways[0]}\n",
    )


def beside(pen: Pen, ax: Axes, group: Group, noted: Sequence[str]) -> None:
    """Draw rows beside a picture, names above the intervals, and notes below the axis."""
    heights = [float(each) for each in np.cumsum(lines(group)) - 1]
    places = _places(group)
    _frame(pen, ax, [row for _, row in group], heights, reach=0.17)
    ax.set_xlabel(_title(pen, group[0][1], 19, noted), **_quiet(pen))
    for height, (index, row) in zip(heights, group, strict=True):
        _interval(pen, ax, row, height, f"beside-{index}")
        weight = "bold" if row.role == "primary" else "normal"
        for side, text, colour, bold in (
            (0, _name(row, places), pen.palette.ink, weight),
            (1, _told(row, places), pen.palette.outcome(row.outcome), "bold"),
        ):
            ax.annotate(
                text,
                (side, height),
                xycoords=("axes fraction", "data"),
                xytext=(0, 15),
                textcoords="offset points",
                ha="right" if side else "left",
                va="bottom",
                fontsize=LABEL,
                fontweight=bold,
                color=colour,
                annotation_clip=False,
            )
    ax.set_yticks([])
    total = float(heights[-1]) + 1
    ax.set_ylim(total - 0.6, -0.75)

    def settle() -> None:
        """Keep rows together, and the axis below them, where there is room to spare."""
        room = float(ax.get_window_extent().height)
        share = min(1.0, PITCH * (total + 0.15) / room)
        left, low, width, height = ax.get_position(original=True).bounds
        ax.set_position(
            (left, round(low + (1 - share) * height, 6), width, round(share * height, 6))
        )

    pen.later.append(settle)


def _frame(
    pen: Pen, ax: Axes, rows: Sequence[Row], heights: Sequence[float], *, reach: float
) -> None:
    """Draw the margin and zero, a piece a row, so that names between them stand on paper."""
    pen.plain(ax, None)
    first = rows[0]
    if first.scale == "exact":
        ax.set_xlim(0, 1)
        ax.set_xticks([])
        return
    low, high = _ends(rows)
    ax.set_xlim(low, high)
    band = _at(first, first.margin)
    for height in heights:
        ends = (height - reach, height + reach)
        ax.fill_between((-band, band), *ends, color=pen.palette.margin, lw=0)
        ax.plot([0, 0], ends, color=pen.palette.quiet, lw=2, solid_capstyle="butt")
    ticks = _ticks(first, low, high)
    ax.xaxis.set_major_locator(FixedLocator([_at(first, value) for value in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    names = [_tick(first, value) for value in ticks]
    ax.set_xticklabels(names)

    def settle() -> None:
        """Leave names out that would touch the one before."""
        end, kept = -math.inf, []
        for value, name in zip(ticks, names, strict=True):
            middle = float(ax.transData.transform((_at(first, value), 0))[0])
            half = width_of(name, TICK, "normal") / 2
            fits = middle - half >= end
            kept.append(name if fits else "")
            end = middle + half + GAP if fits else end
        ax.set_xticklabels(kept)

    pen.later.append(settle)


def _quiet(pen: Pen) -> dict[str, Any]:
    return {"fontsize": TICK, "color": pen.palette.quiet, "labelpad": 6}


def _title(pen: Pen, row: Row, width: int, noted: Sequence[str]) -> str:
    if row.scale == "exact":
        return ""
    lines = [] if row.scale == "ratio" else [row.unit]
    if row.against:
        lines = [with_unit(pen.words.phrase("share"), "%", pen.words.language)]
    lines += [pen.words.phrase(note, value=f"{row.against:g}") for note in noted]
    return "\n".join(wrapped(line, width) for line in lines if line)


def _interval(pen: Pen, ax: Axes, row: Row, height: float, name: str) -> None:
    """Draw an interval and its dot; both say in their ids whose and of which outcome they are."""
    if not math.isfinite(row.effect):
        return
    colour = pen.palette.outcome(row.outcome)
    label = f"effect-{name}-{row.outcome}".replace(" ", "-")
    low, high = ax.get_xlim()
    middle = 0.04
    if row.scale == "exact":
        ax.annotate(
            row.bound,
            (0.1, height),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=TICK,
            color=pen.palette.quiet,
        ).set_in_layout(False)
    else:
        middle = float(np.clip(_at(row, row.effect), low, high))
        ends = np.clip([_at(row, row.low), _at(row, row.high)], low, high)
        line = f"{label}-interval"
        ax.plot(ends, [height, height], lw=5, color=colour, solid_capstyle="round", gid=line)
    ax.plot(
        *([middle], [height]),
        "D" if row.role == "primary" else "o",
        ms=15 if row.role == "primary" else 12,
        color=pen.palette.paper if row.outcome in HOLLOW else colour,
        markeredgecolor=colour,
        markeredgewidth=3.5,
        gid=label,
        clip_on=False,
    )


def _at(row: Row, value: float) -> float:
    """Give where a value stands on the axis: logarithms of factors."""
    if row.scale == "ratio":
        return math.log10(value) if value > 0 else -math.inf
    return value


def _ends(rows: Sequence[Row]) -> tuple[float, float]:
    values = [_at(row, value) for row in rows for value in (row.effect, row.low, row.high)]
    finite = [value for value in values if math.isfinite(value)]
    band = 1.25 * _at(rows[0], rows[0].margin)
    low, high = min([-band, *finite]), max([band, *finite])
    room = 0.06 * (high - low)
    return low - room, high + room


def _ticks(row: Row, low: float, high: float) -> list[float]:
    """Give few round values."""
    if row.scale == "difference":
        ticks = MaxNLocator(3).tick_values(low + row.against, high + row.against)
        values = [float(value) - row.against for value in ticks]
        return [value for value in values if low <= value <= high]
    powers = range(math.floor(low), math.ceil(high) + 1)
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        values = [step * 10.0**power for power in powers for step in steps]
        values = [value for value in values if low <= math.log10(value) <= high]
        if len(values) <= 4:
            return values
    # ×1 is always one of them
    step = math.ceil(len(values) / 3)
    return values[values.index(1) % step :: step]


def _tick(row: Row, value: float) -> str:
    if row.scale == "ratio":
        return f"×{tick(value)}"
    if row.against:
        return f"{value + row.against:g}"
    return f"{value:+g}".replace("-", "−") if value else "0"


def _told(row: Row, places: int) -> str:
    if row.against:
        return f"{tell(row)}\u00a0%"
    if row.scale == "ratio":
        return f"{row.times}{plain_power(tell(row))}"
    return tell(row, sign=True, places=places)
