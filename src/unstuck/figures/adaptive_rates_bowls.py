"""Figures of claims 2.1.3 and 2.1.4: gradient descent and Adagrad on long bowls."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.surfaces.valleys import Regression
from unstuck.wording import number

SHAPES = {
    "regression": "Regression",
    "ellipse_10000": "Straight bowl",
    "turned_10000": "Turned by 45°",
}
ARMS = {
    "gradient descent": style.SLATE,
    "Adagrad (sum)": style.color("adagrad"),
    "Adagrad (mean)": style.color("rmsprop"),
}
SHORT = ("descent", "sum", "mean")
# bias and weight as the lecture shows them
WINDOW = ((-205.0, 5.0), (0.9, 3.1))
SMALLEST = 1e-12
# what a failed check of each part of claim 2.1.3 means
CONTRARY = {
    "none": "the best rate arrives",
    "bounces": "1.9/λmax does not bounce",
    "crawls": "1e-7 arrives",
}


@figure("2.1.3")
def ellipse(evidence: Evidence) -> Figure:
    """Left: two paths on the regression. Right: what is left after all updates, by κ."""
    left, paths = evidence.tables["left"], evidence.tables["paths"]
    drawing, axes = style.canvas(1, 2, height=4.4, width_ratios=[1.15, 1.0])
    _surface(axes[0, 0], paths)
    _remains(axes[0, 1], left)
    updates = int(evidence.numbers["budget"])
    long = left[(left["surface"] == "regression") & ~left["overflowed"]]
    nearest = float(long.groupby(["stated", "rate"])["left"].median().min())
    overflow = evidence.numbers["overflow_at_large"]
    stays = "bounces" if isinstance(overflow, str) else f"overflows after {overflow:.0f} updates"
    style.headline(
        drawing,
        f"On the regression even the best rate leaves {100 * nearest:.0f} % of the way after "
        f"{updates:,} updates, and a rate of 0.01 {stays}{_elsewhere(evidence)}",
        f"Gradient descent. Left: one start of {left['seed'].nunique()}. Right: medians over the "
        "starts, at rates given in multiples of 1/λmax.",
    )
    return drawing


def _elsewhere(evidence: Evidence) -> str:
    """Say where descent does what the claim says it does not."""
    parts = []
    for part, words in CONTRARY.items():
        failed = [
            check.condition["surface"]
            for check in evidence.checks
            if check.condition.get("part") == part and not check.holds
        ]
        if failed:
            places = (_place(surface) for surface in dict.fromkeys(failed))
            parts.append(f"{words} {' and '.join(places)}")
    return f"; but {', and '.join(parts)}" if parts else ""


def _place(surface: str) -> str:
    kind, _, kappa = surface.partition("_")
    return f"at κ = {int(kappa):,}" if kappa else f"on the {kind}"


def _surface(ax: Axes, paths: pd.DataFrame) -> None:
    import torch

    bias, weight = (np.linspace(*span, 161) for span in WINDOW)
    grid = np.stack(np.meshgrid(bias, weight), axis=-1)
    regression = Regression()
    heights = regression.value(torch.from_numpy(grid)).numpy()
    levels = np.geomspace(heights.min(), heights.max(), 14)
    ax.contourf(bias, weight, heights, levels=levels, cmap=style.SURFACE)
    for name, tint in (("bounces", style.ORANGE), ("crawls", style.BLUE)):
        path = paths[paths["path"] == name]
        ax.plot(path["x"], path["y"], color=tint, linewidth=1.2, marker="o", markersize=1.8)
    first = paths.iloc[0]
    ax.plot(first["x"], first["y"], marker="o", markersize=6, color=style.INK)
    ax.plot(*regression.minimiser, marker="*", markersize=11, color=style.INK)
    style.halo(
        ax.annotate(
            "minimum",
            regression.minimiser,
            xytext=(0, -14),
            textcoords="offset points",
            ha="center",
        )
    )
    lines = (
        ("1.9/λmax: bounces across", style.ORANGE, 0.93),
        ("1e-7: crawls along", style.BLUE, 0.86),
        ("dot: start", style.INK, 0.79),
    )
    for text, tint, height in lines:
        label = ax.text(0.04, height, text, color=tint, transform=ax.transAxes, fontweight="bold")
        style.halo(label)
    ax.set_xlim(*WINDOW[0])
    ax.set_ylim(*WINDOW[1])
    ax.set_xlabel("Bias b")
    ax.set_ylabel("Weight w")
    ax.set_title(f"The regression, κ = {regression.condition:,.0f}")
    ax.grid(visible=False)


def _remains(ax: Axes, left: pd.DataFrame) -> None:
    bowls = left[~left["stated"] & ~left["overflowed"]]
    medians = bowls.groupby(["rate", "kappa"])["left"].median().clip(SMALLEST)
    rates = sorted(bowls["rate"].unique())
    ends = []
    for rate, tint in zip(rates, style.shades(style.BLUE, len(rates)), strict=True):
        line = medians.loc[rate]
        ax.plot(line.index, line, marker="o", markersize=3.5, color=tint)
        ends.append((float(line.index[-1]), float(line.iloc[-1]), f"{rate:g}/λmax", tint))
    ax.axhline(0.01, color=style.FAINT, linewidth=1.2)
    ax.text(1.3, 0.012, "arrived below", color=style.QUIET, va="bottom")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.4 * SMALLEST, 300)
    ax.set_xlabel("Condition number κ of the bowl")
    ax.set_ylabel("Distance left (share of the start's)")
    ax.set_title("What is left, by rate")
    style.end_labels(ax, ends, gap=10, fontsize=7.5)


@figure("2.1.4")
def adagrad(evidence: Evidence) -> Figure:
    """Above: distance against updates, for one start. Below: updates to settle, for all."""
    curves, times = evidence.tables["curves"], evidence.tables["times"]
    surfaces = [name for name in SHAPES if (times["surface"] == name).any()]
    drawing = style.blank(height=5.4)
    grid = GridSpec(2, len(surfaces), figure=drawing, height_ratios=[1.35, 1.0])
    budget = float(evidence.numbers["budget"])
    for column, surface in enumerate(surfaces):
        above, below = (drawing.add_subplot(grid[row, column]) for row in range(2))
        _distances(above, curves[curves["surface"] == surface], budget)
        _arrivals(below, times[times["surface"] == surface], budget, named=column == 0)
        above.set_title(SHAPES[surface])
        if column == 0:
            above.set_ylabel("Distance left")
    _name_arms(drawing.axes[0])
    style.headline(
        drawing,
        _gains(evidence),
        "Each optimizer at its best rate. Above: one start, distance as a share of the start's. "
        "Below: every start, updates after which no more than 1 % is ever left; open dots: never.",
    )
    return drawing


def _gains(evidence: Evidence) -> str:
    words = {
        "regression": "on the regression",
        "straight": "on a bowl along the coordinates",
        "turned": "on the turned one",
    }
    gains = {
        contrast.condition["shape"]: float(np.exp(np.mean(contrast.values)))
        for contrast in evidence.contrasts
        if contrast.role == "effect" and contrast.condition["squares"] == "sum"
    }
    parts = [
        f"{number(gains[shape], 2)} times as fast {where}"
        for shape, where in words.items()
        if shape in gains
    ]
    return f"Adagrad (sum) is {', '.join(parts[:-1])} and {parts[-1]}"


def _distances(ax: Axes, curves: pd.DataFrame, budget: float) -> None:
    for arm, tint in ARMS.items():
        line = curves[(curves["arm"] == arm) & (curves["update"] > 0)]
        ax.plot(line["update"], line["distance"].clip(SMALLEST), color=tint, linewidth=1.4)
    ax.axhline(0.01, color=style.FAINT, linewidth=1.2)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(1, budget)
    ax.set_ylim(1e-9, 5)
    ax.set_xlabel("Update")


def _name_arms(ax: Axes) -> None:
    for row, (arm, tint) in enumerate(ARMS.items()):
        label = ax.text(
            0.05, 0.28 - 0.1 * row, arm, color=tint, transform=ax.transAxes, fontweight="bold"
        )
        style.halo(label)


def _arrivals(ax: Axes, times: pd.DataFrame, budget: float, *, named: bool) -> None:
    rng = np.random.default_rng(0)
    for row, (arm, tint) in enumerate(ARMS.items()):
        part = times[times["arm"] == arm]
        heights = row + rng.uniform(-0.22, 0.22, len(part))
        for settled, fill in ((True, tint), (False, style.PAPER)):
            chosen = (part["settled"] == settled).to_numpy()
            if not chosen.any():
                continue
            ax.plot(
                part["updates"][chosen],
                heights[chosen],
                linestyle="none",
                marker="o",
                markersize=3.5,
                color=tint,
                markerfacecolor=fill,
                clip_on=False,
            )
    ax.set_xscale("log")
    ax.set_xlim(1, budget)
    ax.set_ylim(len(ARMS) - 0.5, -0.5)
    ax.set_yticks(range(len(ARMS)), SHORT if named else [""] * len(ARMS))
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Updates to arrive for good")
