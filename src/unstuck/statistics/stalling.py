"""When a loss has stalled, told from the measurements on the way of a run."""

import pandas as pd

WINDOW = 0.1
"""Share of the budget, at its end, over which a loss that has stalled hardly changes."""

CHANGE = 0.01
"""Relative change of the loss over that window, below which it has stalled."""


def change_at_end(curve: pd.DataFrame) -> float:
    """Give the relative change of the full-batch training loss over the end of a run.

    Parameters
    ----------
    curve
        Columns ``update`` and ``train_loss`` of one run. The window starts at the last evaluation
        that leaves at least `WINDOW` of the budget.
    """
    curve = curve.sort_values("update")
    end = curve["update"].iloc[-1]
    before = curve[curve["update"] <= (1 - WINDOW) * end]["train_loss"].iloc[-1]
    after = curve["train_loss"].iloc[-1]
    # a loss of 0 that stays at 0 does not change
    return 0.0 if before == after == 0 else float(abs(after - before) / abs(before))


def stalled(curves: pd.DataFrame) -> set[str]:
    """Give the runs whose loss has stalled, by run_id.

    Parameters
    ----------
    curves
        Columns ``run_id``, ``update`` and ``train_loss``.
    """
    return {str(name) for name, one in curves.groupby("run_id") if change_at_end(one) < CHANGE}
