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
ESTIMATE = ("effect", "ci_low", "ci_high")


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


def enough(blocks: NDArray[np.bool_]) -> bool:
    """Tell whether at least half of the combinations of other factors are sound."""
    return bool(2 * blocks.sum() >= blocks.size and blocks.any())


def chosen_range(means: Array, choosing: Array) -> Array:
    """Give best minus worst level ``[seed]``, the two being chosen on other runs.

    Choosing them on the same runs would find a positive range in pure noise. With one choice from
    independent runs the values of different seeds are independent, with mean zero in noise.

    Parameters
    ----------
    means
        Mean of each level, ``[seed, level]``.
    choosing
        The same of other seeds, by whose average the levels are chosen.
    """
    average = choosing.mean(axis=0)
    return np.asarray(means[:, average.argmax()] - means[:, average.argmin()])


def shuffled_means(
    design: Factorial, factor: str, stream: int, blocks: NDArray[np.bool_] | None = None
) -> Array:
    """Give `level_means` with a factor's labels shuffled once.

    Each seed and each combination of other factors has an order of its own, so the labels mean
    nothing while the values stay as they are.
    """
    flat = _blocks(design, factor)
    flat = flat if blocks is None else flat[:, blocks]
    rngs = [np.random.default_rng([s, stream, design.axis(factor)]) for s in design.seeds]
    rows = (rng.permuted(block, axis=1).mean(axis=0) for rng, block in zip(rngs, flat, strict=True))
    return np.stack(list(rows))


def main_effects(design: Factorial) -> pd.DataFrame:
    """Give the deviation of each level's mean from the grand mean, with 95 % intervals.

    Over the sound combinations of other factors; a factor without `enough` of them is left out.
    """
    rows = []
    for factor, levels in design.levels.items():
        blocks = sound_blocks(design, factor)
        if not enough(blocks):
            continue
        means = level_means(design, factor, blocks)
        deviations = means - means.mean(axis=1, keepdims=True)
        for level, values in zip(levels, deviations.T, strict=True):
            rows.append({"factor": factor, "level": level, **_estimate(values)})
    return pd.DataFrame(rows, columns=["factor", "level", *ESTIMATE])


def interactions(design: Factorial) -> pd.DataFrame:
    """Give, per pair of levels, what their mean has beyond the two main effects.

    Over the combinations of other factors that are sound at all levels of both, as in
    `main_effects`.
    """
    pair = ["factor", "level", "other_factor", "other_level"]
    return pd.DataFrame(list(_interaction_rows(design)), columns=[*pair, *ESTIMATE])


def _interaction_rows(design: Factorial) -> Iterator[dict[str, object]]:
    for first, second in combinations(design.levels, 2):
        axes = design.axis(first), design.axis(second)
        blocks = np.moveaxis(design.sound, axes, (-2, -1)).all(axis=(-2, -1)).ravel()
        if not enough(blocks):
            continue
        moved = np.moveaxis(design.values, [axis + 1 for axis in axes], (-2, -1))
        flat = moved.reshape(len(design.seeds), -1, *moved.shape[-2:])
        means = flat[:, blocks].mean(axis=1)
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
