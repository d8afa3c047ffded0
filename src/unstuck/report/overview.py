"""All answers in one picture: each effect in units of its margin, as inline SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

#: how far from zero an effect is drawn, in margins; beyond it an arrow says so
REACH = 6.0


@dataclass(frozen=True)
class Mark:
    """One claim in the picture.

    `effect`, `low` and `high` are in units of the margin, positive in the sentence's direction;
    None of an exact claim, which `holds` or not.
    """

    id: str
    name: str
    label: str
    group: str
    section: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    holds: bool = True


def in_margins(row: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Give effect and interval of a judged comparison in units of its margin.

    A factor counts by its logarithm over that of its margin.
    """
    numbers = [row["effect"], row["low"], row["high"]]
    if any(number is None for number in numbers):
        return None
    if row["scale"] == "ratio":
        logs = [math.log(number) / math.log(row["margin"]) for number in numbers]
        return logs[0], logs[1], logs[2]
    effect, low, high = (number / row["margin"] for number in numbers)
    return effect, low, high


def draw(
    marks: Sequence[Mark],
    sections: Mapping[str, str],
    words: Mapping[str, str],
    *,
    narrow: bool = False,
) -> Markup:
    """Draw the picture.

    Parameters
    ----------
    marks
        In the order in which they stand, grouped by section.
    sections
        Their titles, by number.
    words
        `little`, `right`, `reverse` and `caption`.
    narrow
        For a phone: names stand above the lines instead of beside them.
    """
    width, left, step = (380, 8, 34) if narrow else (1080, 330, 18)
    span = width - left - (8 if narrow else 20)

    def at(value: float) -> float:
        return round(left + (min(max(value, -REACH), REACH) + REACH) / (2 * REACH) * span, 1)

    body: list[Markup] = []
    y = 34
    for section, title in sections.items():
        members = [mark for mark in marks if mark.section == section]
        if not members:
            continue
        y += 14
        body.append(
            Markup('<text x="0" y="{}" class="section">{} {}</text>').format(y, section, title)
        )
        y += 4
        for mark in members:
            y += step
            body.append(_mark(mark, y, at, left, narrow=narrow))
        y += 12
    band = Markup('<rect x="{}" y="24" width="{}" height="{}" class="band"/>').format(
        at(-1), round(at(1) - at(-1), 1), y - 24
    )
    lines = [
        Markup('<line x1="{0}" x2="{0}" y1="24" y2="{1}" class="{2}"/>').format(
            at(value), y, "zero" if value == 0 else "grid"
        )
        for value in (-4, -2, 0, 2, 4)
    ]
    scale = Markup(
        '<text x="{}" y="14" class="mid">{}</text><text x="{}" y="14" class="end">{}</text>'
        '<text x="{}" y="14">{}</text>'
    ).format(
        *(at(0), "±1" if narrow else words["little"]),
        *(width - 4, words["right"], left, words["reverse"]),
    )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}</svg>').format(
        *(width, y + 4, words["caption"], band, Markup("").join(lines), scale),
        Markup("").join(body),
    )


def _mark(mark: Mark, y: int, at: Any, left: int, *, narrow: bool) -> Markup:
    name = f"{mark.id} {mark.name}"
    text = (
        Markup('<text x="0" y="{}">{}</text>').format(y - 14, name)
        if narrow
        else Markup('<text x="{}" y="{}" class="end">{}</text>').format(left - 14, y + 4, name)
    )
    return Markup('<a href="claims/{}.html" class="{}"><title>{}</title>{}{}</a>').format(
        mark.id, mark.group, mark.label, text, _shape(mark, y, at)
    )


def _shape(mark: Mark, y: int, at: Any) -> Markup:
    if mark.effect is None:
        # nothing was measured, or it is exact: a diamond where it holds, a cross mark where not
        if mark.group == "open":
            return Markup("")
        x = at(3 if mark.holds else -3)
        return Markup('<path d="M{} {}l6 6l-6 6l-6 -6z"/>').format(x, y - 6)
    low, high = mark.low or 0.0, mark.high or 0.0
    line = Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/>').format(at(low), at(high), y, y)
    if abs(mark.effect) <= REACH:
        return line + Markup('<circle cx="{}" cy="{}" r="5"/>').format(at(mark.effect), y)
    tip = 7 if mark.effect > 0 else -7
    return line + Markup('<path d="M{} {}l{} 6l{} 6z"/>').format(
        at(mark.effect) - tip, y - 6, tip, -tip
    )
