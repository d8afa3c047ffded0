"""What was judged: a row a comparison, coloured by its outcome, with the margin in grey."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from unstuck.claims.drawing import Effects
from unstuck.figures.data import FigureData, Part, Row
from unstuck.figures.palette import HOLLOW
from unstuck.figures.pen import LABEL, TICK, Pen, Plan, tick, wrapped
from unstuck.figures.title import tell
from unstuck.wording import number

MOST_BESIDE = 6  # rows beside a picture
PITCH = 84  # pixels between them at most
SMALLEST = 1e-3  # error over tolerance from which on exact checks are drawn at the left end


def plan(panel: Effects, pen: Pen) -> Plan:
    """Give the parts, which have axes each."""
    return Plan([part.key for part in pen.data.parts], share_y=False)


def draw(panel: Effects, pen: Pen, axes: Mapping[Any, Axes]) -> None:
    """Draw a forest a part, with names at the left, and numbers and outcomes at the right."""
    for part in pen.data.parts:
        ax = axes[part.key]
        rows = part.of(*panel.roles)
        _frame(pen, ax, part, rows, reach=0.5)
        ax.set_xlabel(_title(pen, part, 60), **_quiet(pen))
        for height, row in enumerate(rows):
            _interval(pen, ax, part, row, height, f"{part.key}-{height}")
            ax.annotate(
                f"{_told(part, row)}  {pen.words.outcome(row.outcome)}",
                (1, height),
                xycoords=("axes fraction", "data"),
                xytext=(14, 0),
                textcoords="offset points",
                va="center",
                fontsize=TICK,
                color=pen.palette.outcome(row.outcome),
                fontweight="bold" if row.role == "primary" else "normal",
            )
        ax.set_yticks(range(len(rows)), [wrapped(row.name, 34) for row in rows])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        for label, row in zip(ax.get_yticklabels(), rows, strict=True):
            label.set_color(pen.palette.ink)
            label.set_fontweight("bold" if row.role == "primary" else "normal")


def groups_beside(data: FigureData) -> list[list[tuple[Part, Row]]]:
    """Give the rows beside a picture, those of one unit, scale and margin together.

    Every primary; its data sets and what the answer tells of the scope as far as there is room.
    """
    groups: dict[tuple[str, str, float], list[tuple[Part, Row]]] = {}
    wanted = [
        [(part, row) for part in data.parts for row in rows(part)]
        for rows in (
            lambda part: part.of("primary"),
            lambda part: part.of("data set"),
            lambda part: [row for row in part.of("scope") if row.told],
        )
    ]
    chosen = wanted[0]
    for more in wanted[1:]:
        if len(chosen) + len(more) <= MOST_BESIDE:
            chosen = chosen + more
    for part in data.parts:
        rows = [(part, row) for row in part.rows if (part, row) in chosen]
        groups.setdefault((part.unit, part.scale, part.margin), []).extend(rows)
    return list(groups.values())


def beside(pen: Pen, ax: Axes, group: Sequence[tuple[Part, Row]], *, noted: bool) -> None:
    """Draw rows beside a picture, names above the intervals.

    Parameters
    ----------
    noted
        Whether it is said what the grey is.
    """
    part = group[0][0]
    _frame(pen, ax, part, [row for _, row in group], reach=0.2)
    ax.set_xlabel(_title(pen, part, 22, noted=noted), **_quiet(pen))
    for height, (own, row) in enumerate(group):
        _interval(pen, ax, part, row, height, f"beside-{own.key}-{own.rows.index(row)}")
        weight = "bold" if row.role == "primary" else "normal"
        for side, text, colour, bold in (
            (0, wrapped(row.name, 18), pen.palette.ink, weight),
            (1, _told(part, row), pen.palette.outcome(row.outcome), "bold"),
        ):
            ax.annotate(
                text,
                (side, height),
                xycoords=("axes fraction", "data"),
                xytext=(0, 17),
                textcoords="offset points",
                ha="right" if side else "left",
                va="bottom",
                fontsize=LABEL,
                fontweight=bold,
                color=colour,
                annotation_clip=False,
            )
    ax.set_yticks([])
    ax.set_ylim(len(group) - 0.6, -0.75)

    def settle() -> None:
        """Keep rows together where there is room to spare."""
        room = float(ax.get_window_extent().height)
        ax.set_ylim(max(len(group) - 0.6, room / PITCH - 0.75), -0.75)

    pen.later.append(settle)


def _frame(pen: Pen, ax: Axes, part: Part, rows: Sequence[Row], *, reach: float) -> None:
    """Draw the margin and zero, a piece a row, so that names between them stand on paper."""
    pen.plain(ax, None)
    low, high = _ends(part, rows)
    ax.set_xlim(low, high)
    band = (
        (low, 0.0) if part.scale == "exact" else (-_at(part, part.margin), _at(part, part.margin))
    )
    for height in range(len(rows)):
        ends = (height - reach, height + reach)
        ax.fill_between(band, *ends, color=pen.palette.margin, lw=0)
        if part.scale != "exact":
            ax.plot([0, 0], ends, color=pen.palette.quiet, lw=2, solid_capstyle="butt")
    ticks = _ticks(part, low, high)
    ax.xaxis.set_major_locator(FixedLocator([_at(part, tick) for tick in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels([_tick(part, tick) for tick in ticks])


def _quiet(pen: Pen) -> dict[str, Any]:
    return {"fontsize": TICK, "color": pen.palette.quiet, "labelpad": 6}


def _title(pen: Pen, part: Part, width: int, *, noted: bool = True) -> str:
    exact = part.scale == "exact"
    lines = [
        pen.words.phrase("error" if exact else "factor")
        if part.scale != "difference"
        else part.unit
    ]
    if noted:
        lines.append(pen.words.phrase("tolerance" if exact else "margin"))
    return "\n".join(wrapped(line, width) for line in lines if line)


def _interval(pen: Pen, ax: Axes, part: Part, row: Row, height: float, name: str) -> None:
    """Draw an interval and its dot; both say in their ids whose and of which outcome they are."""
    colour = pen.palette.outcome(row.outcome)
    low, high = ax.get_xlim()
    label = f"effect-{name}-{row.outcome}".replace(" ", "-")
    if math.isfinite(row.effect):
        ends = np.clip([_at(part, row.low), _at(part, row.high)], low, high)
        ax.plot(
            ends,
            [height, height],
            lw=5,
            color=colour,
            solid_capstyle="round",
            gid=f"{label}-interval",
        )
        ax.plot(
            *([np.clip(_at(part, row.effect), low, high)], [height]),
            "D" if row.role == "primary" else "o",
            ms=15 if row.role == "primary" else 12,
            color=pen.palette.paper if row.outcome in HOLLOW else colour,
            markeredgecolor=colour,
            markeredgewidth=3.5,
            gid=label,
        )


def _at(part: Part, value: float) -> float:
    """Give where a value stands on the axis: logarithms of factors and of errors."""
    if part.scale == "ratio":
        return math.log10(value) if value > 0 else -math.inf
    if part.scale == "exact":
        return math.log10(max(value / part.margin if part.margin else value, SMALLEST))
    return value


def _ends(part: Part, rows: Sequence[Row]) -> tuple[float, float]:
    values = [_at(part, value) for row in rows for value in (row.effect, row.low, row.high)]
    finite = [value for value in values if math.isfinite(value)]
    if part.scale == "exact":
        return min([-1.0, *finite]) - 0.3, max([0.5, *finite]) + 0.3
    band = 1.25 * _at(part, part.margin)
    low, high = min([-band, *finite]), max([band, *finite])
    room = 0.06 * (high - low)
    return low - room, high + room


def _ticks(part: Part, low: float, high: float) -> list[float]:
    """Give few round values: always nothing, and one or two more."""
    if part.scale == "difference":
        return [
            float(tick) for tick in MaxNLocator(3).tick_values(low, high) if low <= tick <= high
        ]
    if part.scale == "exact":
        return [part.margin] if part.margin else []
    powers = range(math.floor(low), math.ceil(high) + 1)
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= math.log10(tick) <= high]
        if len(ticks) <= 4:
            return ticks
    return ticks[:: math.ceil(len(ticks) / 4)]


def _tick(part: Part, value: float) -> str:
    if part.scale == "ratio":
        return f"×{number(float(value))}"
    if part.scale == "exact":
        return tick(value)
    return f"{value:+g}".replace("-", "−") if value else "0"


def _told(part: Part, row: Row) -> str:
    if not math.isfinite(row.effect):
        return "–"
    return f"×{tell(part, row)}" if part.scale == "ratio" else tell(part, row, sign=True)
