"""The figure of claim 2.1.6: RMSProp where the steepness changes on the way."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure
from unstuck.surfaces.catalogue import SURFACES

ALPHAS = ("0.5", "0.9", "0.99", "0.999")
TINTS = {
    "adagrad": style.color("adagrad"),
    **{
        f"rmsprop_{alpha}": tint
        for alpha, tint in zip(ALPHAS, style.shades(style.ORANGE, len(ALPHAS)), strict=True)
    },
}
NAMES = {"adagrad": "Adagrad", **{f"rmsprop_{alpha}": f"α = {alpha}" for alpha in ALPHAS}}
SMALLEST = 1e-4


@figure("2.1.6")
def rmsprop(evidence: Evidence) -> Figure:
    """Above: paths over the surface. Below: distance on the way, and updates to settle."""
    times, paths = evidence.tables["times"], evidence.tables["paths"]
    drawing = style.blank(height=6.0)
    grid = GridSpec(2, 2, figure=drawing, height_ratios=[1.0, 1.35])
    _surface(drawing.add_subplot(grid[0, :]), paths[paths["policy"] == "best"])
    _curves(drawing.add_subplot(grid[1, 0]), paths[paths["policy"] == "default"])
    _times(drawing.add_subplot(grid[1, 1]), times[times["policy"] == "best"])
    medians = _medians(times, "best")
    usual = _medians(times, "default")
    plain = times[(times["policy"] == "default") & (times["walker"] == "adagrad")]
    share = 100 * plain.groupby("surface")["settled"].mean()
    style.headline(
        drawing,
        checked(
            evidence,
            f"At the rate 0.01 RMSProp (α = 0.9) arrives in {usual['rmsprop_0.9']:,.0f} updates, "
            f"and {share['changing']:.0f} % of Adagrad's walks ever do ({share['even']:.0f} % on "
            "an even slope); at their best rates Adagrad takes "
            f"{medians['adagrad']:,.0f}, RMSProp {medians['rmsprop_0.5']:,.0f} (α = 0.5) to "
            f"{medians['rmsprop_0.999']:,.0f} (α = 0.999)",
        ),
        "Above: one start, each at its best rate. Left: the same start at the rate 0.01. Right: "
        f"medians and {evidence.numbers['starts']} starts.",
    )
    return drawing


def _medians(times: pd.DataFrame, policy: str) -> dict[str, float]:
    part = times[(times["surface"] == "changing") & (times["policy"] == policy)]
    medians = part.groupby("walker")["updates"].median()
    return {walker: float(medians[walker]) for walker in TINTS}


def _surface(ax: Axes, paths: pd.DataFrame) -> None:
    import torch

    surface = SURFACES["changing_steepness"]
    x = np.linspace(-21.0, 16.0, 240)
    y = np.linspace(-11.0, 11.0, 120)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    heights = surface.value(torch.from_numpy(grid)).numpy()
    ax.contourf(x, y, np.cbrt(heights), levels=16, cmap=style.SURFACE, zorder=0)
    goal = surface.critical_points()[0].point
    for walker in ("adagrad", "rmsprop_0.5", "rmsprop_0.99"):
        path = paths[paths["walker"] == walker]
        tint = TINTS[walker]
        ax.plot(
            path["x"], path["y"], color=tint, linewidth=1.0, marker="o", markersize=2.2, zorder=2
        )
    start = paths[paths["update"] == 0].iloc[0]
    ax.plot(start["x"], start["y"], marker="o", markersize=6, color=style.INK)
    ax.plot(goal[0], goal[1], marker="*", markersize=11, color=style.INK)
    for row, walker in enumerate(("adagrad", "rmsprop_0.5", "rmsprop_0.99")):
        rate = float(paths[paths["walker"] == walker]["rate"].iloc[0])
        name = NAMES[walker] if row == 0 else f"RMSProp, {NAMES[walker]}"
        label = ax.text(
            *(0.99, 0.93 - 0.12 * row),
            f"{name}, η = {rate:g}",
            color=TINTS[walker],
            transform=ax.transAxes,
            fontweight="bold",
            ha="right",
            va="top",
        )
        style.halo(label)
    for place, words in ((-20.5, "steep: slope 100"), (1.0, "gentle: slope 0.1")):
        style.halo(ax.text(place, -10.2, words, color=style.INK, va="bottom"))
    ax.set_xlim(-21, 16)
    ax.set_ylim(-11, 11)
    ax.set_xlabel("x, along which the steepness changes")
    ax.set_ylabel("y")
    ax.grid(visible=False)


def _curves(ax: Axes, paths: pd.DataFrame) -> None:
    last = float(paths["update"].max())
    labels = []
    for walker, tint in TINTS.items():
        path = paths[paths["walker"] == walker].sort_values("update")
        height = path["distance"].clip(SMALLEST)
        ax.plot(path["update"], height, color=tint, linewidth=1.6)
        labels.append((last, float(height.iloc[-1]), NAMES[walker], tint))
    ax.set_yscale("log")
    ax.set_xlim(0, last)
    ax.set_xticks([0, last / 2], ["0", f"{last / 2:,.0f}"])
    ax.set_xlabel("Update")
    ax.set_ylabel("Distance left (share of the start's)")
    ax.set_title("At the rate 0.01")
    style.end_labels(ax, labels)


def _times(ax: Axes, times: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    for surface, marker, offset in (("changing", "o", -0.16), ("even", "D", 0.16)):
        part = times[times["surface"] == surface]
        for column, (walker, tint) in enumerate(TINTS.items()):
            chosen = part[part["walker"] == walker]
            filled = tint if surface == "changing" else "none"
            place = column + offset + rng.uniform(-0.06, 0.06, len(chosen))
            ax.plot(
                place,
                chosen["updates"],
                linestyle="none",
                marker=marker,
                markersize=3.4,
                markeredgewidth=0.6,
                markeredgecolor=tint,
                markerfacecolor=filled,
                alpha=0.75,
            )
            median = float(chosen["updates"].median())
            ax.plot([column + offset - 0.14, column + offset + 0.14], [median] * 2, color=style.INK)
    ax.set_yscale("log")
    ax.set_xticks(range(len(TINTS)), ["Ada-\ngrad", *ALPHAS])
    ax.set_xlabel("RMSProp's α   (● changing, ◇ even slope)")
    ax.set_ylabel("Updates to settle")
    ax.set_title("At the best rate of each")
    ax.grid(axis="x", visible=False)
