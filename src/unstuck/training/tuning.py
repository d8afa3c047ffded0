"""The learning rate of a cell, chosen on seeds of its own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unstuck.errors import ConfigError
from unstuck.statistics.arrival import MEASURES
from unstuck.training.spec import Tune


@dataclass(frozen=True)
class Choice:
    """The best rate of a grid so far, and the rate to try next if it lies on the edge."""

    rate: float
    edge: bool
    extension: float | None


def choose(tune: Tune, scores: Mapping[float, Sequence[float]]) -> Choice:
    """Choose the rate with the lowest mean score over the tuning seeds.

    Of equal rates the smaller is taken. A rate is on the edge if it is the lowest or highest tried.

    Parameters
    ----------
    tune
        The grid and how often it may be extended.
    scores
        Scores of the runs by rate, lower is better (`score`); at least those of the grid.
    """
    tried = sorted(scores)
    means = [float(np.mean(scores[rate])) for rate in tried]
    best = means.index(min(means))
    edge = best in (0, len(tried) - 1)
    spent = len(tried) - len(tune.rates)
    can_extend = edge and spent < tune.extensions and len(tune.rates) > 1
    return Choice(tried[best], edge, _beyond(tune, tried, best) if can_extend else None)


def score(
    tune: Tune,
    row: Mapping[str, float],
    arrived: float = math.nan,
    stop_loss: float | None = None,
) -> float:
    """Return what a finished run is judged by, lower is better.

    Infinite if it diverged, or was to stop at a training loss and did not get there.

    A run that does not arrive at its target counts its budget, and more the farther off it ends.

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
        column, _ = MEASURES[tune.by]
        late = row["updates"] * (1 + abs(row[column] - tune.target))
        return late if math.isnan(arrived) else arrived
    value = float(row[tune.by])
    if math.isnan(value):
        raise ConfigError(f"tuning by {tune.by} needs a validation part, but it has no samples.")
    return -value if tune.by == "validation_accuracy" else value


def _beyond(tune: Tune, tried: Sequence[float], best: int) -> float:
    """Return the next rate beyond an edge, by the grid's own factor."""
    steps = len(tune.rates) - 1
    factor = (tune.rates[-1] / tune.rates[0]) ** (1 / steps)
    rate = tried[0] / factor if best == 0 else tried[-1] * factor
    return float(f"{rate:.6g}")
