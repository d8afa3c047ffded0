"""Texts of a picture: how numbers are written, how wide a text is, and where its lines break."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from unstuck.wording import number, plain_power, superscript

CHINESE = 0x2E80  # letters from here on are two columns wide


def written(value: float) -> str:
    """Write a value of a picture: whole numbers in full, others to three digits."""
    return number(int(value) if value.is_integer() else value)


def power(value: float) -> str:
    """Write a power of ten as one; 1, 10 and what is none as they are."""
    exponent = np.log10(value) if value > 0 else 0.5
    whole = round(exponent) if np.isclose(exponent, round(exponent)) else 0
    return tick(value) if whole in (0, 1) else f"10{superscript(whole)}"


def tick(value: float) -> str:
    """Write a number at a tick, powers of ten without a factor of one."""
    return plain_power(number(float(value), 4)) if value else "0"


def numeric(value: Any) -> float | None:
    """Give a value as a number, None if it is none."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


@functools.lru_cache(maxsize=4096)
def width_of(text: str, size: float, weight: str) -> float:
    """Give the pixels that a text is wide."""
    font = FontProperties(weight=weight, size=size)
    width: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    return width


def wrapped(text: str, width: int) -> str:
    """Break a text into lines of at most ``width`` columns; Chinese letters take two.

    Lines of Chinese, which may break anywhere, are as even as can be.
    """
    narrower = range(width - 1, 0, -1) if columns(text) > len(text) else ()
    return "\n".join(even_lines(text, columns, width, narrower))


def even_lines(
    text: str, wide: Callable[[str], float], room: float, narrower: Iterable[float]
) -> list[str]:
    """Break a text into lines that fit a room, as even as can be.

    Parameters
    ----------
    wide
        Measures a text.
    narrower
        Rooms that are tried instead, as long as no more lines come of it.
    """
    lines = _lines(text, wide, room)
    for less in narrower:
        tighter = _lines(text, wide, less)
        if len(tighter) > len(lines):
            break
        lines = tighter
    return lines


def _lines(text: str, wide: Callable[[str], float], room: float) -> list[str]:
    lines = [""]
    for piece in pieces(text):
        if lines[-1] and wide((lines[-1] + piece).rstrip()) > room:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def columns(text: str) -> int:
    """Give the columns that a text takes; Chinese letters take two."""
    return sum(2 if ord(letter) >= CHINESE else 1 for letter in text)


def pieces(text: str) -> list[str]:
    """Split where a line may break: after spaces, and around Chinese letters."""
    pieces = [""]
    for index, letter in enumerate(text.replace(" %", "\u00a0%")):
        wide = ord(letter) >= CHINESE and letter not in "，。、；：）》”％)"
        if pieces[-1].endswith(" ") or (
            index and (wide or (pieces[-1] and ord(pieces[-1][-1]) >= CHINESE and letter.isascii()))
        ):
            pieces.append("")
        pieces[-1] += letter
    return pieces
