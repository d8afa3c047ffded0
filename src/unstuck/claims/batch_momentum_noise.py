"""Section 1.2: how noisy the gradients of small batches are."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.errors import DataError

SLOPE = 0.05  # of log variance against log batch size, from −1
LAW = 0.1  # of the variance over that of the law, from 1
REPLACED = 0.25  # of a mean of few batches
ZERO = 1e-20  # of a variance in units of that of single samples, in float64
UNBIASED = 1e-12
POINT = ["dataset", "updates", "seed"]
COLUMNS = [*POINT, "samples", "draw", "batch_size", "variance", "bias"]
SCALES = ["single_variance", "gradient_norm"]


@claim("1.2.2")
def noise(variance: pd.DataFrame) -> Evidence:
    """Variance of minibatch gradients against batch size, and the law that it follows.

    Of B out of N samples drawn without replacement it is σ²/B · (N − B)/(N − 1), with σ² the
    variance of single samples' gradients (the finite population correction of survey sampling):
    slope −1 once the last factor is divided out, and 0 for B = N. Controls: with replacement σ²/N
    is left at B = N; batches sorted by class are no random sample, and must not follow the law.
    """
    require_columns(variance, [*COLUMNS, *SCALES], "variance")
    table = variance[[*COLUMNS, *SCALES]].copy()
    table["ratio"] = table["variance"] / table["single_variance"]
    table["noise"] = np.sqrt(table["variance"]) / table["gradient_norm"]
    factor = (table["samples"] - table["batch_size"]) / (table["samples"] - 1)
    table["divided"] = table["ratio"] / factor.where(table["draw"] != "replaced", 1.0)
    part = table[table["batch_size"] < table["samples"]]
    if part["batch_size"].nunique() < 3:
        raise DataError("claim 1.2.2 fits a slope over batch sizes below the full one; give three.")
    slopes = _slopes(part)
    checks = [
        check
        for dataset in sorted(table["dataset"].unique())
        for check in _checks(
            table[table["dataset"] == dataset], slopes[slopes["dataset"] == dataset], str(dataset)
        )
    ]
    ours = slopes[slopes["draw"] == "reshuffled"]
    return Evidence(
        "1.2.2",
        checks=tuple(checks),
        tables={
            "variance": table.drop(columns=["bias", "divided"]),
            "slopes": slopes,
        },
        numbers={
            "points": len(ours),
            "farthest_slope_of_one_seed": _farthest(ours["slope"], -1.0),
            "sorted_slope": float(slopes[slopes["draw"] == "sorted"]["slope"].mean()),
            **_signal(table),
        },
    )


def _slopes(part: pd.DataFrame) -> pd.DataFrame:
    """Fit the log-log slope of the variance, its factor divided out, a line a point and draw."""
    rows = []
    for key, lines in part.groupby(["draw", *POINT]):
        sizes = np.log(lines["batch_size"].to_numpy(dtype=np.float64))
        values = np.log(lines["divided"].to_numpy(dtype=np.float64))
        rows.append(
            dict(zip(["draw", *POINT], key, strict=True))
            | {
                "slope": float(np.polyfit(sizes, values, 1)[0]),
                # σ² and so the law's intercept are known, not fitted
                "law": float(np.exp(np.mean(values + sizes))),
            }
        )
    return pd.DataFrame(rows)


def _checks(table: pd.DataFrame, slopes: pd.DataFrame, dataset: str) -> Iterator[Check]:
    ours = slopes[slopes["draw"] == "reshuffled"]
    for updates, part in ours.groupby("updates"):
        place = f"after {updates} updates on {dataset}"
        yield Check(f"slope {place}, mean of the seeds", part["slope"].mean(), -1.0, SLOPE)
        yield Check(
            f"variance over σ²/B · (N − B)/(N − 1) {place}, mean of the seeds",
            part["law"].mean(),
            1.0,
            LAW,
        )
    drawn = table[table["draw"] == "reshuffled"]
    full = table[table["batch_size"] == table["samples"]]
    yield Check(
        f"largest variance of the full batch over σ² on {dataset}",
        full[full["draw"] == "reshuffled"]["ratio"].max(),
        0.0,
        ZERO,
    )
    yield Check(
        f"largest distance of an epoch's mean gradient from the full one on {dataset}, over its "
        "norm",
        (drawn["bias"] / drawn["gradient_norm"]).max(),
        0.0,
        UNBIASED,
    )
    replaced = full[full["draw"] == "replaced"]
    yield Check(
        f"variance over σ²/N of N samples drawn with replacement on {dataset}",
        (replaced["ratio"] * replaced["samples"]).mean(),
        1.0,
        REPLACED,
        role="positive control",
    )
    by_class = slopes[slopes["draw"] == "sorted"]
    yield Check(
        f"points on {dataset} where batches sorted by class seem to follow the law",
        int(((by_class["slope"] + 1).abs() <= SLOPE).sum()),
        0,
        0,
        role="negative control",
    )


def _farthest(values: "pd.Series[float]", goal: float) -> float:
    array = values.to_numpy(dtype=np.float64)
    return float(array[np.argmax(np.abs(array - goal))])


def _signal(table: pd.DataFrame) -> dict[str, float]:
    """Give, of each dataset and point, the batch size at which noise and gradient are as large.

    With replacement it is σ²/|g|², the simple noise scale of McCandlish et al. (2018).
    """
    points = table.drop_duplicates(POINT)
    return {
        f"noise_scale_{dataset}_{updates}": float(
            (part["single_variance"] / part["gradient_norm"] ** 2).mean()
        )
        for (dataset, updates), part in points.groupby(["dataset", "updates"])
    }
