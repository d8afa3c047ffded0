"""Section 1.1: what the points are at which training has stalled."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import require_columns, under_other_seeds
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError
from unstuck.statistics.intervals import wilson_interval

KINDS = ("minimum", "saddle", "maximum", "degenerate", "gradient-flat", "none")
CRITICAL = ("minimum", "saddle", "maximum", "degenerate")
# a critical point counts as the run's if it is so near, as a share of the way the run has come
NEAR = 0.1
HALF = 50.0


@claim("1.1.7")
def stuck_where(stalls: pd.DataFrame) -> Evidence:
    """Share of saddles among stalled endpoints, less one half, by seed.

    Runs whose loss still changes are no stalled ones: they are left out and counted, as are those
    that diverged.

    Controls: the seeds against each other; and searches that start beside a known saddle, which
    must come out as saddles.
    """
    table = _judged(stalls)
    endpoints = table[table["origin"] == "endpoint"]
    stalled = endpoints[endpoints["stalled"]]
    if stalled.empty:
        raise DataError("no run of the table has stalled; train longer or anneal the rate.")
    known = table[table["origin"] == "known saddle"]
    shares = _shares(endpoints)
    return Evidence(
        "1.1.7",
        contrasts=(*_effects(stalled), *_split(stalled), *_known(known)),
        tables={"shares": shares, "endpoints": _shown(stalled)},
        numbers={
            "endpoints": len(endpoints),
            "not_stalled": int((~endpoints["stalled"]).sum()),
            **{
                f"share_of_{kind.replace('-', '_')}": float((stalled["found"] == kind).mean())
                for kind in KINDS
            },
            "median_gradient_norm_where_it_stalled": float(stalled["start_gradient_norm"].median()),
            "critical_but_too_far": int(
                (stalled["kind"].isin(CRITICAL) & (stalled["found"] == "none")).sum()
            ),
        },
    )


def _judged(stalls: pd.DataFrame) -> pd.DataFrame:
    """Add what was found: the kind of a critical point near by, gradient-flat, or none."""
    needed = ["dataset", "seed", "schedule", "origin", "kind", "stalled", "distance", "path"]
    norms = ["start_gradient_norm", "end_gradient_norm"]
    require_columns(stalls, [*needed, *norms], "stalls")
    far = stalls["kind"].isin(CRITICAL) & (stalls["distance"] > NEAR * stalls["path"])
    constant = stalls["schedule"] == "constant"
    return stalls.assign(
        found=stalls["kind"].mask(far, "none"),
        rate=np.where(constant, "constant", "annealed"),
        stalled=stalls["stalled"].astype(bool),
    ).reset_index(drop=True)


def _effects(stalled: pd.DataFrame) -> Iterator[Contrast]:
    for (dataset, rate), part in stalled.groupby(["dataset", "rate"], sort=True):
        values = _by_seed(part) - HALF
        yield Contrast(
            name="saddles among stalled endpoints",
            dataset=str(dataset),
            condition={"rate": str(rate)},
            seeds=tuple(values.index),
            values=tuple(values),
        )


def _split(stalled: pd.DataFrame) -> Iterator[Contrast]:
    for (dataset, rate), part in stalled.groupby(["dataset", "rate"], sort=True):
        values = _by_seed(part)
        # one arm split in both ways, which are orthogonal
        yield under_other_seeds(
            *(values, values),
            name="saddles among stalled endpoints",
            dataset=str(dataset),
            condition={"rate": str(rate)},
        )


def _known(known: pd.DataFrame) -> Iterator[Contrast]:
    for dataset, part in known.groupby("dataset", sort=True):
        values = _by_seed(part) - HALF
        yield Contrast(
            name="searches beside a known saddle that find one",
            dataset=str(dataset),
            condition={},
            seeds=tuple(values.index),
            values=tuple(values),
            role="positive control",
        )


def _by_seed(part: pd.DataFrame) -> "pd.Series[float]":
    """Give the percentage of saddles among the rows of each seed."""
    saddle = 100.0 * (part["found"] == "saddle")
    shares: pd.Series[float] = saddle.groupby(part["seed"]).mean().sort_index()
    return shares


def _shares(endpoints: pd.DataFrame) -> pd.DataFrame:
    """Give the share of every kind among stalled endpoints, with its Wilson interval."""
    rows = []
    for (dataset, rate), part in endpoints.groupby(["dataset", "rate"], sort=True):
        stalled = part[part["stalled"]]
        for kind in KINDS if len(stalled) else ():
            count = int((stalled["found"] == kind).sum())
            interval = wilson_interval(count, len(stalled))
            rows.append(
                {
                    "dataset": dataset,
                    "rate": rate,
                    "kind": kind,
                    "count": count,
                    "stalled": len(stalled),
                    "not_stalled": len(part) - len(stalled),
                    "share": count / len(stalled),
                    "low": interval.low,
                    "high": interval.high,
                }
            )
    return pd.DataFrame(rows)


def _shown(stalled: pd.DataFrame) -> pd.DataFrame:
    columns = ["dataset", "rate", "seed", "found", "distance", "path"]
    columns += ["start_gradient_norm", "end_gradient_norm", "start_loss", "end_loss"]
    order = ["dataset", "rate", "seed", "found"]
    return stalled[columns].sort_values(order, kind="stable", ignore_index=True)
