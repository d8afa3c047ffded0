"""How many updates runs take to arrive at a target, from measurements on the way."""

import pandas as pd

#: what arrives, and whether from above
MEASURES = {
    "updates_to_accuracy": ("train_accuracy", False),
    "updates_to_loss": ("train_loss", True),
}


def arrivals(curves: pd.DataFrame, by: str, target: float) -> "pd.Series[float]":
    """Give the first measured update at which each run has reached its target.

    Resolution is that of the measurements: a run may have arrived since the one before.

    Parameters
    ----------
    curves
        A row a run and measurement: `run_id`, `update`, and the column measured.
    by
        Key of `MEASURES`.
    target
        Training accuracy (a share) or training loss that is to be reached.

    Returns
    -------
    Updates by run_id; NaN for a run that was at the target at no measurement.
    """
    column, from_above = MEASURES[by]
    reached = curves[column] <= target if from_above else curves[column] >= target
    first = curves[reached].groupby("run_id")["update"].min()
    return first.reindex(sorted(curves["run_id"].unique())).astype("float64")
