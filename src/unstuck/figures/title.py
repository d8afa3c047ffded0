"""A figure's title, made from the verdict's row, and what it says of its measure."""

import math
import re
from dataclasses import replace

from unstuck.claims.drawing import MOST_WORDS, Panel
from unstuck.claims.model import CLAUSE
from unstuck.figures.data import FigureData, Row
from unstuck.figures.words import Dictionary, with_unit
from unstuck.statistics.rule import GROUPS, Word
from unstuck.wording import capital, number, with_interval

MOST_NUMBERS = 2
MOST_LETTERS = 34  # of a Chinese title
# the outcomes of which a number is told
TOLD = frozenset(word for word in Word if GROUPS[word] in ("yes", "part", "no"))
_NUMBER = re.compile(r"\d[\d,.]*")
_WORD = re.compile(r"^\s*\{V\}\s*[:：]\s*")
_ASIDE = re.compile(r"\s*[(（][^()（）]*\{[^()（）]*[)）]")  # an interval in brackets


def make_title(data: FigureData, panel: Panel, words: Dictionary) -> str:
    """Say the finding in at most 14 words and two numbers.

    The figure's own sentence; else the claim's answer without its word, interval and headline, if
    that is short enough; else the measure and its effect. Where nothing was found, nothing is told.
    """
    if data.outcome not in TOLD:
        return capital(_nothing_found(data, words))
    if data.outcome == Word.CONTRADICTED and data.primary.scale == "exact":
        told = amount(data.primary, words, sign=True)
        return capital(words.phrase("fails title", measure=data.primary.measure, e=told))
    if data.outcome == Word.PARTLY:
        whole = make_title(replace(data, outcome=Word.SUPPORTED), panel, words)
        return words.phrase("partly title", title=whole)
    if panel.title is not None:
        return capital(data.filling.fill(panel.title.words(words.language)))
    short = _ASIDE.sub("", _WORD.sub("", CLAUSE.sub("", data.answer)))
    short = data.filling.fill(short.replace("{S}", ""))
    if short and _is_short(short):
        return capital(short.rstrip(" .。;；,，"))
    row = data.primary
    told = amount(row, words, sign=True)
    return capital(words.phrase(f"{row.scale} title", measure=row.measure, e=told))


def _nothing_found(data: FigureData, words: Dictionary) -> str:
    """Say of which measure nothing was found, and between which arms no difference."""
    measure = data.primary.measure
    arms = {side: words.value("side", side) for side in ("arm", "reference")}
    if data.outcome == Word.NO_EFFECT and all(words.named("side", side) for side in arms):
        between = words.phrase("no effect between", measure=measure, **arms)
        # numbers alone do not say of what
        if _is_short(between) and not _NUMBER.search(between):
            return between
    why = data.filling.texts.get("reason", "") if data.outcome == Word.NOT_TESTED else ""
    name = "untested title" if why else f"{data.outcome} title"
    return words.phrase(name, measure=measure, why=why)


def _is_short(text: str) -> bool:
    letters = sum(ord(letter) >= 0x2E80 for letter in text)
    numbers = len(_NUMBER.findall(text))
    return len(text.split()) <= MOST_WORDS and letters <= MOST_LETTERS and numbers <= MOST_NUMBERS


def make_subtitle(data: FigureData, panel: Panel, words: Dictionary, reading: str) -> str:
    """Say what is measured, and what the marks of the picture are."""
    row = data.primary
    if panel.subtitle is not None:
        what = data.filling.fill(panel.subtitle.words(words.language))
    else:
        unit = row.unit if row.scale == "difference" else ""
        stop = "。" if words.language == "zh" else "."
        what = capital(with_unit(row.measure, unit, words.language)) + stop
    return f"{what}{reading}" if words.language == "zh" else f"{what} {reading}".strip()


def amount(row: Row, words: Dictionary, *, sign: bool) -> str:
    """Write an effect with its unit: ``+13.8 points``, ``×2.6``, ``0.31``."""
    told = tell(row, sign=sign)
    if row.scale == "ratio":
        return f"{row.times}{told}"
    if row.scale == "exact":
        return told
    if row.against:
        return f"{told} %"
    return f"{told} {words.unit(row.unit)}".strip()


def tell(row: Row, *, sign: bool = False, places: int = 0) -> str:
    """Write an effect with two digits of its interval's width, and so that it lies inside.

    A share is told itself, not its difference.

    Parameters
    ----------
    places
        Decimals of a difference at least.
    """
    if not math.isfinite(row.effect):
        return "–"
    if row.scale == "exact":
        return number(int(row.effect) if row.effect.is_integer() else row.effect)
    if row.against:
        # as answers tell it
        return f"{row.effect + row.against:.0f}"
    return with_interval(row.effect, row.low, row.high, row.scale, sign=sign, places=places)[0]
