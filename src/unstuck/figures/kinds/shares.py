"""Stacked bars: which share of the rows is of which kind."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Text

from unstuck.claims.drawing import Shares
from unstuck.figures.lettering import numeric, width_of, wrapped
from unstuck.figures.palette import letters_on
from unstuck.figures.pen import LABEL, TICK, Pen, Place, Plan

ASIDE, CLEAR = 3, 9  # pixels between a number and the ends of its share, and a mark
BESIDE = 0.03  # from the end of a share that stands alone to its number
HEAD = 0.85  # of a row's height, for the name of a group
ROW, AROUND = 41, 110  # pixels of a row at the least, and of what stands round bars
BAR = 0.7  # of a row's height


def plan(panel: Shares, pen: Pen) -> Plan:
    """Give the panels and the colours' names."""
    table = pen.rows(panel)
    key = {} if panel.only else pen.key(table, panel.of, panel)
    panels = pen.order(table, panel.panel, panel)
    # of the panel that has most bars
    parts = [part for _, part in table.groupby(panel.panel)] if panel.panel else [table]
    most = max(_rows(panel, part) for part in parts)
    return Plan(table, panels, key=key, share_y=False, least_height=AROUND + ROW * most)


def _rows(panel: Shares, part: pd.DataFrame) -> float:
    """Give how many bars are as high as those of a panel with the names of their groups."""
    bars = len(part[list(panel.rows)].drop_duplicates())
    groups = part[panel.rows[0]].nunique() if len(panel.rows) > 1 else 0
    return bars + HEAD * groups


def draw(panel: Shares, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw one panel after the other."""
    table = plan.table
    shown = table[table[panel.of].map(str) == panel.only] if panel.only else table
    # of a value that no row has each bar is empty
    tints = pen.tints(shown, panel.of, panel) or {panel.only: pen.palette.quiet}
    inner = panel.rows[-1]
    # numbers alone do not say of what
    counted = any(numeric(each) is not None for each in table[inner].unique())
    for place in places:
        _bars(panel, pen, place.ax, place.rows, tints)
        # each panel has bars of its own
        named = replace(place, first=True)
        pen.frame(named, panel.panel, "", inner if counted else "", None)
        place.ax.tick_params(axis="y", labelcolor=pen.palette.ink)


def _bars(panel: Shares, pen: Pen, ax: Axes, part: pd.DataFrame, tints: dict[Any, str]) -> None:
    outer = panel.rows[0]
    inner = panel.rows[1] if len(panel.rows) > 1 else ""
    height, ticks, names = 0.0, [], []
    for group in pen.order(part, outer, panel):
        rows = part[part[outer] == group]
        if inner:
            _note(pen, ax, (0, height), pen.words.value(outer, group), pen.palette.ink, "bold")
            height += HEAD
        for each in pen.order(rows, inner, panel):
            bar = rows[rows[inner] == each] if inner else rows
            _bar(panel, pen, ax, bar, height, tints)
            _note(pen, ax, (1, height), f"n\u00a0=\u00a0{len(bar)}", pen.palette.quiet)
            ticks.append(height)
            name = pen.words.value(inner, each) if inner else pen.words.value(outer, group)
            names.append(wrapped(name, 20))
            height += 1
    ax.set_yticks(ticks, names)
    ax.set_ylim(height - 0.45, -0.45 if inner else -0.85)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "50", "100 %"])
    if panel.mark is not None:
        ax.axvline(panel.mark, color=pen.palette.ink, linewidth=2, linestyle=(0, (4, 3)))
        ax.annotate(
            pen.words.phrase("mark", share=f"{100 * panel.mark:g}"),
            (panel.mark, 0),
            xycoords="axes fraction",
            xytext=(0, -46),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=TICK,
            fontweight="bold",
            color=next(iter(tints.values())),
        )


def _note(
    pen: Pen, ax: Axes, place: tuple[float, float], text: str, colour: str, weight: str = "normal"
) -> None:
    """Write above a group of bars, or behind a bar."""
    ax.annotate(
        text,
        place,
        xytext=(10 * place[0], 0),
        textcoords="offset points",
        va="center",
        fontsize=TICK,
        fontweight=weight,
        color=colour,
        annotation_clip=False,
    )


def _bar(
    panel: Shares, pen: Pen, ax: Axes, bar: pd.DataFrame, height: float, tints: dict[Any, str]
) -> None:
    """Draw a bar, each share with its number where that has room."""
    left = 0.0
    if panel.only:
        # of an empty bar the frame is seen
        ax.barh(height, 1, height=BAR, fill=False, edgecolor=pen.palette.quiet, lw=2, zorder=3)
    for kind, tint in tints.items():
        among = bar[panel.of] == kind
        units = among.groupby(bar[panel.mean_over]).mean() if panel.mean_over else among
        share = float(units.mean())
        ax.barh(height, share, left=left, height=BAR, color=tint, edgecolor=pen.palette.paper, lw=2)
        number = ax.text(
            *(left + share / 2, height, f"{100 * share:.0f} %"),
            ha="center",
            va="center",
            fontsize=LABEL,
            fontweight="bold",
            color=letters_on(tint),
        )
        pen.later.append(partial(_settle, panel, pen, ax, number, left, share))
        left += share


def _settle(panel: Shares, pen: Pen, ax: Axes, number: Text, left: float, share: float) -> None:
    """Write a number inside its share and clear of the mark; without room without %, or not."""
    whole = float(ax.get_window_extent().width)
    told = number.get_text()
    for text in (told, told.removesuffix(" %")):
        wide = width_of(text, LABEL, "bold") / 2
        half, clear = (wide + ASIDE) / whole, (wide + CLEAR) / whole
        places = [left + share / 2]
        if panel.mark is not None and abs(places[0] - panel.mark) < clear:
            places = [panel.mark - clear, panel.mark + clear]
        for place in places:
            if left + half <= place <= left + share - half:
                number.set(text=text, x=place)
                return
    if panel.only:
        number.set(text=told, x=share + BESIDE, ha="left", color=pen.palette.ink)
    else:
        number.remove()
