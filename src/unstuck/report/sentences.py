"""Sentences that say what was measured."""

import math
import re
from collections.abc import Mapping
from typing import Any

from unstuck.claims.registry import Claim
from unstuck.report.words import CONTROL_WORDS
from unstuck.wording import condition_words, decimals, effect, interval, margin, with_unit

Row = Mapping[str, Any]
# between two Chinese letters or marks; beside Latin ones spaces are meant
_SPACES = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) +(?=[\u3000-\u9fff\uff00-\uffef])")


def short_effect(row: Row) -> str:
    """Put a row's effect and interval into a few words, e.g. ``1.8 points (1.2 to 2.4)``."""
    if not _has_effect(row):
        return ""
    scale, unit = str(row["scale"]), str(row["unit"])
    places = decimals(row["ci_low"], row["ci_high"], scale)
    value = with_unit(effect(row["effect"], scale, places, sign=True), unit, scale)
    return f"{value} ({interval(row['ci_low'], row['ci_high'], scale)})"


def effect_sentence(claim: Claim, row: Row) -> str:
    """Say in a sentence how large a contrast's effect is, and against which margin."""
    if not _has_effect(row):
        return ""
    measured = claim.measure(str(row.get("measure", "")))
    scale = measured.scale
    places = decimals(row["ci_low"], row["ci_high"], scale)
    value = with_unit(effect(row["effect"], scale, places), measured.unit, scale)
    where = place_words(claim, row)
    return (
        f"{_capital(measured.what)}{', ' + where if where else ''}: {value} "
        f"(95 % CI {interval(row['ci_low'], row['ci_high'], scale)}, {row['seeds']} seeds); "
        f"the margin is {with_unit(margin(row['margin'], scale), measured.unit, scale)}."
    )


def place_words(claim: Claim, row: Row) -> str:
    """Say on which data and under which condition, e.g. ``on digits, with a tuned rate``."""
    condition = condition_words(claim.conditions, str(row["condition"]))
    data = f"on {row['dataset']}" if row["dataset"] else ""
    return ", ".join(part for part in (data, condition) if part)


def control_sentence(claim: Claim, row: Row) -> str:
    """Say how a control among the contrasts came out."""
    outcome = CONTROL_WORDS[str(row["passed"])]
    where = place_words(claim, row)
    measured = short_effect(row)
    text = f"{_capital(str(row['role']))} {outcome}: {row['name']}"
    text += f", {where}" if where else ""
    return f"{text}: {measured}." if measured else f"{text}. {row['note']}".rstrip()


def chinese(text: str) -> str:
    """Give a Chinese text without the spaces that broken lines of YAML leave in it."""
    return _SPACES.sub("", text)


def sentence(text: str) -> str:
    """Make a reason a sentence: a capital at its start and a stop at its end."""
    stripped = text.strip()
    if not stripped or stripped.endswith((".", "!", "?")):
        return _capital(stripped)
    return f"{_capital(stripped)}."


def _has_effect(row: Row) -> bool:
    return isinstance(row["effect"], float) and math.isfinite(row["effect"])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
