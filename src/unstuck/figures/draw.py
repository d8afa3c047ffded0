"""A claim's figure as a whole: title, picture, comparison, and the pictures below."""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpec, GridSpecFromSubplotSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine

from unstuck.claims.drawing import Drawing, Effects
from unstuck.claims.model import Claim
from unstuck.errors import NoRowsError, RegistryError
from unstuck.figures.data import FigureData
from unstuck.figures.fonts import language_that_can_be_drawn
from unstuck.figures.header import Head, header, heading
from unstuck.figures.judged import figure_data
from unstuck.figures.kinds import effects
from unstuck.figures.output import DPI, WIDTH, save, styled
from unstuck.figures.palette import palette
from unstuck.figures.pen import MOST_PANELS, Pen, Place, Plan
from unstuck.figures.title import make_subtitle, make_title
from unstuck.figures.words import Dictionary, load_dictionary
from unstuck.study.report import FigureSettings

HEIGHT = 675  # of the main picture: 16:9
BELOW = 470  # height of a picture below
EDGE = 26  # left and right of pictures


@dataclass(frozen=True)
class Picture:
    """A picture that is planned: its words, its height in pixels, and what stands beside it."""

    panel: Drawing
    pen: Pen
    plan: Plan
    head: Head
    height: float
    beside: Sequence[effects.Group] = ()


def draw(panel: Drawing, data: FigureData, words: Dictionary, settings: FigureSettings) -> Figure:
    """Draw a claim's figure.

    Parameters
    ----------
    panel
        What the claim's file describes.
    data
        What is drawn, with words in the language of ``words``.

    Raises
    ------
    DataError
        If a table or column is missing, or nothing is left to draw.
    """
    with _page(data, words.with_own(panel.words, data.words), settings) as pen:
        plan = _plan(panel, pen)
        below = _below(panel.below, pen, plan.reading)
        title = make_title(data, panel, pen.words)
        subtitle = make_subtitle(data, panel, pen.words, plan.reading)
        pen.figure.set_label(f"{title}\n{subtitle}")
        head = header(pen, title, subtitle, plan.key)
        room = HEIGHT - head.height
        groups = _beside(panel, data, room)
        least = max(room, plan.least_height, effects.height_beside(groups))
        _pictures([Picture(panel, pen, plan, head, least, groups), *below])
    return pen.figure


def draw_pictures(
    panels: Sequence[Drawing], data: FigureData, words: Dictionary, settings: FigureSettings
) -> Figure:
    """Draw pictures one below the other, each under its own title.

    Raises
    ------
    DataError
        If a table or column is missing, or nothing is left to draw.
    """
    with _page(data, words, settings) as pen:
        pen.figure.set_label(data.claim)
        _pictures(_below(panels, pen))
    return pen.figure


def save_claim(
    claim: Claim,
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    dictionary: str | Path,
    settings: FigureSettings,
    paths: Iterable[str | Path],
) -> None:
    """Draw a claim's figure and write it.

    Parameters
    ----------
    summary
        Its verdict, as ``verdict.json`` holds it.
    tables
        What the figure reads; where that is not there, or has no row of what is drawn, what was
        judged is drawn instead.
    dictionary
        File of the words of figures.
    paths
        Files of it, whose suffixes say their format.
    """
    words = load_dictionary(dictionary, language_that_can_be_drawn(settings.language))
    data = figure_data(claim, summary, tables, words)
    forest = Effects(kind="effects")
    drawable = claim.figure is not None and set(claim.figure.tables()) <= set(tables)
    wanted = claim.figure if claim.figure is not None and drawable else forest
    try:
        drawn = draw(wanted, data, words, settings)
    except NoRowsError:
        # no run stalled, say: then nothing was tested either
        drawn = draw(forest, data, words, settings)
    for path in paths:
        save(drawn, path, settings)


def _below(panels: Sequence[Drawing], pen: Pen, said: str | None = None) -> list[Picture]:
    """Plan pictures below: each says what its marks are where the figure has not said the same."""
    found = []
    for panel in panels:
        own = replace(pen, words=pen.words.with_own(panel.words, pen.data.words))
        plan = _plan(panel, own)
        title = panel.title.words(own.words.language) if panel.title else ""
        text = pen.data.filling.fill(title)
        reading = plan.reading if said is not None and plan.reading != said else ""
        head = heading(own, text, reading, plan.key)
        found.append(Picture(panel, own, plan, head, BELOW - head.height))
    return found


def _pictures(pictures: Sequence[Picture]) -> None:
    """Draw pictures one below the other, each under its words."""
    heights = [height for each in pictures for height in (each.head.height, each.height)]
    spots = _spots(pictures[0].pen.figure, heights)
    for each, top, spot in zip(pictures, spots[::2], spots[1::2], strict=True):
        each.head.write(top)
        _picture(each, spot)


@contextmanager
def _page(data: FigureData, words: Dictionary, settings: FigureSettings) -> Iterator[Pen]:
    """Open a figure to draw on; at the end lay it out, then place what depends on places."""
    colours = palette(settings.scheme)
    with styled(colours, words.language):
        figure = Figure(dpi=DPI, facecolor=colours.paper)
        figure.set_size_inches(WIDTH / DPI, HEIGHT / DPI)
        pen = Pen(figure, data, words, colours)
        yield pen
        figure.draw_without_rendering()
        _settle(figure)
        for settle in pen.later:
            settle()


def _settle(figure: Figure) -> None:
    """Lay a figure out once for all files, with spots and axes at places rounded to a millionth.

    The layout's solver adds in the order of memory addresses, so its last digits vary from run to
    run, and with them the identifiers that an SVG derives from clipping rectangles.
    """
    figure.set_layout_engine("none")
    for spot in figure.subfigs:
        low, high = (
            np.abs(np.round(end, 6)) for end in (spot.bbox_relative.p0, spot.bbox_relative.p1)
        )
        spot.bbox_relative.p0, spot.bbox_relative.p1 = low, high
    for ax in figure.axes:
        ax.set_position(tuple(np.round(ax.get_position(original=True).bounds, 6).tolist()))


def _plan(panel: Drawing, pen: Pen) -> Plan:
    plan: Plan = _kind(panel).plan(panel, pen)
    if len(plan.panels) > MOST_PANELS and not plan.heights:
        raise RegistryError(
            f"figure of claim {pen.data.claim}: {len(plan.panels)} panels, of at most "
            f"{MOST_PANELS}; choose some with `where`."
        )
    return plan


def _spots(figure: Figure, heights: list[float]) -> list[SubFigure]:
    """Give spots one below the other: those of words as wide as the figure, pictures less so."""
    figure.set_size_inches(WIDTH / DPI, sum(heights) / DPI)
    figure.set_layout_engine(
        ConstrainedLayoutEngine(w_pad=8 / DPI, h_pad=6 / DPI, wspace=0.02, hspace=0.02)
    )
    grid = GridSpec(
        *(len(heights), 3),
        figure,
        height_ratios=heights,
        width_ratios=[EDGE, WIDTH - 2 * EDGE, EDGE],
    )
    return [
        figure.add_subfigure(grid[index, 1] if index % 2 else grid[index, :])
        for index in range(len(heights))
    ]


def _beside(panel: Drawing, data: FigureData, room: float) -> list[effects.Group]:
    if panel.beside is False or isinstance(panel, Effects):
        return []
    return effects.groups_beside(data, () if panel.beside is True else panel.beside, room)


def _picture(picture: Picture, spot: SubFigure) -> None:
    """Draw one picture, with the comparison beside it where that is wanted."""
    panel, pen, plan, groups = picture.panel, picture.pen, picture.plan, picture.beside
    grid = spot.add_gridspec(1, 2 if groups else 1, width_ratios=[2, 1] if groups else [1])
    count, stacked = len(plan.panels), bool(plan.heights)
    inner = GridSpecFromSubplotSpec(
        *((count, 1) if stacked else (1, count)), grid[0], height_ratios=plan.heights or None
    )
    places: list[Place] = []
    for index, value in enumerate(plan.panels):
        first = index == 0
        ax = spot.add_subplot(
            inner[index], sharey=places[0].ax if plan.share_y and places else None
        )
        column = getattr(panel, "panel", "")
        rows = plan.table[plan.table[column] == value] if column else plan.table
        places.append(Place(ax, value, rows, first, first or not plan.share_y, count))
    _kind(panel).draw(panel, pen, plan, places)
    if groups:
        stack = GridSpecFromSubplotSpec(
            len(groups), 1, grid[1], height_ratios=[sum(effects.lines(group)) for group in groups]
        )
        for index, (group, noted) in enumerate(zip(groups, effects.notes(groups), strict=True)):
            effects.beside(pen, spot.add_subplot(stack[index]), group, noted)


def _kind(panel: Drawing) -> ModuleType:
    return importlib.import_module(f"unstuck.figures.kinds.{panel.kind}")
