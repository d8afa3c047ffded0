"""Which primaries would stay open: half-widths of a development run against the margins.

``python -m unstuck.report.forecast`` prints a row a part of a primary. It is read before the
registered run: a part whose half-width exceeds its margin gets more units then, none after a look.
"""

import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd

from unstuck.errors import UnstuckError
from unstuck.files import read_csv
from unstuck.report.reference import Finished, parser

COLUMNS = ("claim", "part", "units", "margin", "half_width", "units_needed")


def forecast(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Give for every measured part how wide its interval is, and how many units it would take.

    Parameters
    ----------
    comparisons
        Rows of ``comparisons.csv`` of any claims, a factor's effects and margin as factors.

    Returns
    -------
    A row a part, with `COLUMNS`: half-widths in the unit of the margin (of factors, as a factor),
    and the units at which the half-width would be the margin, as it goes with one over their root.
    """
    rows = comparisons[(comparisons["role"] == "primary") & comparisons["effect"].notna()]
    factor = (rows["scale"] == "ratio").to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high, margin = (
            np.where(factor, np.log(rows[name].astype("float64")), rows[name].astype("float64"))
            for name in ("low", "high", "margin")
        )
    half = (high - low) / 2
    needed = np.ceil(rows["units"].to_numpy() * (half / margin) ** 2)
    found = pd.DataFrame(
        {
            "claim": rows["claim"],
            "part": rows["line"],
            "units": rows["units"],
            "margin": rows["margin"],
            "half_width": np.where(factor, np.exp(half), half),
            "units_needed": np.where(half > margin, needed, rows["units"]),
        }
    )
    return found.reset_index(drop=True)


def main(arguments: Sequence[str]) -> int:
    """Print the forecast of a finished study."""
    options = parser(__doc__ or "").parse_args(arguments)
    try:
        study = Finished.of(options.configfile)
        tables = [
            read_csv(study.claim(claim) / "comparisons.csv", dtype={"claim": "str"})
            for claim in study.judged
        ]
    except (UnstuckError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    found = forecast(pd.concat(tables, ignore_index=True))
    short = found["units_needed"] > found["units"]
    print(found.fillna({"part": ""}).to_string(index=False, float_format="{:.3g}".format))
    print(f"{int(short.sum())} of {len(found)} parts would need more units.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
