"""The figure of claim 1.1.7: what stalled runs have come to."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import PercentFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.figures.stalled import RUNS

KINDS = {
    "minimum": ("minimum", style.ORANGE),
    "saddle": ("saddle", style.PINK),
    "maximum": ("maximum", style.BLUE),
    "degenerate": ("degenerate", style.SLATE),
    "gradient-flat": ("gradient-flat", style.SKY),
    "none": ("none near by", style.FAINT),
}
DARK = ("minimum", "saddle", "maximum", "degenerate")
ROUNDING = 1e-17  # a gradient norm of exactly 0 is drawn here
FITS = 0.05  # share of a bar that its number needs


@figure("1.1.7")
def stuck_where(evidence: Evidence) -> Figure:
    """Left: kinds of point by share. Right: gradient norms before and after the search."""
    shares, endpoints = evidence.tables["shares"], evidence.tables["endpoints"]
    groups = sorted(
        set(zip(shares["dataset"], shares["run"], strict=True)),
        key=lambda group: (list(RUNS).index(group[1]), group[0]),
    )
    drawing = style.blank(height=2.2 + 0.42 * len(groups))
    grid = GridSpec(1, 2, figure=drawing, width_ratios=[1.45, 1.0])
    left, right = drawing.add_subplot(grid[0]), drawing.add_subplot(grid[1])
    _bars(left, shares, groups)
    _norms(right, endpoints, groups)
    style.headline(
        drawing,
        _summary(endpoints),
        "Left: what a search finds within a tenth of the run's way; line below a bar: "
        "95 % interval of the saddles. Right: the gradient where each run stalled (black) and "
        "where its search ended or gave up; at a critical point only rounding is left.",
    )
    return drawing


def _bars(ax: Axes, shares: pd.DataFrame, groups: list[tuple[str, str]]) -> None:
    for height, (dataset, run) in enumerate(groups):
        part = shares[(shares["dataset"] == dataset) & (shares["run"] == run)]
        start = 0.0
        for row in style.records(part):
            _, tint = KINDS[row["kind"]]
            ax.barh(height, row["share"], left=start, height=0.52, color=tint)
            if row["share"] >= FITS:
                ax.text(
                    *(start + 0.02, height, f"{row['count']}"),
                    va="center",
                    fontsize=8,
                    fontweight="bold",
                    color=style.PAPER if row["kind"] in DARK else style.INK,
                )
            start += row["share"]
        saddle = part[part["kind"] == "saddle"].iloc[0]
        ends = [saddle["low"], saddle["high"]]
        ax.plot(ends, [height + 0.38] * 2, color=KINDS["saddle"][1], marker="|", markersize=5)
    ax.axvline(0.5, color=style.INK, linewidth=0.9, linestyle=(0, (3, 2)), zorder=0.5)
    names = [f"{style.display_name(dataset)}\n{RUNS[run]}" for dataset, run in groups]
    ax.set_yticks(range(len(groups)), names)
    ax.set_ylim(len(groups) - 0.4, -0.55)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1])
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False)
    ax.set_xlabel("Share of stalled runs")
    _key(ax, [kind for kind in KINDS if shares[shares["kind"] == kind]["count"].sum()])


def _key(ax: Axes, kinds: list[str]) -> None:
    """Name the colours above the bars."""
    handles = [ax.barh(0, 0, color=KINDS[kind][1], label=KINDS[kind][0]) for kind in kinds]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(kinds),
        handlelength=0.9,
        handletextpad=0.4,
        columnspacing=1.0,
        borderpad=0,
        borderaxespad=0.3,
    )


def _norms(ax: Axes, endpoints: pd.DataFrame, groups: list[tuple[str, str]]) -> None:
    """Draw each run as a line from where it stalled to where the search ended."""
    for height, (dataset, run) in enumerate(groups):
        part = endpoints[(endpoints["dataset"] == dataset) & (endpoints["run"] == run)]
        runs = style.records(part)
        for index, row in enumerate(runs):
            place = height + 0.6 * ((index + 0.5) / len(runs) - 0.5)
            tint = KINDS[row["kind"]][1]
            norms = [row["start_gradient_norm"], max(row["end_gradient_norm"], ROUNDING)]
            ax.plot(norms, [place, place], color=tint, linewidth=0.9, alpha=0.8)
            ax.plot(norms[0], place, marker="o", markersize=3, color=style.INK, markeredgewidth=0)
            ax.plot(norms[1], place, marker="o", markersize=2.6, color=tint, markeredgewidth=0)
    ax.set_xscale("log")
    ax.set_yticks([])
    ax.set_ylim(len(groups) - 0.4, -0.55)
    ax.set_xlabel("Gradient norm")


def _summary(endpoints: pd.DataFrame) -> str:
    """Count the kinds, saddles first, then those that occur."""
    counts = endpoints["kind"].value_counts()
    words = {
        "minimum": "near a minimum",
        "maximum": "near a maximum",
        "degenerate": "near a degenerate point",
        "gradient-flat": "where the gradient is flat",
    }
    parts = [f"{counts.get('saddle', 0)} stopped near a saddle"]
    parts += [f"{counts[kind]} {text}" for kind, text in words.items() if kind in counts]
    none = f"{counts.get('none', 0)} near no critical point at all"
    return f"Of {len(endpoints)} stalled runs, {', '.join(parts)}, and {none}"
