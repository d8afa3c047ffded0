"""Batches partition the data, and come again or do not."""

import numpy as np

from unstuck.training import order


def test_epochs_partition_the_data(tables_of):
    epochs = tables_of("batch_orders", samples=60, batch_sizes=[8, 20], epochs=3)["epochs"]
    assert (epochs["misplaced"] == 0).all()
    assert epochs.groupby("batch_size")["batches"].first().to_dict() == {8: 8, 20: 3}
    again = epochs[epochs["epoch"] > 0].groupby("order")["again"]
    assert again.max()["reshuffled"] == 0
    assert again.min()["fixed"] == again.min()["sorted"] == 1
    assert epochs[epochs["epoch"] == 0]["again"].isna().all()


def test_an_order_that_repeats_a_sample_shows(monkeypatch, tables_of):
    right = order.sample_order

    def wrong(*given):
        return np.append(right(*given)[:-1], right(*given)[0])

    monkeypatch.setattr(order, "sample_order", wrong)
    epochs = tables_of("batch_orders", samples=60, batch_sizes=[20], epochs=2)["epochs"]
    assert (epochs["misplaced"] == 2).all()
