"""Numbers as a reader wants them: few digits, a real minus sign."""

import math
from typing import Any

HUGE = 1000.0  # ratios from here on have three digits, however narrow their interval
LEAST = 1e-3  # factors below it are told as powers of ten
MOST_PLACES = 9
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any, digits: int = 3) -> str:
    """Format a number to ``digits`` significant digits; anything else as its text.

    Examples
    --------
    >>> number(0.123456), number(-1234567.0), number(3.2e-9), number(64), number(True)
    ('0.123', '−1,230,000', '3.2 × 10⁻⁹', '64', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if not isinstance(value, float):
        return "none" if value is None else str(value)
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if exponent < -3 or exponent > 6:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        text = f"{_trimmed(mantissa)} × 10{superscript(int(power))}"
    else:
        rounded = float(f"{value:.{digits - 1}e}")
        text = _trimmed(f"{rounded:,.{max(0, digits - 1 - exponent)}f}")
    return text.replace("-", "−")


def plain_power(text: str) -> str:
    """Leave the factor of one out of a power of ten: ``10⁻⁸`` for ``1 × 10⁻⁸``."""
    return text.replace("1 × ", "", 1) if text.removeprefix("−").startswith("1 × ") else text


def superscript(value: int) -> str:
    """Write a whole number as an exponent, e.g. ``⁻¹²``."""
    return str(value).translate(_SUPERSCRIPT)


def effect(value: float, scale: str, places: int, *, sign: bool = False) -> str:
    """Format an effect: a difference as it is, the logarithm of a ratio as the ratio ``×1.5``.

    A ratio is never nothing: one below the last digit is ``×<0.01``.
    """
    if scale == "ratio":
        times, least = _exp(value), 10.0**-places
        if times < least:
            return f"×<{_fixed(least, places)}"
        return ratio(value) if times >= HUGE else f"×{_fixed(times, places)}"
    return _fixed(value, places, sign=sign)


def ratio(value: float) -> str:
    """Format the logarithm of a ratio as the ratio, to three digits: ``×1.5``."""
    return f"×{number(_exp(value))}"


def decimals(low: float, high: float, scale: str = "difference") -> int:
    """Give how many decimals an interval deserves: two digits of its width, at most four."""
    width = _exp(high) - _exp(low) if scale == "ratio" else high - low
    if not math.isfinite(width) or width <= 0:
        return 2
    return min(4, max(0, 1 - math.floor(math.log10(width))))


def with_interval(
    effect: float,
    low: float,
    high: float,
    scale: str = "difference",
    *,
    sign: bool = False,
    places: int = 0,
) -> tuple[str, str, str]:
    """Write an effect and its interval alike, with two digits of the interval's width.

    More where the effect would not lie inside; factors that are huge or next to nothing in few
    digits of their own.

    Parameters
    ----------
    places
        Decimals of a difference at least.

    Examples
    --------
    >>> with_interval(1.234, 1.1, 1.4), with_interval(5432.0, 4000.0, 7000.0, "ratio")
    (('1.23', '1.10', '1.40'), ('5,430', '4,000', '7,000'))
    """
    if scale == "ratio" and not LEAST <= effect < HUGE:
        digits = 1 if effect < LEAST else 3
        while digits < MOST_PLACES and not low <= float(f"{effect:.{digits - 1}e}") <= high:
            digits += 1
        return number(effect, digits), number(low, digits), number(high, digits)
    places = max(decimals(low, high), 0 if scale == "ratio" else places)
    while places < MOST_PLACES and not low <= round(effect, places) <= high:
        places += 1
    sign = sign and scale == "difference"
    told = [_fixed(value, places, sign=sign) for value in (effect, low, high)]
    return told[0], told[1], told[2]


def _fixed(value: float, places: int, *, sign: bool = False) -> str:
    if not math.isfinite(value):
        return number(value)
    text = f"{value:+,.{places}f}" if sign else f"{value:,.{places}f}"
    if not any(digit in "123456789" for digit in text):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(size: str, unit: str) -> str:
    """Put a unit behind a number; of one it loses its plural."""
    return f"{size} {unit.removesuffix('s') if size == '1' else unit}".strip()


def capital(text: str) -> str:
    """Begin with a capital letter, but for Greek ones, which are symbols."""
    return text[:1].upper() + text[1:] if text[:1].isascii() else text
