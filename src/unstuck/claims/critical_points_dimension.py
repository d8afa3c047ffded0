"""Section 1.1: how rare minima are among critical points, by the number of parameters."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import require_columns, under_other_seeds
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError
from unstuck.statistics.gaussian_matrices import DECAY, probability_positive
from unstuck.statistics.intervals import wilson_interval

# two points of equal loss, to this many digits, and of equal index are images of each other under
# permutations and signs of units
LOSS_DIGITS = 8
COUNTS = ("searches", "distinct")
ERRORS = 4.0  # standard errors that a share may be off its exact probability
LAST_SIZE = 8
LAW = 2e-3  # by which the exact probabilities may differ from the large-n law at that size
KINDS = ("minimum", "saddle", "degenerate")
METHODS = ("following", "gradient norm")
START = ("dataset", "width", "seed", "start", "search")


@claim("1.1.5")
def dimension(
    searches: pd.DataFrame, contrast: pd.DataFrame, matrices: pd.DataFrame, ladder: pd.DataFrame
) -> Evidence:
    """Share of minima among certified critical points, smallest width minus largest, by seed.

    Counted over searches, and over points told apart by loss and index. The negative control
    holds each width against itself under other seeds. The positive control is the share of
    symmetric Gaussian matrices with positive eigenvalues, smallest size minus largest, and checks
    of those shares against exact probabilities. Beside them, without a verdict: where minimising
    the gradient norm ends from the same starts.
    """
    needed = [*START, "parameters", "converged", "kind", "path"]
    require_columns(searches, [*needed, "loss", "negative"], "searches")
    require_columns(contrast, needed, "contrast")
    require_columns(matrices, ["size", "seed", "matrices", "positive"], "matrices")
    require_columns(ladder, ["converged", "kind"], "ladder")
    certified = searches[searches["converged"]]
    widths = sorted(searches["width"].unique())
    if len(widths) < 2:
        raise DataError(f"claim 1.1.5: all searches have width {widths[0]}; give two or more.")
    contrasts = [
        contrast
        for dataset, start in sorted(set(zip(searches["dataset"], searches["start"], strict=True)))
        for contrast in _contrasts(
            certified[(certified["dataset"] == dataset) & (certified["start"] == start)],
            (widths[0], widths[-1]),
            sorted(searches["seed"].unique()),
            str(dataset),
            str(start),
        )
    ]
    shares = _matrix_shares(matrices)
    methods = _same_starts(searches, contrast)
    flat = methods["kind"] == "gradient-flat"
    return Evidence(
        "1.1.5",
        contrasts=(*contrasts, _matrix_contrast(matrices)),
        checks=tuple(_matrix_checks(shares)),
        tables={
            "kinds": _kinds(searches),
            "matrices": shares,
            "points": _points(certified),
            "methods": _ends(methods),
            "paths": _paths(methods),
        },
        numbers={
            "searches": len(searches),
            "certified": len(certified),
            "minimised": len(contrast),
            "minimised_certified": int(contrast["converged"].sum()),
            "minimised_flat": int((flat & (methods["method"] == "gradient norm")).sum()),
            "ladder_points": int(ladder["converged"].sum()),
            "ladder_saddles": int((ladder["converged"] & (ladder["kind"] == "saddle")).sum()),
        },
    )


def _contrasts(
    points: pd.DataFrame, ends: tuple[int, int], seeds: list[int], dataset: str, start: str
) -> Iterator[Contrast]:
    for count in COUNTS:
        condition = {"start": start, "count": count}
        chosen = distinct(points) if count == "distinct" else points
        chosen = chosen[chosen["width"].isin(ends)]
        shares = _minima(chosen, ends)
        missing = len(seeds) - len(shares)
        small, large = (shares[width] for width in ends)
        yield Contrast(
            name=f"minima at width {ends[0]} against {ends[1]}",
            dataset=dataset,
            condition=condition,
            seeds=tuple(shares.index),
            values=tuple(small - large),
            usable=not shares.empty,
            note=f"{missing} seeds without a certified point at both widths" if missing else "",
        )
        yield under_other_seeds(
            *(small, large),
            name=f"minima at widths {ends[0]} and {ends[1]}",
            dataset=dataset,
            condition=condition,
        )


def _minima(points: pd.DataFrame, ends: tuple[int, int]) -> pd.DataFrame:
    """Give the share of minima by seed and width, for seeds with points at both widths."""
    shares = (points["kind"] == "minimum").groupby([points["seed"], points["width"]]).mean()
    return shares.unstack("width").reindex(columns=list(ends)).dropna().sort_index()


def distinct(points: pd.DataFrame) -> pd.DataFrame:
    """Keep one of the points that agree in dataset, width, seed, start, loss and index."""
    told = points.assign(digits=points["loss"].round(LOSS_DIGITS))
    key = ["dataset", "width", "seed", "start", "negative", "digits"]
    return told.drop_duplicates(key).drop(columns="digits")


def _kinds(searches: pd.DataFrame) -> pd.DataFrame:
    """Count where searches ended, with the interval of the share of minima among certified."""
    rows = []
    for key, part in searches.groupby(["dataset", "start", "width", "parameters"]):
        certified = part[part["converged"]]
        counts = certified["kind"].value_counts()
        minima = int(counts.get("minimum", 0))
        low, high = 0.0, 1.0
        if len(certified):
            interval = wilson_interval(minima, len(certified))
            low, high = interval.low, interval.high
        rows.append(
            dict(zip(("dataset", "start", "width", "parameters"), key, strict=True))
            | {name: int(counts.get(name, 0)) for name in KINDS}
            | {
                "searches": len(part),
                "certified": len(certified),
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def _same_starts(searches: pd.DataFrame, contrast: pd.DataFrame) -> pd.DataFrame:
    """Put both methods' searches from the same starts below one another, with their method."""
    shared = searches.merge(contrast[list(START)], on=list(START))
    if len(shared) < len(contrast):
        raise DataError("claim 1.1.5: a start of the contrast was not searched from.")
    named = zip(METHODS, (shared, contrast), strict=True)
    return pd.concat([part.assign(method=method) for method, part in named], ignore_index=True)


def _ends(methods: pd.DataFrame) -> pd.DataFrame:
    """Count where each method came to, with the interval of the share that is gradient-flat."""
    rows = []
    for key, part in methods.groupby(["dataset", "method", "width"]):
        flat = int((~part["converged"] & (part["kind"] == "gradient-flat")).sum())
        critical = int(part["converged"].sum())
        interval = wilson_interval(flat, len(part))
        rows.append(
            dict(zip(("dataset", "method", "width"), key, strict=True))
            | {
                "searches": len(part),
                "critical": critical,
                "minima": int((part["converged"] & (part["kind"] == "minimum")).sum()),
                "flat": flat,
                "unfinished": len(part) - critical - flat,
                "low": interval.low,
                "high": interval.high,
            }
        )
    return pd.DataFrame(rows)


def _paths(methods: pd.DataFrame) -> pd.DataFrame:
    """Give the gradient norm after every step of every search."""
    told = methods["converged"] | (methods["kind"] == "gradient-flat")
    named = methods.assign(
        ended=methods["kind"].where(told, "unfinished"),
        step=methods["path"].map(lambda path: range(len(path))),
    )
    columns = ["method", *START, "ended", "step", "path"]
    long = named[columns].explode(["step", "path"], ignore_index=True)
    numbers = long.astype({"step": "int64", "path": "float64"})
    return numbers.rename(columns={"path": "gradient_norm"})


def _points(certified: pd.DataFrame) -> pd.DataFrame:
    columns = ["dataset", "start", "width", "parameters", "seed", "loss", "negative", "kind"]
    return certified[columns].sort_values(columns[:6], kind="stable", ignore_index=True)


def _matrix_shares(matrices: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for size, part in matrices.groupby("size"):
        positive, drawn = int(part["positive"].sum()), int(part["matrices"].sum())
        interval = wilson_interval(positive, drawn)
        rows.append(
            {
                "size": int(str(size)),
                "matrices": drawn,
                "share": positive / drawn,
                "low": interval.low,
                "high": interval.high,
                "exact": probability_positive(int(str(size))),
                "law": math.exp(-DECAY * int(str(size)) ** 2),
            }
        )
    return pd.DataFrame(rows)


def _matrix_contrast(matrices: pd.DataFrame) -> Contrast:
    share = (matrices["positive"] / matrices["matrices"]).groupby(
        [matrices["size"], matrices["seed"]]
    )
    table = share.first().unstack("size").sort_index(axis=1)
    values = table.iloc[:, 0] - table.iloc[:, -1]
    return Contrast(
        name=f"symmetric Gaussian matrices of {table.columns[0]} rows against {table.columns[-1]}",
        dataset="",
        condition={},
        seeds=tuple(values.index),
        values=tuple(values),
        role="positive control",
    )


def _matrix_checks(shares: pd.DataFrame) -> Iterator[Check]:
    """Hold shares against exact probabilities, and those against the law for large n.

    The second difference of n² ln 3 / 4 is ln 3 / 2, whatever grows more slowly than n².
    """
    for size, drawn, share, exact in zip(
        shares["size"], shares["matrices"], shares["share"], shares["exact"], strict=True
    ):
        yield Check(
            f"share of symmetric Gaussian matrices of {size} rows with positive eigenvalues alone",
            share,
            exact,
            ERRORS * math.sqrt(exact * (1 - exact) / drawn),
            role="positive control",
        )
    logs = -np.log([probability_positive(size) for size in range(LAST_SIZE - 2, LAST_SIZE + 1)])
    yield Check(
        f"second difference of −ln P at n = {LAST_SIZE}, from exact probabilities",
        float(logs[0] - 2 * logs[1] + logs[2]),
        2 * DECAY,
        LAW,
        role="positive control",
    )
    for size, known in ((1, 0.5), (2, (2 - math.sqrt(2)) / 4)):
        yield Check(
            f"exact probability at n = {size}",
            probability_positive(size),
            known,
            1e-12,
            role="positive control",
        )
