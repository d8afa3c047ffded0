"""The figure of claim 2.1.7: every optimizer as a row of one rule, and the regret of defaults."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.adaptive_rates_adam import RIVALS, START, SURFACE
from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure
from unstuck.wording import number

COLUMNS = 3
# x and y of the small surfaces; the words stand on the right of the minimum
WINDOW = ((-10.5, 13.0), (-6.0, 4.6))
MARGIN = 1.0
TINTS = {"short": style.SKY, "ordinary": style.BLUE}


@figure("2.1.7")
def adam(evidence: Evidence) -> Figure:
    """Above: the coefficients of every optimizer and its path. Below: regret of the defaults."""
    optimizers, paths = evidence.tables["optimizers"], evidence.tables["paths"]
    regret = evidence.tables["regret"]
    rows = -(-len(optimizers) // COLUMNS)
    datasets = list(dict.fromkeys(regret["dataset"]))
    drawing = style.blank(height=1.25 + 1.45 * rows + 2.3)
    outer = GridSpec(2, 1, figure=drawing, height_ratios=[1.45 * rows, 2.3])
    above = outer[0].subgridspec(rows, COLUMNS)
    for index, row in enumerate(style.records(optimizers)):
        ax = drawing.add_subplot(above[index // COLUMNS, index % COLUMNS])
        _path(ax, row, paths[paths["optimizer"] == row["optimizer"]], evidence)
    for blank in range(len(optimizers), rows * COLUMNS):
        drawing.add_subplot(above[blank // COLUMNS, blank % COLUMNS]).set_axis_off()
    below = outer[1].subgridspec(1, len(datasets)).subplots(sharex=True, sharey=True, squeeze=False)
    for ax, dataset in zip(below[0], datasets, strict=True):
        _points(ax, regret[regret["dataset"] == dataset], dataset)
    below[0, 0].set_yticks(range(len(RIVALS)), [f"tuned {style.display_name(n)}" for n in RIVALS])
    style.headline(
        drawing,
        checked(
            evidence,
            f"One rule, θ ← θ − η·m/σ, makes {len(optimizers)} optimizers; Adam's defaults "
            f"{_words(regret)}",
        ),
        "Above: m and σ, less corrections of the bias and ε; the path on one bowl "
        "at the rate that arrives soonest. Below: test accuracy of Adam's defaults minus that of "
        "each optimizer at the best rate of a grid; grey: less than one point; "
        "hollow: not counted.",
    )
    return drawing


def _words(regret: pd.DataFrame) -> str:
    """Say where the defaults cost more than a point, and how much at most.

    An arm against itself and rates on the edge of their grids do not count.
    """
    regret = regret[regret["usable"]]
    if regret.empty:
        return "have been compared with no optimizer whose best rate was found"
    worse = regret[regret["ci_high"] < -MARGIN]
    sound = regret[regret["ci_low"] > -MARGIN]
    worst = regret.sort_values("points", kind="stable").iloc[0]
    if len(sound) == len(regret):
        return f"cost less than a point in all {len(regret)} comparisons with tuned ones"
    return (
        f"cost more than a point in {len(worse)} of {len(regret)} comparisons with tuned ones, "
        f"less in {len(sound)}; up to {number(-float(worst['points']), 2)} points"
    )


def _path(ax: Axes, row: dict[str, Any], path: pd.DataFrame, evidence: Evidence) -> None:
    import torch

    name = str(row["optimizer"])
    x, y = (np.linspace(*span, 121) for span in WINDOW)
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    heights = SURFACE.value(torch.from_numpy(grid)).numpy()
    levels = np.geomspace(0.5, heights.max(), 12)
    ax.contour(x, y, heights, levels=levels, colors=style.FAINT, linewidths=0.6)
    settled, walk = int(path["settled"].iloc[0]), int(evidence.numbers["walk"])
    walked = path[path["update"] <= min(settled, walk)]
    tint = style.color(name)
    ax.plot(walked["x"], walked["y"], color=tint, linewidth=0.9, marker="o", markersize=1.5)
    ax.plot(*START, marker="o", markersize=4, color=style.INK)
    ax.plot(*SURFACE.minimiser, marker="*", markersize=8, color=style.INK)
    arrival = f"{settled} updates" if settled <= walk else f"not within {walk}"
    lines = [f"m: {row['m']}", f"σ: {row['sigma']}"]
    words = ax.text(0.99, 0.97, "\n".join(lines), transform=ax.transAxes, ha="right", va="top")
    words.set_fontsize(7)
    style.halo(words)
    twin = _twin(float(row["parity"]))
    ends = ax.text(
        *(0.99, 0.04, f"{arrival}\n{twin}"),
        transform=ax.transAxes,
        ha="right",
        va="bottom",
        fontsize=7,
        color=style.QUIET,
    )
    style.halo(ends)
    ax.set_title(f"{style.display_name(name)}  η = {path['rate'].iloc[0]:.2g}", color=tint, pad=3)
    ax.set_xlim(*WINDOW[0])
    ax.set_ylim(*WINDOW[1])
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _twin(distance: float) -> str:
    if distance < 0:
        return "not in torch.optim"
    if distance == 0:
        return "the same as torch.optim"
    return f"torch.optim to {number(distance, 1)}"


def _points(ax: Axes, regret: pd.DataFrame, dataset: str) -> None:
    ax.axvspan(-MARGIN, MARGIN, color="#eaedf2", zorder=0)
    ax.axvline(0, color=style.QUIET, linewidth=0.8)
    for budget, tint in TINTS.items():
        part = regret[regret["budget"] == budget].set_index("against").reindex(RIVALS).dropna()
        shift = -0.17 if budget == "short" else 0.17
        heights = np.array([RIVALS.index(name) for name in part.index]) + shift
        ax.hlines(heights, part["ci_low"], part["ci_high"], color=tint, linewidth=2)
        for usable, fill in ((True, tint), (False, style.PAPER)):
            chosen = (part["usable"] == usable).to_numpy()
            ax.plot(
                *(part["points"][chosen], heights[chosen], "o"),
                markersize=4.5,
                color=tint,
                markerfacecolor=fill,
            )
        if len(part):
            ax.annotate(
                f"{part['updates'].max():,.0f} updates",
                (0.6 if budget == "short" else 1.0, 1.03),
                xycoords="axes fraction",
                ha="right",
                color=tint,
                fontweight="bold",
                fontsize=8,
            )
    ax.set_ylim(len(RIVALS) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Defaults minus tuned (points)")
    ax.set_title(style.display_name(dataset))
