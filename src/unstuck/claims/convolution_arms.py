"""What the arms of the claims on convolutional networks are called."""

import pandas as pd

from unstuck.errors import DataError

FAMILIES = {
    "conv1d": "shared",
    "conv2d": "shared",
    "local1d": "local",
    "local2d": "local",
    "dense": "full",
}


def with_family(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``family``: shared or local weights of small fields, or fully connected."""
    return runs.assign(family=runs["architecture"].map(FAMILIES))


def require_families(runs: pd.DataFrame, claim: str, dataset: str) -> None:
    """Refuse a dataset on which one of the three families was not trained.

    Raises
    ------
    DataError
        If so.
    """
    missing = sorted(set(FAMILIES.values()) - set(runs["family"]))
    if missing:
        raise DataError(
            f"claim {claim} on {dataset}: there is no run of the family {missing[0]!r}; "
            "add a network of that kind to the experiment."
        )
