"""Rows of the table of benchmarks, and the clock behind them.

Times are processor seconds of the process, all its threads together: with one thread that is the
time on an idle core, and what else runs on the machine does not count. What is compared runs in
turns, and the medians are reported.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Timed = Callable[[], float]
"""Does its work once and returns the seconds it took."""


class UnavailableError(Exception):
    """A row cannot be measured here, and why."""


@dataclass(frozen=True)
class Row:
    """One comparison; a time that is not known is NaN."""

    name: str
    ours_s: float
    reference_s: float
    note: str

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.reference_s / self.ours_s


@dataclass(frozen=True)
class Effort:
    """How much is measured: repeats of each side, and whether the work itself is cut short."""

    repeats: int
    quick: bool


def timed(work: Callable[[], object]) -> Timed:
    """Return a function that does `work` and gives its processor seconds."""

    def run() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return run


def interleaved(ours: Timed, reference: Timed, repeats: int) -> tuple[float, float]:
    """Run both in turns, after one turn to warm up, and return their median seconds."""
    pairs = [(ours(), reference()) for _ in range(repeats + 1)][1:]
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second)


def best(candidates: dict[int, Timed], size: Callable[[int], int], rounds: int = 3) -> int:
    """Return the key whose work takes least time per unit of size, at its best of some rounds."""
    for run in candidates.values():
        run()
    seconds = [{key: run() for key, run in candidates.items()} for _ in range(rounds)]
    return min(candidates, key=lambda key: min(each[key] for each in seconds) / size(key))
