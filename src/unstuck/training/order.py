"""The order in which a run sees its samples, from its own seed and the epoch only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ConfigError
from unstuck.training.spec import Order

ORDER_STREAM = 2
"""Stream of random numbers, beside the seed, from which sample orders are drawn."""

Indices = NDArray[np.int64]


def check_batch_size(batch_size: int, available: int) -> None:
    """Refuse a batch that the training part cannot fill.

    Raises
    ------
    ConfigError
        If `batch_size` exceeds the `available` training samples.
    """
    if batch_size > available:
        raise ConfigError(
            f"batch_size {batch_size} is more than the {available} training samples; "
            f"use at most {available}, or 'full'."
        )


def sample_order(order: Order, labels: Indices, seed: int, epoch: int) -> Indices:
    """Return the indices `[N]` of all samples in the order of one epoch.

    Parameters
    ----------
    order
        `reshuffled`: a new random order each epoch; `fixed`: the random order of epoch 0 in every
        epoch; `sorted`: by class, and within a class as they come.
    labels
        Classes of the training samples `[N]`.
    seed
        Seed of the run.
    epoch
        Epoch, from 0.
    """
    if order == "sorted":
        return np.argsort(labels, kind="stable")
    drawn = epoch if order == "reshuffled" else 0
    return np.random.default_rng([seed, ORDER_STREAM, drawn]).permutation(len(labels))


class Batches:
    """Sample indices of every update of K runs, each among those of its own unit.

    The batches of an epoch partition the training part. Where the batch size does not divide it,
    the last batch of each epoch is a smaller one, and its loss is the mean over those samples.

    Parameters
    ----------
    order
        As `sample_order` has it.
    labels
        Classes `[N]` of each run's training samples; the same for runs of one seed.
    seeds
        Seed of each run.
    batch_size
        Samples of a batch.
    """

    def __init__(
        self, order: Order, labels: Sequence[Indices], seeds: Sequence[int], batch_size: int
    ) -> None:
        self._samples = len(labels[0])
        check_batch_size(batch_size, self._samples)
        self._order, self._seeds = order, tuple(seeds)
        self._labels = dict(zip(seeds, labels, strict=True))
        self._batch_size = batch_size
        self.per_epoch = -(-self._samples // batch_size)
        self._epoch = -1
        self._batches: list[Indices] = []

    def epoch(self, epoch: int) -> list[Indices]:
        """Return the batches of one epoch, each contiguous `[K, B]`."""
        repeated = self._order != "reshuffled" and self._batches
        if epoch != self._epoch and not repeated:
            # members of one seed see one order: paired runs differ by what is compared only
            drawn = {
                seed: sample_order(self._order, labels, seed, epoch)
                for seed, labels in self._labels.items()
            }
            stacked = np.stack([drawn[seed] for seed in self._seeds])
            self._batches = [
                np.ascontiguousarray(stacked[:, start : start + self._batch_size])
                for start in range(0, self._samples, self._batch_size)
            ]
        self._epoch = epoch
        return self._batches
