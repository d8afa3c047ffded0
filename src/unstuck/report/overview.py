"""Effects in units of their margins, as inline SVG: all answers, and one line of a claim."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

#: how far from zero an effect is drawn, in margins; beyond it an arrow says so
REACH = 6.0


@dataclass(frozen=True)
class Mark:
    """One claim in the picture.

    `short` is its name where there is little room.

    `places` are effects with the ends of their intervals, in units of the margin, positive in the
    sentence's direction; `error` is that of an exact claim, in units of its tolerance. A claim
    without either is told in words, by `said`.
    """

    id: str
    name: str
    short: str
    label: str
    group: str
    section: str
    places: Sequence[tuple[float, float, float]] = ()
    error: float | None = None
    said: str = ""


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


def placed(row: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """Give where a comparison stands in the picture: against the notes, the further left.

    Where they say that nothing differs, any difference speaks against them.
    """
    place = in_margins(row)
    if place is None or row["claims"] != "equivalence" or place[0] <= 0:
        return place
    effect, low, high = place
    return -effect, -high, -low


def error_share(row: Mapping[str, Any]) -> float | None:
    """Give how far a check is off in units of what it may be off; None where nothing was checked.

    One half stands for a check without a tolerance that holds, two for one that does not.
    """
    value, bound = row["value"], row["at_most"]
    if value is None:
        return None
    if row["equals"] is not None:
        off, bound = abs(value - row["equals"]), row["tolerance"]
    elif bound is not None and row["at_least"] is None and value >= 0:
        off = value
    else:
        return 0.5 if row["holds"] else 2.0
    return float(off / bound) if bound else 2.0 * (off > 0)


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
    width, step = (380, 34) if narrow else (1080, 15)
    left = 8 if narrow else max([160.0, *(_width(f"{mark.id} {mark.name}") for mark in marks)]) + 14
    span = width - left - (8 if narrow else 20)

    def at(value: float) -> float:
        return round(left + (min(max(value, -REACH), REACH) + REACH) / (2 * REACH) * span, 1)

    body: list[Markup] = []
    y = 34
    for section, title in sections.items():
        members = [mark for mark in marks if mark.section == section]
        if not members:
            continue
        y += 20
        body.append(
            Markup(
                '<a href="sections/{1}.html"><text x="0" y="{0}" class="section">{1} {2}</text></a>'
            ).format(y, section, title)
        )
        y += 1
        for mark in members:
            y += step
            named = replace(mark, name=mark.short) if narrow else mark
            body.append(_mark(named, y, at, left, width if narrow else 0))
        y += 8
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
    return Markup('<svg viewBox="0 0 {} {}" role="group" aria-label="{}">{}{}{}{}</svg>').format(
        *(width, y + 4, words["caption"], band, Markup("").join(lines), scale),
        Markup("").join(body),
    )


def line(row: Mapping[str, Any], group: str) -> Markup:
    """Draw one judged comparison or check, in the colour of its outcome."""
    width, height = 240, 22
    place = in_margins(row) if "effect" in row else None
    error = None if "effect" in row else error_share(row)
    mark = Mark("", "", "", "", group, "", [place] if place else [], error)

    def at(value: float) -> float:
        return round(width / 2 + min(max(value, -REACH), REACH) / REACH * (width / 2 - 8), 1)

    return Markup(
        '<svg viewBox="0 0 {} {}" class="line {}" aria-hidden="true">'
        '<rect x="{}" width="{}" height="{}" class="band"/>'
        '<line x1="{}" x2="{}" y1="0" y2="{}" class="zero"/><g>{}</g></svg>'
    ).format(
        *(width, height, group, at(-1), round(at(1) - at(-1), 1), height),
        *(at(0), at(0), height, _shape(mark, height // 2, at)),
    )


def _width(text: str) -> float:
    """Give about how many pixels a name takes: a Chinese letter is as wide as it is high."""
    return sum(13.0 if ord(letter) >= 0x2E80 else 7.0 for letter in text)


def _mark(mark: Mark, y: int, at: Any, left: float, narrow: int) -> Markup:
    name = f"{mark.id} {mark.name}"
    # above its line on a phone, and pressed together where it is wider than that
    fitted = Markup(' textLength="{}" lengthAdjust="spacingAndGlyphs"').format(narrow)
    place = (0, y - 14, "start") if narrow else (round(left - 14, 1), y + 4, "end")
    text = Markup('<text x="{}" y="{}" class="{}"{}>{}</text>').format(
        *place, fitted if 0 < narrow < _width(name) else "", name
    )
    return Markup('<a href="claims/{}.html" class="{}"><title>{}</title>{}{}</a>').format(
        mark.id, mark.group, mark.label, text, _shape(mark, y, at)
    )


def _shape(mark: Mark, y: int, at: Any) -> Markup:
    if not mark.places and mark.error is None:
        return Markup('<text x="{}" y="{}" class="mid said">{}</text>').format(
            at(0), y + 4, mark.said
        )
    if not mark.places:
        # exact: from the right where it is not off at all, by the margin at its tolerance
        error = min(mark.error or 0.0, REACH)
        x = at(REACH - (REACH - 1) * error if error <= 1 else -error)
        return Markup('<path d="M{} {}l6 6l-6 6l-6 -6z"/>').format(x, y - 6)
    return Markup("").join(_interval(*place, y, at) for place in mark.places)


def _interval(effect: float, low: float, high: float, y: int, at: Any) -> Markup:
    line = Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/>').format(at(low), at(high), y, y)
    if abs(effect) <= REACH:
        return line + Markup('<circle cx="{}" cy="{}" r="5"/>').format(at(effect), y)
    tip = 7 if effect > 0 else -7
    return line + Markup('<path d="M{} {}l{} 6l{} 6z"/>').format(at(effect) - tip, y - 6, tip, -tip)
