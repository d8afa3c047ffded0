"""The words above a figure: its verdict, its title, and what is measured."""

import math
from collections.abc import Mapping

from matplotlib.figure import SubFigure

from unstuck.figures.lettering import even_lines, width_of
from unstuck.figures.pen import HEADING, LABEL, SUBTITLE, TITLE, Pen
from unstuck.statistics.rule import YES, Word

MARGIN = 34  # pixels left and right
KEY_LINE = 44  # height of a line of names of colours
LEADING = 1.28  # height of a line over the size of its letters
MARKS = {Word.NO_EFFECT: "≈", Word.CONTRADICTED: "✗", Word.INVALID: "!"}


def header_height(pen: Pen, title: str, subtitle: str, key: Mapping[str, str]) -> float:
    """Give how many pixels the words above a picture take."""
    height = 18 + 40 + 6.0
    for text, size, weight in ((title, TITLE, "bold"), (subtitle, SUBTITLE, "normal")):
        height += LEADING * size * len(_lines(pen, text, size, weight)) + 6
    return height + KEY_LINE * len(_key_lines(pen, key))


def heading_height(pen: Pen, reading: str, key: Mapping[str, str]) -> float:
    """Give how many pixels the heading of a picture below takes."""
    lines = _lines(pen, reading, SUBTITLE, "normal") if reading else []
    return 60.0 + LEADING * SUBTITLE * len(lines) + KEY_LINE * len(_key_lines(pen, key))


def write_header(
    pen: Pen, spot: SubFigure, title: str, subtitle: str, key: Mapping[str, str]
) -> None:
    """Write the verdict, the title, what is measured, and the names of colours."""
    outcome = pen.data.outcome
    mark = MARKS.get(outcome, "✓" if outcome in YES else "–")
    y = 18.0
    _write(
        *(pen, spot, MARGIN, y, f"{mark} {pen.words.outcome(outcome)}", SUBTITLE),
        weight="bold",
        color=pen.palette.outcome(outcome),
    )
    y += 40
    for text, size, weight, colour in (
        (title, TITLE, "bold", pen.palette.ink),
        (subtitle, SUBTITLE, "normal", pen.palette.quiet),
    ):
        for line in _lines(pen, text, size, weight):
            _write(pen, spot, MARGIN, y, line, size, weight=weight, color=colour)
            y += LEADING * size
        y += 6
    _write_key(pen, spot, y + 4, key)


def write_heading(
    pen: Pen, spot: SubFigure, text: str, reading: str, key: Mapping[str, str]
) -> None:
    """Write the heading of a picture below, what its marks are, and the names of its colours."""
    _write(pen, spot, MARGIN, 14, text, HEADING, weight="bold", color=pen.palette.ink)
    y, quiet = 58.0, pen.palette.quiet
    for line in _lines(pen, reading, SUBTITLE, "normal") if reading else []:
        _write(pen, spot, MARGIN, y, line, SUBTITLE, weight="normal", color=quiet)
        y += LEADING * SUBTITLE
    _write_key(pen, spot, y, key)


def _write_key(pen: Pen, spot: SubFigure, y: float, key: Mapping[str, str]) -> None:
    """Name colours in lines, each after a dot of it."""
    for line in _key_lines(pen, key):
        for x, text in line:
            _write(pen, spot, x, y, f"● {text}", LABEL, weight="bold", color=key[text])
        y += KEY_LINE


def _key_lines(pen: Pen, key: Mapping[str, str]) -> list[list[tuple[float, str]]]:
    """Give the names of colours line by line, each with its distance from the left."""
    lines: list[list[tuple[float, str]]] = []
    x = math.inf
    for text in key:
        width = width_of(f"● {text}", LABEL, "bold")
        if x + width > MARGIN + _room(pen):
            lines.append([])
            x = MARGIN
        lines[-1].append((x, text))
        x += width + 32
    return lines


def _write(
    pen: Pen,
    spot: SubFigure,
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    weight: str,
    color: str,
) -> None:
    """Write a line at pixels from the left and from the top of a spot."""
    height = float(spot.bbox.height)
    wide = pen.figure.get_figwidth() * pen.figure.dpi
    spot.text(
        *(x / wide, 1 - y / height, text), fontsize=size, fontweight=weight, color=color, va="top"
    ).set_in_layout(False)


def _room(pen: Pen) -> float:
    return float(pen.figure.get_figwidth() * pen.figure.dpi - 2 * MARGIN)


def _lines(pen: Pen, text: str, size: float, weight: str) -> list[str]:
    room = _room(pen)
    narrower = range(int(room), int(room / 2), -20)
    return even_lines(text, lambda part: width_of(part, size, weight), room, narrower)
