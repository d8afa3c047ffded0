"""How many words of a study would change with other units: all is judged anew on resamples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from unstuck.claims.verdict import Judged, Verdict, primary
from unstuck.statistics.rule import Word, combine, judge

TIMES = 200
#: of the interval of every resample of units; it is one of many
RESAMPLES = 499
#: streams of random numbers drawn in this module: np.random.default_rng([stream, time, place])
STREAM = 7003


@dataclass(frozen=True)
class Changes:
    """How many words of a study change from one resample of its units to the next."""

    claims: int  # that were judged on units
    mean: float
    least: int
    most: int


def words_anew(verdict: Verdict, times: int = TIMES) -> list[Word]:
    """Judge a claim on resamples of its units.

    Units are drawn with replacement within each dataset, alike in all claims that share it, and
    each resample is judged as the study was: its rates chosen, its interval made, its arms held
    against themselves. Named controls, gates and what was left out stay as they are.

    Returns
    -------
    A word a resample; none for a claim that is judged on no units.
    """
    if all(part.compared is None for part in verdict.parts):
        return []
    return [combine([_anew(part, time) for part in verdict.parts]) for time in range(times)]


def changes(judged: Sequence[tuple[str, Sequence[str]]]) -> Changes:
    """Count, over resamples, how many claims get another word than the study gave.

    Parameters
    ----------
    judged
        Of every claim its word, and those of its resamples, none if there are no units.
    """
    differ = [[other != word for other in others] for word, others in judged if others]
    if not differ:
        return Changes(0, 0.0, 0, 0)
    counts = np.sum(differ, axis=0)
    return Changes(len(differ), float(counts.mean()), int(counts.min()), int(counts.max()))


def _anew(part: Judged, time: int) -> Word:
    word = Word.NOT_TESTED if part.word is None else part.word
    if part.compared is None or word is Word.INVALID:
        return word
    drawn = part.compared.drawn(_draws(part.compared.sizes, time))
    return judge(primary(drawn, RESAMPLES)).word


def _draws(sizes: Mapping[str, int], time: int) -> dict[str, NDArray[np.intp]]:
    return {
        place: np.random.default_rng([STREAM, time, crc32(place.encode())]).integers(0, size, size)
        for place, size in sizes.items()
    }
