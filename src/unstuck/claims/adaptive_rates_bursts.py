"""Section 2.1: Adagrad's bursts, and a decaying rate against them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, compared
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.claims.walks import LOST, Arm, fixed, require_walks, shown_path, tuned

SURFACES = ("regression", "ellipse_10000", "turned_10000")
# the rates by the registry's words
RATES = {"low": 0.1, "middle": 0.316, "high": 1.0}
MEAN, SUM, DECAYED = "adagrad_mean", "adagrad", "adagrad_mean_decayed"
SAME = 1e-6
PER = 100_000


@claim("2.1.8")
def bursts(walks: pd.DataFrame, paths: pd.DataFrame) -> Evidence:
    """Bursts per 100,000 updates under the mean of squares less those under their sum, by start.

    The negative control holds the starts of each arm against each other.
    """
    require_walks(walks, "bursts", "first_burst")
    contrasts: list[Contrast] = []
    rows: list[dict[str, object]] = []
    for surface in SURFACES:
        for word, rate in RATES.items():
            arms = {name: fixed(walks, surface, name, rate) for name in (MEAN, SUM)}
            counts = {name: _counts(arm) for name, arm in arms.items()}
            contrasts += compared(
                counts[MEAN],
                counts[SUM],
                name="the mean of squares against their sum",
                dataset=surface,
                condition={"rate": word},
            )
            rows += [
                {"surface": surface, "walker": name, "rate": rate, "seed": seed, "bursts": count}
                for name, series in counts.items()
                for seed, count in series.items()
            ]
    mean = walks[(walks["walker"] == MEAN) & (walks["role"] == "evaluation")]
    mean = mean[np.isclose(mean["rate"].to_numpy()[:, None], list(RATES.values())).any(axis=1)]
    table = pd.DataFrame(rows)
    return Evidence(
        "2.1.8",
        contrasts=tuple(contrasts),
        tables={"bursts": table, "curves": _curves(paths, table, (MEAN, SUM))},
        numbers={
            "updates": int(walks["updates"].max()),
            "starts": int(table["seed"].nunique()),
            "most_under_the_sum": float(table.loc[table["walker"] == SUM, "bursts"].max()),
            "quiet_updates_before_the_first": _median(mean["first_burst"]),
            "largest_distance_late": float(mean["late"].replace(np.inf, LOST).max()),
            "never_settled": int(mean["settled"].isna().sum()),
            "walks_under_the_mean": len(mean),
        },
    )


@claim("2.1.9")
def decay(walks: pd.DataFrame, paths: pd.DataFrame) -> Evidence:
    """Bursts, and the largest distance at the end, of a constant rate against one that decays.

    Exact: the mean of squares with η/√(t + 1) is their sum, over all updates and walks. The
    negative control holds the starts of each arm against each other.
    """
    require_walks(walks, "bursts", "end_x", "end_y")
    contrasts: list[Contrast] = []
    rows: list[dict[str, object]] = []
    for surface in SURFACES:
        pairs = {
            word: (fixed(walks, surface, MEAN, rate), fixed(walks, surface, DECAYED, rate))
            for word, rate in RATES.items()
        }
        pairs["tuned"] = (tuned(walks, surface, MEAN), tuned(walks, surface, DECAYED))
        for word, (constant, decayed) in pairs.items():
            edge = constant.edge or decayed.edge
            for measure, give in (("bursts", _counts), ("distance", _log_distance)):
                contrasts += compared(
                    give(constant),
                    give(decayed),
                    name="a constant rate against one that decays",
                    dataset=surface,
                    condition={"rate": word},
                    measure=measure,
                    note=EDGE if edge else "",
                )
            rows += [*_ends(constant, surface, word, MEAN), *_ends(decayed, surface, word, DECAYED)]
    table = pd.DataFrame(rows)
    return Evidence(
        "2.1.9",
        contrasts=tuple(contrasts),
        checks=tuple(_identity(paths)),
        tables={"ends": table, "curves": _curves(paths, table, (MEAN, DECAYED))},
        numbers={
            "updates": int(walks["updates"].max()),
            "most_bursts_decayed": float(table.loc[table["walker"] == DECAYED, "bursts"].max()),
        },
    )


def _counts(arm: Arm) -> "pd.Series[float]":
    counts: pd.Series[float] = PER * arm.values("bursts") / arm.walks["updates"].iloc[0]
    return counts


def _log_distance(arm: Arm) -> "pd.Series[float]":
    logs: pd.Series[float] = np.log(arm.late())
    return logs


def _median(values: "pd.Series[float]") -> float | str:
    return float(values.median()) if values.notna().any() else "none"


def _ends(arm: Arm, surface: str, word: str, walker: str) -> Iterator[dict[str, object]]:
    counts, late = _counts(arm), arm.late()
    for seed in counts.index:
        yield {
            "surface": surface,
            "walker": walker,
            "policy": word,
            "rate": arm.rate,
            "seed": seed,
            "bursts": counts[seed],
            "late": late[seed],
        }


def _curves(paths: pd.DataFrame, table: pd.DataFrame, walkers: tuple[str, str]) -> pd.DataFrame:
    """Give the first start's distances where the mean of squares bursts most, on each surface."""
    curves = []
    first = table[(table["walker"] == MEAN) & (table["seed"] == 0)]
    first = first[first["rate"].isin(RATES.values())]
    for surface in SURFACES:
        ordered = first[first["surface"] == surface].sort_values("bursts", kind="stable")
        rate = float(ordered["rate"].iloc[-1])
        for walker in walkers:
            path = shown_path(paths, surface, walker, rate)
            columns = ["surface", "walker", "rate", "update", "distance", "farthest"]
            curves.append(path[columns])
    return pd.concat(curves, ignore_index=True)


def _identity(paths: pd.DataFrame) -> Iterator[Check]:
    """Hold the paths of the sum against those of the mean with η/√(t + 1), on each surface.

    The control: without the decay the two rules part.
    """
    for surface in SURFACES:
        keys = ["rate", "update"]
        part = paths[(paths["surface"] == surface) & (paths["seed"] == 0)]
        tables = {
            name: part[part["walker"] == name].set_index(keys)[["x", "y"]].sort_index()
            for name in (SUM, DECAYED, MEAN)
        }
        scale = np.abs(tables[SUM].to_numpy()).max()
        for name, role, expected in ((DECAYED, "effect", 0.0), (MEAN, "negative control", 1.0)):
            both = tables[name].index.intersection(tables[SUM].index)
            gaps = (tables[name].loc[both] - tables[SUM].loc[both]).to_numpy()
            apart = float(np.abs(gaps).max() / scale)
            if role == "effect":
                yield Check(
                    f"mean of squares with η/√(t + 1) less their sum on {surface}, over the "
                    "farthest coordinate, the most at any common rate and update",
                    apart,
                    expected,
                    SAME,
                )
            else:
                yield Check(
                    f"whether the two part on {surface} without the decay",
                    float(apart > SAME),
                    expected,
                    0.0,
                    role="negative control",
                )
