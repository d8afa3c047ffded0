"""A figure's title, made from the verdict's row, and what it says of its measure."""

import math
import re
from dataclasses import dataclass

from unstuck.claims.drawing import MOST_WORDS, Label, Panel
from unstuck.figures.data import FigureData, Part, Row
from unstuck.figures.palette import Outcome
from unstuck.figures.words import Dictionary, with_unit
from unstuck.wording import number

POINTS = "percentage points"
MOST_PLACES = 9
_CHOICE = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")  # {higher|lower}
# the outcomes of which a number is told, and how their titles differ
_TOLD: tuple[Outcome, ...] = (
    "supported",
    "small",
    "direction",
    "contradicted",
    "wrong direction",
    "partly",
)
_OTHERWISE: dict[Outcome, str] = {
    "undecided": "open",
    "not tested here": "untested",
    "invalid": "failed",
}


@dataclass(frozen=True)
class Title:
    """A sentence, and the numbers of the verdict that it tells."""

    text: str
    numbers: tuple[float, ...] = ()


def make_title(data: FigureData, panel: Panel, words: Dictionary) -> Title:
    """Say the finding in at most 14 words.

    The claim's own sentence is taken where the outcome has an effect to tell; else a sentence from
    the words of the measure. A number is the primary's effect as the verdict has it.
    """
    part = data.parts[0]
    if data.outcome not in _TOLD:
        return _without_number(data, part, words)
    told = tell(part, part.primary)
    if panel.title is not None:
        text = filled(panel.title, part, words)
    else:
        text = _from_measure(part, told, words)
    if data.outcome in ("small", "direction") and "{e}" not in text:
        longer = words.phrase(data.outcome, title=text)
        text = longer if len(longer.split()) <= MOST_WORDS else text
    return Title(_capital(text), (part.primary.effect,))


def filled(label: Label, part: Part, words: Dictionary) -> str:
    """Fill a claim's sentence: ``{e}``, ``{arm}``, ``{reference}`` and ``{higher|lower}``."""
    against = part.primary.effect < (1 if part.scale == "ratio" else 0)
    text = _CHOICE.sub(lambda match: match[2 if against else 1], label.text(words.language))
    return text.format(
        e=tell(part, part.primary), arm=part.arm, reference=part.reference, measure=part.measure
    )


def _from_measure(part: Part, told: str, words: Dictionary) -> str:
    values = {"measure": part.measure, "arm": part.arm, "reference": part.reference}
    if part.scale == "exact":
        return words.phrase("off", e=told, **values)
    if not part.reference:
        return words.phrase("plain", e=tell(part, part.primary, sign=True), **values)
    if part.scale == "ratio":
        return _short(*(words.phrase(name, e=told, **values) for name in ("times", "times alone")))
    amount = words.phrase("points", e=told) if _in_points(part) else f"{told} {part.unit}".strip()
    sense = "above" if part.primary.effect > 0 else "below"
    return _short(*(words.phrase(f"{sense}{rest}", e=amount, **values) for rest in ("", " alone")))


def _short(*texts: str) -> str:
    """Give the first text that is short enough for a title, else the last."""
    return next((text for text in texts if len(text.split()) <= MOST_WORDS), texts[-1])


def _without_number(data: FigureData, part: Part, words: Dictionary) -> Title:
    name = _OTHERWISE.get(data.outcome) or ("alike" if part.reference else "none")
    return Title(
        _capital(words.phrase(name, measure=part.measure, arm=part.arm, reference=part.reference))
    )


def make_subtitle(data: FigureData, panel: Panel, words: Dictionary, reading: str) -> str:
    """Say what is measured, and how to read the marks.

    Parameters
    ----------
    reading
        What the marks of the picture are.
    """
    part = data.parts[0]
    if panel.subtitle is not None:
        what = filled(panel.subtitle, part, words)
    else:
        unit = part.unit if part.scale == "difference" else ""
        what = _capital(with_unit(part.measure, unit, words.language)) + _stop(words.language)
    if words.language == "zh":
        return f"{what}{reading}"
    return f"{what} {reading}".strip()


def tell(part: Part, row: Row, *, sign: bool = False) -> str:
    """Write an effect with as few digits as show a tenth of the margin and lie in its interval."""
    if part.scale == "exact":
        return number(row.effect, 1)
    if part.scale == "ratio":
        # two digits from 2 on, one more below
        places = 1 - math.floor(math.log10(max(row.effect / 2, 1e-6)))
    else:
        places = -math.floor(math.log10(part.margin / 5))
    places = max(0, places)
    while places < MOST_PLACES and not row.low <= round(row.effect, places) <= row.high:
        places += 1
    value = row.effect if sign else abs(row.effect)
    text = f"{value:+,.{places}f}" if sign else f"{value:,.{places}f}"
    return text.replace("-", "−")


def _in_points(part: Part) -> bool:
    return part.unit in (POINTS, "百分点", "points")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _stop(language: str) -> str:
    return "。" if language == "zh" else "."
