"""The figure of claim 1.1.5: what searches found, by width, and how two ways of searching end."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import PercentFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

STARTS = {"random": "from random points", "training": "from training"}
MINIMUM, SADDLE, OTHER = style.ORANGE, style.PINK, style.FAINT
ENDS = {
    "unfinished": OTHER,
    "degenerate": OTHER,
    "saddle": SADDLE,
    "minimum": MINIMUM,
    "gradient-flat": style.SKY,
}
METHODS = {
    "following": "Newton's step, up or down",
    "gradient norm": "Minimising the gradient norm",
}
SEARCH = ["dataset", "width", "seed", "start", "search"]
#: norms below this are rounding
LEAST = 1e-17


@figure("1.1.5")
def dimension(evidence: Evidence) -> Figure:
    """Share of minima among what searches found and random matrices; gradient norms on the way."""
    kinds, matrices = evidence.tables["kinds"], evidence.tables["matrices"]
    datasets = list(dict.fromkeys(kinds["dataset"]))
    above = 2.3 + 1.5 * len(datasets)
    drawing = style.blank(height=above + 2.6)
    rows = GridSpec(2, 1, figure=drawing, height_ratios=[above - 0.9, 2.6])
    grid = rows[0].subgridspec(1, 2, width_ratios=[1.75, 1.0])
    below = rows[1].subgridspec(1, len(METHODS))
    left = grid[0].subgridspec(len(datasets), len(STARTS))
    for row, dataset in enumerate(datasets):
        for column, (start, words) in enumerate(STARTS.items()):
            ax = drawing.add_subplot(left[row, column])
            part = kinds[(kinds["dataset"] == dataset) & (kinds["start"] == start)]
            _bars(ax, part, named=row == 0 and column == len(STARTS) - 1)
            name = style.dataset_name(str(dataset))
            ax.set_title(f"{name},\n{words}")
            ax.set_ylabel("Share of certified points" if column == 0 else "")
            last = row == len(datasets) - 1
            ax.set_xlabel("Hidden units (parameters)" if last else "")
    _law(drawing.add_subplot(grid[1]), matrices)
    paths = evidence.tables["paths"]
    for column, (method, words) in enumerate(METHODS.items()):
        ax = drawing.add_subplot(below[column])
        _norms(ax, paths[paths["method"] == method], words, paths["step"].max())
        ax.set_ylabel("Gradient norm ‖g‖" if column == 0 else "")
    style.headline(
        drawing,
        _summary(kinds),
        "Left: certified critical points by kind, minima of all "
        "above the bar; whiskers are 95 % intervals of the share of minima. Right: random "
        "symmetric matrices, the case with a known law. Below: two ways of searching from the same "
        f"{len(_ends(paths, 'following'))} starts; where the gradient is in the kernel of the "
        "Hessian, its norm has a minimum that is no critical point.",
    )
    return drawing


def _bars(ax: Axes, kinds: pd.DataFrame, *, named: bool) -> None:
    kinds = kinds.sort_values("width")
    x = np.arange(len(kinds))
    total = kinds["certified"].clip(lower=1).to_numpy()
    minima = kinds["minimum"].to_numpy() / total
    saddles = kinds["saddle"].to_numpy() / total
    rest = kinds["certified"].to_numpy() / total - minima - saddles
    ax.bar(x, minima, color=MINIMUM, width=0.86)
    ax.bar(x, saddles, bottom=minima, color=SADDLE, width=0.86)
    ax.bar(x, rest, bottom=minima + saddles, color=OTHER, width=0.86)
    ends = [minima - kinds["low"].to_numpy(), kinds["high"].to_numpy() - minima]
    ax.errorbar(
        x,
        minima,
        yerr=np.clip(ends, 0, None),
        fmt="none",
        ecolor=style.INK,
        elinewidth=1,
        capsize=2,
    )
    for place, row in zip(x, style.records(kinds), strict=True):
        ax.text(
            float(place),
            1.02,
            f"{row['minimum']} of {row['certified']}",
            color=style.QUIET,
            ha="center",
            va="bottom",
            fontsize=8,
        )
    if named:
        for y, word in ((0.76, "saddles"), (0.06, "minima")):
            ax.text(0, y, word, color=style.PAPER, ha="center", fontsize=6.8, fontweight="bold")
    ax.set_xticks(x, [f"{row['width']} ({row['parameters']})" for row in style.records(kinds)])
    ax.set_ylim(0, 1.12)
    ax.set_yticks([0, 0.5, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(visible=False)


def _norms(ax: Axes, paths: pd.DataFrame, words: str, last: int) -> None:
    """Draw the gradient norm of every search against its steps, in the colour of its end."""
    for ended, tint in ENDS.items():
        for _, path in paths[paths["ended"] == ended].groupby(SEARCH):
            norms = path["gradient_norm"].clip(lower=LEAST)
            ax.plot(path["step"], norms, color=tint, linewidth=0.6, alpha=0.7)
            ax.plot(path["step"].iloc[-1:], norms.iloc[-1:], "o", color=tint, markersize=2)
    ax.set_yscale("log")
    ax.set_ylim(LEAST / 3, 5)
    ax.set_xlim(-1, last + 1)
    ax.set_title(words)
    ax.set_xlabel("Step")
    ends = _ends(paths)
    flat, lost = ends == "gradient-flat", ends == "unfinished"
    for chosen, name, height, tint in (
        (~flat & ~lost, "critical points", 0.06, style.INK),
        (flat, "caught: gradient-flat", 0.86, ENDS["gradient-flat"]),
        (lost, "not ended in time", 0.64, style.QUIET),
    ):
        if chosen.any():
            text = ax.text(
                *(0.76, height),
                f"{int(chosen.sum())} of {len(ends)}\n{name}",
                transform=ax.transAxes,
                color=tint,
                ha="center",
                fontsize=8.5,
                fontweight="bold",
            )
            style.halo(text)


def _ends(paths: pd.DataFrame, method: str = "") -> "pd.Series[str]":
    """Give how each search ended, of one method or of all."""
    chosen = paths[paths["method"] == method] if method else paths
    return chosen.groupby(["method", *SEARCH])["ended"].first()


def _law(ax: Axes, matrices: pd.DataFrame) -> None:
    n = matrices["size"].to_numpy()
    ax.plot(n, matrices["law"], color=style.FAINT)
    ax.plot(n, matrices["exact"], color=style.QUIET, linewidth=1.2)
    seen = matrices[matrices["share"] > 0]
    ends = [seen["share"] - seen["low"], seen["high"] - seen["share"]]
    ax.errorbar(
        seen["size"],
        seen["share"],
        yerr=np.clip(ends, 0, None),
        fmt="o",
        markersize=4.5,
        color=MINIMUM,
        elinewidth=1,
        capsize=2,
    )
    ax.set_yscale("log")
    ax.set_xticks(n)
    ax.set_title("Random symmetric matrices:\nshare with positive\neigenvalues alone")
    ax.set_xlabel("Rows n")
    third = n[min(2, len(n) - 1)]
    law = float(np.interp(third, n, matrices["law"]))
    ax.annotate(
        "exp(−n² ln 3 / 4),\nfor large n",
        (float(third), law),
        xytext=(8, 4),
        textcoords="offset points",
        color=style.QUIET,
        fontsize=8.5,
        ha="left",
        va="bottom",
    )
    ax.annotate(
        "drawn at random\n(dots) and exact\n(line)",
        (float(n[0]), float(matrices["exact"].iloc[-1])),
        xytext=(0, 60),
        textcoords="offset points",
        color=MINIMUM,
        fontsize=8.5,
        ha="left",
        va="top",
    )


def _summary(kinds: pd.DataFrame) -> str:
    """Say the share of minima at the smallest and at the largest width, all searches together."""
    sums = kinds.groupby("width")[["minimum", "certified"]].sum()
    shares = 100 * sums["minimum"] / sums["certified"].clip(lower=1)
    first, last = sums.index[0], sums.index[-1]
    unit = "unit" if first == 1 else "units"
    return (
        f"Of the critical points found with {first} hidden {unit} {shares.iloc[0]:.0f} % are "
        f"minima, with {last} units {shares.iloc[-1]:.0f} %"
    )
