"""Section 1.1: what the points are at which training has stalled."""

from collections.abc import Iterator

import pandas as pd

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence, Role
from unstuck.claims.stalled import GRID, contrasts, stalled_runs
from unstuck.statistics.intervals import wilson_interval

KINDS = ("minimum", "saddle", "maximum", "degenerate", "gradient-flat", "none")
HALF = 50.0
NEEDED = (
    *("kind", "distance", "path"),
    *("start_gradient_norm", "end_gradient_norm", "start_loss", "end_loss"),
)


@claim("1.1.7")
def stuck_where(stalls: pd.DataFrame, grid: pd.DataFrame) -> Evidence:
    """Share of saddles among stalled endpoints, less one half, by seed.

    Runs whose loss still changes are no stalled ones: they are left out and counted, as are those
    that diverged.

    Controls: searches that start beside a known saddle must come out as saddles; and of searches
    half of which start beside a known saddle and half beside a known minimum, just half must.
    """
    own = stalled_runs(stalls, NEEDED)
    of_grid = stalled_runs(grid, NEEDED, "grid").assign(run=GRID)
    endpoints = pd.concat([own, of_grid], ignore_index=True)
    endpoints = endpoints[endpoints["origin"] == "endpoint"]
    endpoints = endpoints.assign(excess=_excess(endpoints))
    stalled = endpoints[endpoints["stalled"]]
    return Evidence(
        "1.1.7",
        contrasts=(*contrasts(stalled, "excess", "saddles among stalled endpoints"), *_known(own)),
        tables={"shares": _shares(endpoints), "endpoints": _shown(stalled)},
        numbers={
            "endpoints": len(endpoints),
            "not_stalled": int((~endpoints["stalled"]).sum()),
            **{
                f"share_of_{kind.replace('-', '_')}": float((stalled["kind"] == kind).mean())
                for kind in KINDS
            },
            "median_gradient_norm_where_it_stalled": float(stalled["start_gradient_norm"].median()),
        },
    )


def _excess(table: pd.DataFrame) -> "pd.Series[float]":
    """Give the percentage of saddles that a row adds to a mean, less one half."""
    excess: pd.Series[float] = 100.0 * (table["kind"] == "saddle") - HALF
    return excess


def _known(own: pd.DataFrame) -> Iterator[Contrast]:
    known = own[own["origin"] != "endpoint"]
    known = known.assign(excess=_excess(known))
    for dataset, part in known.groupby("dataset", sort=True):
        saddles = part[part["origin"] == "known saddle"]
        controls: tuple[tuple[Role, pd.DataFrame, str], ...] = (
            ("positive control", saddles, "searches beside a known saddle that find one"),
            ("negative control", part, "the same, and as many beside a known minimum"),
        )
        for role, chosen, name in controls:
            values = chosen.groupby("seed")["excess"].mean().sort_index()
            yield Contrast(
                name=name,
                dataset=str(dataset),
                condition={},
                seeds=tuple(values.index),
                values=tuple(values),
                role=role,
            )


def _shares(endpoints: pd.DataFrame) -> pd.DataFrame:
    """Give the share of every kind among stalled endpoints, with its Wilson interval."""
    rows = []
    for (run, dataset), part in endpoints.groupby(["run", "dataset"], sort=False):
        stalled = part[part["stalled"]]
        for kind in KINDS if len(stalled) else ():
            count = int((stalled["kind"] == kind).sum())
            interval = wilson_interval(count, len(stalled))
            rows.append(
                {
                    "dataset": dataset,
                    "run": run,
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
    columns = ["dataset", "run", "seed", "kind", "distance", "path"]
    columns += ["start_gradient_norm", "end_gradient_norm", "start_loss", "end_loss"]
    order = ["dataset", "run", "seed", "kind"]
    return stalled[columns].sort_values(order, kind="stable", ignore_index=True)
