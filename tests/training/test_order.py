"""Orders of the samples."""

import numpy as np
import pytest

from unstuck.errors import ConfigError
from unstuck.training.order import Batches, sample_order

LABELS = np.random.default_rng(1).integers(0, 3, 50).astype(np.int64)


@pytest.mark.parametrize("order", ["reshuffled", "fixed", "sorted"])
@pytest.mark.parametrize("batch_size", [1, 16, 50])
def test_batches_partition_the_data_each_epoch(order, batch_size):
    batches = Batches(order, [LABELS] * 3, [0, 7, 7], batch_size)
    for epoch in range(3):
        cut = batches.epoch(epoch)
        assert len(cut) == batches.per_epoch
        assert [batch.shape[1] for batch in cut[:-1]] == [batch_size] * (len(cut) - 1)
        together = np.concatenate(cut, axis=1)
        assert (np.sort(together, axis=1) == np.arange(50)).all()


def test_the_last_batch_is_a_smaller_one():
    assert Batches("fixed", [LABELS], [0], 16).epoch(0)[-1].shape == (1, 2)


def test_only_reshuffled_orders_change_between_epochs():
    changes = {
        order: not np.array_equal(*(sample_order(order, LABELS, 0, epoch) for epoch in (0, 1)))
        for order in ("reshuffled", "fixed", "sorted")
    }
    assert changes == {"reshuffled": True, "fixed": False, "sorted": False}


def test_sorted_runs_through_the_classes():
    assert (np.diff(LABELS[sample_order("sorted", LABELS, 5, 2)]) >= 0).all()


def test_an_order_depends_on_its_own_seed_and_epoch_only():
    alone = Batches("reshuffled", [LABELS], [7], 16)
    together = Batches("reshuffled", [LABELS] * 3, [3, 7, 5], 16)
    together.epoch(0)
    for mine, ours in zip(alone.epoch(4), together.epoch(4), strict=True):
        np.testing.assert_array_equal(mine[0], ours[1])
    assert not np.array_equal(together.epoch(4)[0][0], together.epoch(4)[0][1])


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ConfigError, match="batch_size 51 is more than the 50 training samples"):
        Batches("fixed", [LABELS], [0], 51)
