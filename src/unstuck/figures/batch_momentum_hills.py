"""The figure of claim 1.2.8: momentum over hills, and away from saddles."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.surfaces.hill import hill_with_barrier

SHOWN_BARRIER = 0.5
TINTS = {0.0: style.SLATE, 0.9: style.BLUE}
LIFT = 1.1
# rates of the departures, without and with momentum
POLICIES = {
    "same rate": (1.0, 1.0),
    "equal steps": (1.0, 0.1),
    "near the limit": (1.9, 3.61),
}
MARKERS = {"o": "●", "s": "■", "D": "◆", "^": "▲"}


@figure("1.2.8")
def hills(evidence: Evidence) -> Figure:
    """Above: two paths over one hill. Below: shares that cross, and updates to leave saddles."""
    drawing = style.blank(height=5.8)
    grid = GridSpec(2, 2, figure=drawing, height_ratios=[1.0, 1.25])
    _surface(drawing.add_subplot(grid[0, :]), evidence.tables["paths"])
    shares = evidence.tables["shares"]
    _shares(drawing.add_subplot(grid[1, 0]), shares)
    _saddles(drawing.add_subplot(grid[1, 1]), evidence.tables["departures"])
    crossed = _crossed(shares, "same")
    best = _crossed(shares, "best")
    numbers = evidence.numbers
    style.headline(
        drawing,
        f"At one small rate {crossed[0.9]:.0f} % of the walks cross hills with momentum 0.9 and "
        f"{crossed[0.0]:.0f} % without; at its best rate {best[0.0]:.0f} % cross without. Momentum "
        f"leaves saddles {numbers['gain_same']:.1f} times as fast at the same rate, "
        f"{numbers['gain_reach']:.1f} times with equal steps",
        f"Above and left: rate η = {numbers['rate']:g} over the curvature at the goal; bars are "
        f"95 % intervals over {numbers['walks']} starts. Right: {numbers['saddles']} saddles; "
        "equal steps: the same η/(1 − β), the step that a steady gradient ends up with.",
    )
    return drawing


def _crossed(shares: pd.DataFrame, policy: str) -> dict[float, float]:
    """Give the percentage of walks over all hills, by momentum."""
    part = shares[(shares["policy"] == policy) & (shares["barrier"] > 0)]
    sums = part.groupby("momentum")[["crossed", "walks"]].sum()
    shares_crossed = 100 * sums["crossed"] / sums["walks"]
    return {momentum: float(shares_crossed[momentum]) for momentum in TINTS}


def _surface(ax: Axes, paths: pd.DataFrame) -> None:
    import torch

    hill = hill_with_barrier(SHOWN_BARRIER)

    def height(x: np.ndarray) -> np.ndarray:
        heights: np.ndarray = hill.value(torch.tensor(x[:, None])).numpy()
        return heights

    left = min(-3.2, float(paths["x"].min()) - 0.2)
    along = np.linspace(left, 2.2, 400)
    heights = height(along)
    ax.fill_between(along, heights, -1.0, color=style.GRID, zorder=0)
    ax.plot(along, heights, color=style.QUIET, linewidth=1.2)
    for row, (momentum, tint) in enumerate(TINTS.items()):
        path = paths[paths["momentum"] == momentum]
        x = path["x"].to_numpy(dtype=np.float64)
        lift = LIFT * row
        ax.plot(x, height(x) + lift, color=tint, linewidth=0.9, marker="o", markersize=2.4)
        ax.plot(x[-1:], height(x[-1:]) + lift, color=tint, marker="*", markersize=11)
        name = "no momentum" if row == 0 else "momentum 0.9 (drawn higher)"
        label = ax.annotate(
            name,
            (x[-1], float(height(x[-1:])[0]) + lift),
            xytext=((0, -28), (-20, 30))[row],
            textcoords="offset points",
            color=tint,
            fontweight="bold",
            ha="center" if row == 0 else "left",
            arrowprops={"arrowstyle": "-", "color": tint, "linewidth": 0.7},
        )
        style.halo(label)
    ax.set_xlim(left, 2.2)
    ax.set_ylim(-0.5, float(heights.max()) + 1)
    ax.set_xlabel("Parameter x")
    ax.set_ylabel("Loss")
    ax.grid(visible=False)
    ax.set_title(f"One start; the hill stands {SHOWN_BARRIER:g} above the valley before it")


def _shares(ax: Axes, shares: pd.DataFrame) -> None:
    part = shares[shares["policy"] == "same"]
    momenta = sorted(part["momentum"].unique())
    barriers = sorted(part["barrier"].unique())
    tints = [style.FAINT, *style.shades(style.BLUE, len(barriers) - 1)]
    labels = []
    for index, (barrier, tint) in enumerate(zip(barriers, tints, strict=True)):
        line = part[part["barrier"] == barrier].sort_values("momentum")
        share = 100 * line["crossed"] / line["walks"]
        place = np.arange(len(momenta)) + 0.06 * (index - 1.5)
        whiskers = [(share - line["low"]).clip(lower=0), (line["high"] - share).clip(lower=0)]
        ax.errorbar(
            place, share, yerr=whiskers, color=tint, marker="o", markersize=4, linewidth=1.4
        )
        name = "no hill" if barrier == 0 else f"height {barrier:g}"
        labels.append(
            (float(place[-1]), float(share.iloc[-1]), name, tint if barrier else style.QUIET)
        )
    ax.set_xticks(range(len(momenta)), [f"{momentum:g}" for momentum in momenta])
    ax.set_ylim(-4, 107)
    ax.set_xlabel("Momentum β")
    ax.set_ylabel("Walks that cross (%)")
    ax.set_title("Hills")
    style.end_labels(ax, labels)


def _saddles(ax: Axes, departures: pd.DataFrame) -> None:
    first = departures[departures["start"] == "first"]
    datasets = sorted(first["dataset"].unique())
    # more datasets than marks are refused, not left out
    marks = dict(zip(datasets, list(MARKERS)[: len(datasets)], strict=True))
    for index, (dataset, marker) in enumerate(marks.items()):
        part = first[first["dataset"] == dataset]
        offset = 0.18 * (index - (len(datasets) - 1) / 2)
        for column, rates in enumerate(POLICIES.values()):
            medians = []
            for (momentum, tint), rate in zip(TINTS.items(), rates, strict=True):
                chosen = part[
                    np.isclose(part["momentum"], momentum) & np.isclose(part["rate"], rate)
                ]
                place = np.full(len(chosen), column + offset)
                ax.plot(
                    place,
                    chosen["updates"],
                    linestyle="none",
                    marker=marker,
                    markersize=4,
                    markeredgewidth=0,
                    alpha=0.6,
                    color=tint,
                )
                medians.append(float(chosen["updates"].median()))
            ax.plot([column + offset] * 2, medians, color=style.QUIET, linewidth=0.8, zorder=0)
    ax.set_yscale("log")
    ax.set_ylim(0.7 * float(first["updates"].min()), 6 * float(first["updates"].max()))
    ax.set_xticks(range(len(POLICIES)), [name.replace(" ", "\n", 1) for name in POLICIES])
    ax.set_xlim(-0.5, len(POLICIES) - 0.5)
    ax.set_ylabel("Updates to leave a saddle")
    words = [f"{MARKERS[mark]} {style.dataset_name(name)}" for name, mark in marks.items()]
    ax.set_xlabel(f"Rates compared\n({', '.join(words)})")
    ax.set_title("Saddles of networks")
    for row, (name, momentum) in enumerate((("no momentum", 0.0), ("momentum 0.9", 0.9))):
        label = ax.text(
            *(0.98, 0.93 - 0.09 * row),
            name,
            color=TINTS[momentum],
            transform=ax.transAxes,
            fontweight="bold",
            ha="right",
        )
        style.halo(label)
