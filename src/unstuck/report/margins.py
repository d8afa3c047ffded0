"""What other margins would have made of a measured answer."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unstuck.report.overview import in_margins
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.rule import Word, combine, position

#: multiples of the margin that was fixed, each way
REACH = 10.0


@dataclass(frozen=True)
class Stretch:
    """Margins that give one word, in multiples of the one that was fixed."""

    low: float
    high: float
    word: Word


def by_margin(rows: Sequence[Mapping[str, Any]]) -> list[Stretch]:
    """Give the words from small margins to large ones, by the intervals alone.

    Parameters
    ----------
    rows
        The parts of a measured primary, as ``verdict.json`` holds them. The margin of a factor
        is a logarithm, so that a multiple of it is a power of the factor.
    """
    parts = [(place, row["claims"]) for row in rows if (place := in_margins(row)) is not None]
    if not parts or len(parts) < len(rows):
        return []
    ends = {abs(end) for (_, low, high), _ in parts for end in (low, high)}
    edges = [1 / REACH, *sorted(end for end in ends if 1 / REACH < end < REACH), REACH]
    found: list[Stretch] = []
    for low, high in itertools.pairwise(edges):
        # positions change at the edges alone
        middle = math.sqrt(low * high)
        word = combine(
            [position(Estimate(*place, 0, lambda _: (1, 1)), middle, kind) for place, kind in parts]
        )
        if found and found[-1].word is word:
            found[-1] = Stretch(found[-1].low, high, word)
        else:
            found.append(Stretch(low, high, word))
    return found


def multiple(margin: float, scale: str, times: float) -> float:
    """Give a margin so many times as large."""
    return float(margin**times if scale == "ratio" else margin * times)
