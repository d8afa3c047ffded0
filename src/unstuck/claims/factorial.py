"""Main effects and interactions of a full factorial, seed by seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.errors import DataError
from unstuck.statistics.intervals import bootstrap_interval

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Factorial:
    """A measured value for every seed and every combination of factors' levels.

    Attributes
    ----------
    levels
        Levels of each factor, in order.
    seeds
        Seeds, sorted.
    values
        ``[seed, *levels]``.
    sound
        ``[*levels]``: False where no verdict may rest on the cell.
    """

    levels: Mapping[str, tuple[str, ...]]
    seeds: tuple[int, ...]
    values: Array
    sound: NDArray[np.bool_]

    def axis(self, factor: str) -> int:
        """Give the axis of a factor in `sound`; in `values` it is one further."""
        return list(self.levels).index(factor)


def factorial(
    runs: pd.DataFrame, levels: Mapping[str, Sequence[str]], value: str, name: str
) -> Factorial:
    """Arrange a table of runs as a full factorial.

    Parameters
    ----------
    runs
        One row per seed and cell: columns of the factors, `seed`, `edge` and `value`.
    levels
        Levels of each factor in the order to show them.
    value
        Column that is measured.
    name
        What to call it in errors.

    Raises
    ------
    DataError
        If a cell lacks a seed or has one twice.
    """
    key = ["seed", *levels]
    twice = runs[runs.duplicated(key)]
    if not twice.empty:
        place = twice[key].iloc[0].to_dict()
        raise DataError(f"{name}: two runs at {place}; an axis varies that is no factor.")
    seeds = tuple(sorted(int(seed) for seed in set(runs["seed"])))
    every = pd.MultiIndex.from_product([seeds, *levels.values()], names=key)
    table = runs.set_index(key).reindex(every).reset_index()
    missing = table[table[value].isna()]
    if not missing.empty:
        raise DataError(
            f"{name}: {len(missing)} of {len(table)} combinations have no run, the first being "
            f"{missing[key].iloc[0].to_dict()}; main effects need the full factorial."
        )
    shape = (len(seeds), *(len(each) for each in levels.values()))
    return Factorial(
        levels={factor: tuple(each) for factor, each in levels.items()},
        seeds=seeds,
        values=table[value].to_numpy(dtype=np.float64).reshape(shape),
        sound=np.asarray(~table["edge"].to_numpy(dtype=bool).reshape(shape).any(axis=0)),
    )


def level_means(design: Factorial, factor: str, blocks: NDArray[np.bool_] | None = None) -> Array:
    """Give the mean of each level ``[seed, level]`` over the combinations of other factors.

    Parameters
    ----------
    design
        The factorial.
    factor
        The factor whose levels are kept.
    blocks
        Which combinations of the other factors to take, flat; by default all.
    """
    flat = _blocks(design, factor)
    return np.asarray((flat if blocks is None else flat[:, blocks]).mean(axis=1))


def sound_blocks(design: Factorial, factor: str) -> NDArray[np.bool_]:
    """Tell which combinations of the other factors are sound at every level of a factor."""
    moved = np.moveaxis(design.sound, design.axis(factor), -1)
    return np.asarray(moved.reshape(-1, moved.shape[-1]).all(axis=1))


def cross_fitted_range(means: Array) -> Array:
    """Give best minus worst level ``[seed]``, the two being chosen on the other seeds.

    Choosing them on the same seed would find a positive range in pure noise; this estimate has
    mean zero there.

    Parameters
    ----------
    means
        Mean of each level, ``[seed, level]``, at least two seeds.
    """
    others = (means.sum(axis=0) - means) / (len(means) - 1)
    rows = np.arange(len(means))
    return np.asarray(means[rows, others.argmax(axis=1)] - means[rows, others.argmin(axis=1)])


def shuffled_range(design: Factorial, factor: str, stream: int, shuffles: int) -> Array:
    """Give `cross_fitted_range` ``[seed]`` with a factor's labels shuffled, mean of many shuffles.

    Each seed and each combination of other factors has an order of its own, so the labels mean
    nothing while the values stay as they are. A single shuffle would do for the mean, but not for
    an interval: its seeds share the choice of best and worst level, so they scatter together.
    """
    flat = _blocks(design, factor)
    ranges = np.zeros(len(design.seeds))
    rngs = [np.random.default_rng([s, stream, design.axis(factor)]) for s in design.seeds]
    for _ in range(shuffles):
        rows = (
            rng.permuted(block, axis=1).mean(axis=0) for rng, block in zip(rngs, flat, strict=True)
        )
        ranges += cross_fitted_range(np.stack(list(rows)))
    return np.asarray(ranges / shuffles)


def main_effects(design: Factorial) -> pd.DataFrame:
    """Give the deviation of each level's mean from the grand mean, with 95 % intervals."""
    rows = []
    for factor, levels in design.levels.items():
        means = level_means(design, factor)
        deviations = means - means.mean(axis=1, keepdims=True)
        for level, values in zip(levels, deviations.T, strict=True):
            rows.append({"factor": factor, "level": level, **_estimate(values)})
    return pd.DataFrame(rows)


def interactions(design: Factorial) -> pd.DataFrame:
    """Give, per pair of levels, what their mean has beyond the two main effects."""
    return pd.DataFrame(list(_interaction_rows(design)))


def _interaction_rows(design: Factorial) -> Iterator[dict[str, object]]:
    for first, second in combinations(design.levels, 2):
        axes = design.axis(first) + 1, design.axis(second) + 1
        others = tuple(axis for axis in range(1, design.values.ndim) if axis not in axes)
        means = design.values.mean(axis=others)
        rows = means.mean(axis=2, keepdims=True)
        columns = means.mean(axis=1, keepdims=True)
        beyond = means - rows - columns + means.mean(axis=(1, 2), keepdims=True)
        for i, level in enumerate(design.levels[first]):
            for j, other in enumerate(design.levels[second]):
                yield {
                    "factor": first,
                    "level": level,
                    "other_factor": second,
                    "other_level": other,
                    **_estimate(beyond[:, i, j]),
                }


def _estimate(values: Array) -> dict[str, float]:
    interval = bootstrap_interval(values)
    return {"effect": float(values.mean()), "ci_low": interval.low, "ci_high": interval.high}


def _blocks(design: Factorial, factor: str) -> Array:
    """Give the values as ``[seed, combination of other factors, level]``."""
    moved = np.moveaxis(design.values, design.axis(factor) + 1, -1)
    return moved.reshape(len(design.seeds), -1, moved.shape[-1])
