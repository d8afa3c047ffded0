"""Lines of progress for the log of a training job."""

import time
from collections.abc import Callable

#: least seconds between two lines
INTERVAL = 5.0


class Progress:
    """Counts updates of all members, and estimates the time left from the time taken so far.

    Parameters
    ----------
    say
        Takes a line.
    clock
        Seconds from any origin, monotonic.
    """

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._clock = say, clock
        self._start = self._last = clock()
        self._updates = self._planned_updates = 0
        self._cost = self._planned_cost = 0.0

    def plan(self, updates: int, cost: float) -> None:
        """Add planned work: updates of all members, and their relative cost."""
        self._planned_updates += updates
        self._planned_cost += cost

    def done(self, updates: int, cost: float) -> None:
        """Count finished work, and give a line if the last one is long enough ago."""
        self._updates += updates
        self._cost += cost
        if self._clock() - self._last >= INTERVAL:
            self._last = self._clock()
            self._say(self.line())

    def line(self) -> str:
        """Return the line of the moment."""
        taken = self._clock() - self._start
        left = taken * (self._planned_cost / self._cost - 1) if self._cost else 0.0
        share = self._cost / self._planned_cost if self._planned_cost else 1.0
        return (
            f"{self._updates:,} of {self._planned_updates:,} updates, {share:.0%} of the work, "
            f"{_span(taken)} taken, about {_span(max(left, 0.0))} left"
        )


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
