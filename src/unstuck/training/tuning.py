"""The race in which the learning rate of a cell is chosen: how rates are scored and ranked."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from unstuck.errors import ConfigError
from unstuck.statistics.arrival import MEASURES
from unstuck.training.spec import Tune

#: what a unit of distance to the target counts, beside logarithms of updates: it orders rates at
#: which no run arrives, and nothing else
AFAR = 1e-6


def ranked(scores: Mapping[float, Sequence[float]]) -> list[float]:
    """Order rates by their mean score, the lowest first.

    A mean with an infinite score is infinite; of such rates that with fewer of them comes first,
    then that with the lower mean of the others. Of equal rates the smaller comes first.

    Parameters
    ----------
    scores
        Scores of the runs by rate, lower is better (`score`), of the same units at every rate.
    """

    def place(rate: float) -> tuple[int, float, float]:
        values = np.asarray(scores[rate], dtype=np.float64)
        sound = values[np.isfinite(values)]
        return len(values) - len(sound), float(sound.mean()) if len(sound) else 0.0, rate

    return sorted(scores, key=place)


def on_edge(rate: float, tried: Sequence[float]) -> bool:
    """Whether a rate is the lowest or the highest of those tried."""
    return rate in (min(tried), max(tried))


def extension(tune: Tune, tried: Sequence[float], best: float) -> float | None:
    """Give the next rate beyond an edge, by the grid's own factor.

    None if the best rate lies inside, the grid has a single rate, or its extensions are spent.
    """
    steps = len(tune.rates) - 1
    if not on_edge(best, tried) or not steps or len(tried) - len(tune.rates) >= tune.extensions:
        return None
    factor = (tune.rates[-1] / tune.rates[0]) ** (1 / steps)
    rate = best / factor if best == min(tried) else best * factor
    return float(f"{rate:.6g}")


def score(
    tune: Tune,
    row: Mapping[str, float],
    arrived: float = math.nan,
    stop_loss: float | None = None,
) -> float:
    """Return what a finished run is judged by, lower is better.

    Infinite if it diverged, or was to stop at a training loss and did not get there. Of runs that
    are to arrive at a target it is the logarithm of their updates, of the budget for those that do
    not arrive.

    Parameters
    ----------
    tune
        `by` names the measurement.
    row
        Final measurements of the run, `diverged_at` among them (NaN if it did not).
    arrived
        Update at which the run was at the target; NaN if it never was.
    stop_loss
        Training loss at which the run was to stop, so `stopped_at` tells whether it did (NaN).

    Raises
    ------
    ConfigError
        If the measurement does not exist, for want of validation samples.
    """
    if not math.isnan(row["diverged_at"]):
        return math.inf
    if stop_loss is not None and math.isnan(row["stopped_at"]):
        return math.inf
    if tune.target is not None:
        if not math.isnan(arrived):
            return math.log(max(arrived, 1))
        column, _ = MEASURES[tune.by]
        return math.log(row["updates"]) + AFAR * abs(row[column] - tune.target)
    value = float(row[tune.by])
    if math.isnan(value):
        raise ConfigError(f"tuning by {tune.by} needs a validation part, but it has no samples.")
    return -value if tune.by == "validation_accuracy" else value
