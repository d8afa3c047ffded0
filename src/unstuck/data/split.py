"""Stratified splits of exact sizes."""

from collections.abc import Sequence

import numpy as np

SPLIT_STREAM = 101


def largest_remainder(size: int, available: np.ndarray) -> np.ndarray:
    """Share ``size`` places among classes in proportion to what is available.

    Parameters
    ----------
    size
        Places, at most ``available.sum()``.
    available
        Samples of each class, int ``[C]``.

    Returns
    -------
    Samples of each class, int64 ``[C]``: sums to ``size``, less than one away from proportion,
    never more than available. Ties go to the lower class.
    """
    if size == 0:
        return np.zeros(len(available), np.int64)
    total = int(available.sum())
    # integers only, so that no rounding decides a tie
    whole, remainder = np.divmod(size * available.astype(np.int64), total)
    order = np.argsort(-remainder, kind="stable")
    whole[order[: size - int(whole.sum())]] += 1
    return whole


def stratified_split(
    y: np.ndarray, sizes: Sequence[int], seed: int, pool: int = 0
) -> tuple[np.ndarray, ...]:
    """Draw disjoint parts of exact sizes, each with the classes in proportion.

    Parts are drawn one after the other from a random order of each class. So the first parts do
    not depend on the sizes of later ones, and a smaller last part takes, class by class, the
    first of what a larger one would take.

    Parameters
    ----------
    y
        Labels ``[N]``.
    sizes
        Samples of each part; together at most ``N``.
    seed
        Seed of the order within classes and of the order of each part.
    pool
        Number of the pool, so that two pools of one source get different orders.

    Returns
    -------
    Indices into ``y`` of each part, int64, in random order.
    """
    rng = np.random.default_rng([seed, SPLIT_STREAM, pool])
    members = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    taken = np.zeros(len(members), np.int64)
    available = np.array([len(indices) for indices in members], np.int64)
    parts = []
    for number, size in enumerate(sizes):
        counts = largest_remainder(size, available - taken)
        part = np.concatenate(
            [
                indices[start : start + count]
                for indices, start, count in zip(members, taken, counts, strict=True)
            ]
        )
        # its own generator, so that the order of a part depends on no other part
        parts.append(
            np.random.default_rng([seed, SPLIT_STREAM, pool, number + 1]).permutation(part)
        )
        taken += counts
    return tuple(parts)
