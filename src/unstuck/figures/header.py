"""The words above a figure: its verdict, its title, and what is measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from matplotlib.figure import SubFigure

from unstuck.figures.lettering import even_lines, width_of
from unstuck.figures.output import WIDTH
from unstuck.figures.pen import HEADING, LABEL, SUBTITLE, TITLE, Pen
from unstuck.statistics.rule import YES, Word

MARGIN = 34  # pixels left and right
ROOM = WIDTH - 2 * MARGIN
KEY_LINE = 44  # height of a line of names of colours
LEADING = 1.28  # height of a line over the size of its letters
MARKS = {Word.NO_EFFECT: "≈", Word.CONTRADICTED: "✗", Word.INVALID: "!"}


@dataclass
class Head:
    """Texts above a picture: how many pixels they take, and what stands where.

    Attributes
    ----------
    texts
        Of each its pixels from the left and from the top, what it says, size, weight and colour.
    """

    height: float = 0
    texts: list[tuple[float, float, str, int, str, str]] = field(default_factory=list)

    def write(self, spot: SubFigure) -> None:
        """Write the texts in a spot."""
        high = float(spot.bbox.height)
        for x, y, text, size, weight, colour in self.texts:
            written = spot.text(x / WIDTH, 1 - y / high, text, fontsize=size, color=colour)
            written.set(va="top", fontweight=weight, in_layout=False)

    def add(self, text: str, size: int, weight: str, colour: str) -> None:
        """Add a text below the others, in as many lines as it needs."""
        narrower = range(ROOM, ROOM // 2, -20)
        for line in even_lines(text, lambda part: width_of(part, size, weight), ROOM, narrower):
            self.texts.append((MARGIN, self.height, line, size, weight, colour))
            self.height += LEADING * size

    def add_key(self, key: Mapping[str, str]) -> None:
        """Name colours in lines below, each after a dot of it."""
        x, y = math.inf, self.height - KEY_LINE
        for text, colour in key.items():
            width = width_of(f"● {text}", LABEL, "bold")
            if x + width > MARGIN + ROOM:
                x, y = MARGIN, y + KEY_LINE
            self.texts.append((x, y, f"● {text}", LABEL, "bold", colour))
            x += width + 32
        self.height = y + KEY_LINE + 2


def header(pen: Pen, title: str, subtitle: str, key: Mapping[str, str]) -> Head:
    """Give the verdict, the title, what is measured, and the names of colours."""
    outcome = pen.data.outcome
    mark = MARKS.get(outcome, "✓" if outcome in YES else "–")
    verdict = f"{mark} {pen.words.outcome(outcome)}"
    head = Head(58, [(MARGIN, 18, verdict, SUBTITLE, "bold", pen.palette.outcome(outcome))])
    head.add(title, TITLE, "bold", pen.palette.ink)
    head.height += 6
    head.add(subtitle, SUBTITLE, "normal", pen.palette.quiet)
    head.height += 10
    head.add_key(key)
    return head


def heading(pen: Pen, title: str, reading: str, key: Mapping[str, str]) -> Head:
    """Give the heading of a picture below, what its marks are, and the names of its colours."""
    head = Head(58, [(MARGIN, 14, title, HEADING, "bold", pen.palette.ink)])
    if reading:
        head.add(reading, SUBTITLE, "normal", pen.palette.quiet)
    head.add_key(key)
    return head
