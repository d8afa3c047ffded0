"""The order in which a run sees its samples, from its own seed and the epoch only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import ConfigError
from unstuck.training.spec import Order

ORDER_STREAM = 2
"""Stream of random numbers, beside the seed, from which sample orders are drawn."""

Indices = NDArray[np.int64]


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

    Raises
    ------
    ConfigError
        If a batch is more than the training samples.
    """

    def __init__(
        self, order: Order, labels: Sequence[Indices], seeds: Sequence[int], batch_size: int
    ) -> None:
        self._samples, self._batch_size = len(labels[0]), batch_size
        if batch_size > self._samples:
            raise ConfigError(
                f"batch_size {batch_size} is more than the {self._samples} training samples; "
                f"use at most {self._samples}, or 'full'."
            )
        self._order = order
        # members of one seed see one order: paired runs differ by what is compared only
        self._labels = dict(zip(seeds, labels, strict=True))
        rows = {seed: row for row, seed in enumerate(self._labels)}
        self.order_of = np.array([rows[seed] for seed in seeds])  # [K], a row of orders each
        self.per_epoch = -(-self._samples // batch_size)
        self._epoch = -1
        self._orders = np.empty((0, 0), dtype=np.int64)

    def epoch(self, epoch: int) -> list[Indices]:
        """Return the batches of one epoch, each contiguous `[K, B]`."""
        stacked = self._drawn(epoch)[self.order_of]
        return [
            np.ascontiguousarray(stacked[:, start : start + self._batch_size])
            for start in range(0, self._samples, self._batch_size)
        ]

    def between(self, start: int, stop: int) -> tuple[Indices, NDArray[np.int32]]:
        """Return the batches of updates `start:stop`, one after another.

        Returns
        -------
        sizes
            Samples of each batch `[n]`.
        orders
            Indices of the samples of all of them `[R, sum(sizes)]`, in row `order_of` of a member.
        """
        number = np.arange(start, stop) % self.per_epoch
        sizes = np.minimum(self._batch_size, self._samples - number * self._batch_size)
        pieces = []
        for epoch in range(start // self.per_epoch, (stop - 1) // self.per_epoch + 1):
            first, last = (max(0, each - epoch * self.per_epoch) for each in (start, stop))
            samples = slice(first * self._batch_size, last * self._batch_size)
            pieces.append(self._drawn(epoch)[:, samples])
        return sizes, np.concatenate(pieces, axis=1).astype(np.int32)

    def _drawn(self, epoch: int) -> Indices:
        """Return the order of one epoch for each seed `[R, N]`."""
        repeated = self._order != "reshuffled" and self._orders.size
        if epoch != self._epoch and not repeated:
            self._orders = np.stack(
                [
                    sample_order(self._order, labels, seed, epoch)
                    for seed, labels in self._labels.items()
                ]
            )
        self._epoch = epoch
        return self._orders
