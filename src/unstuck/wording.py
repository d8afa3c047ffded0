"""Numbers and conditions as a reader wants them: few digits, a real minus sign, whole words."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

HUGE = 1000.0  # ratios from here on have three digits, however narrow their interval
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# what one effect of a verdict does, and what several do
_JUDGED = {
    "supported": ("speaks for the claim", "speak for the claim"),
    "contradicted": ("speaks against the claim", "speak against the claim"),
    "no effect": ("is too small to matter", "are too small to matter"),
    "inconclusive": ("is undecided", "are undecided"),
}


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


def superscript(value: int) -> str:
    """Write a whole number as an exponent, e.g. ``⁻¹²``."""
    return str(value).translate(_SUPERSCRIPT)


def effect(value: float, scale: str, places: int, *, sign: bool = False) -> str:
    """Format an effect: a difference as it is, the logarithm of a ratio as the ratio ``×1.5``."""
    if scale == "ratio":
        times = _exp(value)
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


def interval(low: float, high: float, scale: str = "difference") -> str:
    """Format an interval as ``1.2 to 2.4``, with the digits that its width deserves."""
    places = decimals(low, high, scale)
    return f"{effect(low, scale, places)} to {effect(high, scale, places)}"


def margin(value: float, scale: str) -> str:
    """Format a margin in the unit of the effects: ``±1``, or ``×1.5 or ÷1.5`` for a ratio."""
    if scale == "ratio":
        factor = number(_exp(value))
        return f"×{factor} or ÷{factor}"
    return f"±{number(value)}"


def with_unit(text: str, unit: str, scale: str = "difference") -> str:
    """Append a unit; ratios and shares have none that needs saying."""
    return text if scale == "ratio" or unit in ("", "share") else f"{text} {unit}"


def tally(verdicts: Sequence[str]) -> str:
    """Say in one sentence how the effects of a claim were judged.

    Examples
    --------
    >>> tally(["supported", "inconclusive", "supported"])
    'Of 3 effects, 2 speak for the claim and 1 is undecided'
    """
    total, judged = len(verdicts), Counter(verdicts)
    if not total:
        return "No effect could be measured; the controls could"
    if len(judged) == 1:
        words, _ = _JUDGED[verdicts[0]]
        return f"Every one of {total} effects {words}" if total > 1 else f"The effect {words}"
    counts = [
        f"{judged[name]} {one if judged[name] == 1 else many}"
        for name, (one, many) in _JUDGED.items()
        if judged[name]
    ]
    return f"Of {total} effects, {', '.join(counts[:-1])} and {counts[-1]}"


def condition_words(conditions: Mapping[str, Mapping[str, str]], text: str) -> str:
    """Put a condition such as ``budget=epochs; rate=tuned`` into the registry's words.

    Parameters
    ----------
    conditions
        Of the claim: key → value → words.
    text
        As `unstuck.claims.evidence.condition_text` writes it.
    """
    given = dict(part.split("=", 1) for part in text.split("; ") if "=" in part)
    return ", ".join(words[given[key]] for key, words in conditions.items() if key in given)


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
