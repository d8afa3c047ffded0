"""Deep networks with and without batch normalisation: what a rate does, and how fast they train."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.arms import by_seed, evaluation_runs, paired, require_columns
from unstuck.errors import DataError

PLACE = ["dataset", "activation", "repeat"]
ARM = [*PLACE, "batchnorm"]
SCORE = "train_accuracy"
WITH, WITHOUT = "before", "off"

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """Networks of one depth and activation with or without batch normalisation.

    Accuracies are on the training part and in percent; those of diverged runs are 0.
    """

    final: pd.Series  # at the tuned rate, by seed
    by_rate: pd.DataFrame  # at the end, [seed, rate], rates ascending
    curve: pd.DataFrame  # at the tuned rate, [seed, update], updates ascending
    tuning: float  # at the tuned rate, mean of the tuning seeds
    rate: float
    edge: bool
    diverged: int

    @property
    def start(self) -> pd.Series:
        """Accuracy before the first update, by seed: that of a guess."""
        return self.curve.iloc[:, 0]

    def trains(self, threshold: float) -> bool:
        """Tell whether any rate of the wide grid is usable, on average over seeds."""
        return bool((self.by_rate.mean() >= threshold).any())

    def is_cut(self, threshold: float) -> bool:
        """Tell whether the usable rates reach beyond the grid."""
        means = self.by_rate.mean()
        return bool(max(means.iloc[0], means.iloc[-1]) >= threshold)

    def widths(self, threshold: float) -> pd.Series:
        """Give the decades of usable rates by seed."""
        places = np.log10(self.by_rate.columns.to_numpy(dtype=np.float64))
        rows = self.by_rate.to_numpy(dtype=np.float64)
        values = [usable_width(places, row, threshold) for row in rows]
        return pd.Series(values, index=self.by_rate.index)

    def updates_to(self, target: float) -> tuple[pd.Series, int]:
        """Give what `updates_to` gives of this arm."""
        return updates_to(self.curve, target)


@dataclass(frozen=True)
class Pair:
    """The two arms of one dataset, activation and depth."""

    dataset: str
    activation: str
    depth: int
    arms: dict[str, Arm]  # by `batchnorm`

    @property
    def condition(self) -> dict[str, str]:
        """The claim's conditions that this pair belongs to."""
        return {"activation": self.activation, "depth": str(self.depth)}

    def target(self, share: float, of: Arm | None = None) -> float:
        """Give so much of the way from the start to where an arm's tuning seeds end.

        The arm is the better one unless it is given.
        """
        start = float(np.mean([arm.start.mean() for arm in self.arms.values()]))
        ends = [arm.tuning for arm in ([of] if of else self.arms.values())]
        return start + share * (max(ends) - start)


def updates_to(curve: pd.DataFrame, target: float) -> tuple[pd.Series, int]:
    """Give updates to a target by seed, the budget if never, and how many seeds came there.

    At least 1, so that there is a ratio. `curve` is `[seed, update]`, updates ascending.
    """
    updates = curve.columns.to_numpy(dtype=np.float64)
    rows = curve.to_numpy(dtype=np.float64)
    taken = pd.Series([crossing(updates, row, target) for row in rows], curve.index)
    return taken.fillna(updates[-1]).clip(lower=1.0), int(taken.notna().sum())


def speed_up(
    plain: pd.DataFrame, normed: pd.DataFrame, target: float
) -> tuple[pd.Series, float, str]:
    """Give the logarithm of updates to a target without over with, by seed.

    Parameters
    ----------
    plain, normed
        Accuracy of the arm without and the arm with `[seed, update]`, updates ascending.

    Returns
    -------
    gain
        By seed; a run that never comes to the target counts its budget.
    ceiling
        The largest gain that can be told from none (`Contrast.ceiling`).
    note
        How many runs of the arm with never came there, if any did not: the gain is too large then.
    """
    updates = plain.columns.to_numpy(dtype=np.float64)
    taken, arrived = updates_to(plain, target)
    after, arrived_with = updates_to(normed, target)
    gain = paired(np.log(taken), np.log(after), "updates to the target")
    # what happens before the first evaluation is not seen
    ceiling = float(np.log(taken).mean() - np.log(updates[1]))
    if arrived < len(taken):
        # nor what would have happened beyond the budget
        ceiling = min(ceiling, float(np.log(updates[-1]) - np.log(after).mean()))
    late = len(after) - arrived_with
    if not late:
        return gain, ceiling, ""
    # the gain is no more than an upper bound: a small one is no evidence of none
    note = f"{late} of {len(after)} with it do not arrive and count their budget"
    return gain, min(ceiling, abs(float(gain.mean()))), note


def usable_width(places: Array, values: Array, threshold: float) -> float:
    """Give the length on which the broken line through points lies at or above a threshold.

    Parameters
    ----------
    places, values
        Of the points `[N]`; places ascend.
    """
    left, right = values[:-1] - threshold, values[1:] - threshold
    high, low = np.maximum(left, right), np.minimum(left, right)
    crosses = (high >= 0) & (low < 0)
    share = np.where(crosses, high / np.where(crosses, high - low, 1.0), low >= 0)
    return float((share * np.diff(places)).sum())


def crossing(updates: Array, values: Array, target: float) -> float:
    """Give where the broken line through a curve first comes to a target; NaN if it never does."""
    there = np.flatnonzero(values >= target)
    if not there.size:
        return float("nan")
    first = int(there[0])
    if first == 0:
        return float(updates[0])
    low, high = values[first - 1], values[first]
    return float(np.interp(target, [low, high], updates[first - 1 : first + 1]))


def pairs_of(rates: pd.DataFrame, runs: pd.DataFrame, curves: pd.DataFrame) -> Iterator[Pair]:
    """Pair the arms of every dataset, activation and depth.

    Parameters
    ----------
    rates
        Runs at fixed rates.
    runs, curves
        Runs at tuned rates, and how they went.

    Raises
    ------
    DataError
        If an arm has no partner, or one table lacks what another has.
    """
    require_columns(curves, [*ARM, "seed", "update", SCORE], "curves")
    wide = _by_arm(evaluation_runs(rates, [*ARM, "lr"]))
    tuned = _by_arm(evaluation_runs(runs, [*ARM, "lr"]))
    tuning = _by_arm(runs[runs["role"] == "tuning"])
    courses = _by_arm(curves.assign(**{SCORE: 100 * curves[SCORE]}))
    places = sorted({key[:-1] for key in tuned})
    for place in places:
        arms = {}
        for batchnorm in (WITHOUT, WITH):
            key = (*place, batchnorm)
            missing = [
                name
                for name, held in (("runs", tuned), ("rates", wide), ("curves", courses))
                if key not in held
            ]
            if missing:
                raise DataError(
                    f"table {missing[0]}: no run with batchnorm {batchnorm!r} at {place}; an arm "
                    "needs a partner, fixed rates and curves."
                )
            arms[batchnorm] = _arm(wide[key], tuned[key], tuning.get(key), courses[key], str(key))
        dataset, activation, depth = place
        yield Pair(str(dataset), str(activation), int(str(depth)), arms)


def _by_arm(table: pd.DataFrame) -> dict[tuple[object, ...], pd.DataFrame]:
    return {tuple(key): part for key, part in table.groupby(ARM)}


def _arm(
    wide: pd.DataFrame,
    tuned: pd.DataFrame,
    tuning: pd.DataFrame | None,
    course: pd.DataFrame,
    name: str,
) -> Arm:
    rate = float(tuned["lr"].iloc[0])
    final = by_seed(tuned, SCORE, name)
    at_rate = tuning[tuning["lr"] == rate] if tuning is not None else None
    if at_rate is None or at_rate.empty:
        raise DataError(f"arm {name} has no tuning run at its rate; tune it (lr: tuned).")
    return Arm(
        final=final,
        by_rate=wide.pivot(index="seed", columns="lr", values=SCORE).sort_index(axis=1),
        curve=course.pivot(index="seed", columns="update", values=SCORE).sort_index(axis=1),
        tuning=100 * float(at_rate[SCORE].mean()),
        rate=rate,
        edge=bool(tuned["edge"].any()),
        diverged=int(tuned["diverged"].sum()),
    )
