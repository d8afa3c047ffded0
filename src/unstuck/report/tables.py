"""Reading back the tables of verdicts."""

import os

import pandas as pd

from unstuck.errors import DataError

_NUMBERS = ("effect", "ci_low", "ci_high", "margin", "p", "p_holm", "detectable")


def read_decided(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read ``verdicts.csv`` or ``contrasts.csv`` with the types they were written with.

    Raises
    ------
    DataError
        If the file is missing or is no such table.
    """
    try:
        names = list(pd.read_csv(path, nrows=0).columns)
        kinds = dict.fromkeys(names, "str") | dict.fromkeys(_NUMBERS, "float64")
        kinds |= {"seeds": "int64", "usable": "bool"}
        return pd.read_csv(
            path,
            dtype={name: kinds[name] for name in names},
            keep_default_na=False,
            na_values={name: [""] for name in names if kinds[name] == "float64"},
        )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{os.fspath(path)} is no table of verdicts ({reason}); "
            "delete it and run snakemake again to make it anew."
        ) from error
