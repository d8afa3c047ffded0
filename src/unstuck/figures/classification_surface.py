"""Figure of claim 2.2.3: both losses over two outputs, their slopes, and the way out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from numpy.typing import NDArray

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.wording import superscript

LOSSES = {"cross_entropy": "Cross-entropy", "squared_error": "Squared error"}
WALKERS = {"gd": ("gradient descent", style.BLUE), "adam": ("Adam", style.ORANGE)}

Array = NDArray[np.float64]


@figure("2.2.3")
def surface(evidence: Evidence) -> Figure:
    """Above: the surfaces with two paths. Below: ratio of the slopes, and updates to get out."""
    plane, paths = evidence.tables["plane"], evidence.tables["paths"]
    drawing = style.blank(height=6.6)
    grid = GridSpec(2, 2, figure=drawing)
    for column, loss in enumerate(LOSSES):
        ax = drawing.add_subplot(grid[0, column])
        _surface(ax, plane, paths[paths["loss"] == loss], loss, named=column == 0)
    _ratio(drawing.add_subplot(grid[1, 0]), plane)
    _updates(drawing.add_subplot(grid[1, 1]), evidence)
    style.headline(
        drawing,
        _summary(evidence),
        "The first class is true and y₃ = −1000. Above: loss, dark is high, and the paths from one "
        "start (ring); a ring alone has not moved. Below: slopes, and ten starts.",
    )
    return drawing


def _matrix(plane: pd.DataFrame, column: str) -> tuple[Array, Array]:
    table = plane.pivot(index="y2", columns="y1", values=column)
    return table.columns.to_numpy(dtype=np.float64), table.to_numpy()


def _surface(ax: Axes, plane: pd.DataFrame, paths: pd.DataFrame, loss: str, *, named: bool) -> None:
    axis, values = _matrix(plane, f"{loss}_value")
    ax.contourf(axis, axis, values, levels=14, cmap=style.SURFACE)
    for place, (name, (words, tint)) in enumerate(WALKERS.items()):
        path = paths[paths["optimizer"] == name]
        ax.plot(path["y1"], path["y2"], color=tint, linewidth=2 if place else 3.4)
        start = path.iloc[0]
        ax.plot(
            [start["y1"]],
            [start["y2"]],
            marker="o",
            markersize=8,
            markerfacecolor="none",
            markeredgecolor=style.INK,
        )
        if named:
            label = ax.text(
                -9.4, -7.6 - 1.5 * place, words, color=tint, fontweight="bold", fontsize=8.5
            )
            style.halo(label)
    ax.set_xlim(axis[0], axis[-1])
    ax.set_ylim(axis[0], axis[-1])
    ax.set_aspect("equal")
    ax.set_title(LOSSES[loss])
    ax.set_xlabel("Output y₁ of the true class")
    ax.set_ylabel("Output y₂" if named else "")
    ax.grid(visible=False)


def _ratio(ax: Axes, plane: pd.DataFrame) -> None:
    axis, cross_entropy = _matrix(plane, "cross_entropy_slope")
    ratio = np.log10(cross_entropy / _matrix(plane, "squared_error_slope")[1])
    shown = ax.contourf(axis, axis, ratio, levels=np.arange(0, 9.5, 1), cmap=style.SEQUENTIAL)
    figure = ax.get_figure()
    assert figure is not None
    bar = figure.colorbar(shown, ax=ax, ticks=[0, 2, 4, 6, 8], shrink=0.85)
    bar.ax.set_yticklabels(["1", "10²", "10⁴", "10⁶", "10⁸"])
    ax.set_aspect("equal")
    ax.set_title("Slope of cross-entropy over\nthat of the squared error")
    ax.set_xlabel("Output y₁ of the true class")
    ax.set_ylabel("Output y₂")
    ax.grid(visible=False)


def _updates(ax: Axes, evidence: Evidence) -> None:
    table = evidence.tables["arrivals"]
    limit = int(str(evidence.numbers["updates_allowed"]))
    ticks = []
    for row, (loss, name) in enumerate((loss, name) for name in WALKERS for loss in LOSSES):
        part = table[(table["loss"] == loss) & (table["optimizer"] == name)]
        words, tint = WALKERS[name]
        jitter = np.linspace(-0.22, 0.22, len(part))
        for arrived, face in ((True, tint), (False, style.PAPER)):
            those = (part["arrived"] == arrived).to_numpy()
            ax.plot(
                part["updates"].to_numpy()[those],
                row + jitter[those],
                linestyle="none",
                marker="o",
                markersize=4.5,
                markerfacecolor=face,
                markeredgecolor=tint,
            )
        ticks.append(f"{LOSSES[loss]},\n{words}")
    ax.axvline(limit, color=style.FAINT, linewidth=1.2)
    ax.text(limit / 1.15, -0.62, "given up", color=style.QUIET, ha="right", fontsize=8)
    ax.set_xscale("log")
    ax.set_xlim(right=limit * 1.4)
    ax.set_yticks(range(len(ticks)), ticks, fontsize=8)
    ax.set_ylim(len(ticks) - 0.5, -0.9)
    ax.set_xlabel("Updates to p > 0.9")
    ax.set_title("Updates to get out")


def _summary(evidence: Evidence) -> str:
    table = evidence.tables["arrivals"]
    slopes = [c.values for c in evidence.contrasts if (c.measure, c.role) == ("slope", "effect")]
    stuck = table[(table["loss"] == "squared_error") & ~table["arrived"]]
    left = stuck.groupby("optimizer").size().reindex(list(WALKERS), fill_value=0)
    return (
        f"Sure and wrong, cross-entropy slopes {_power(float(np.exp(np.mean(slopes))))} times as "
        f"much as squared error: on the latter gradient descent gives up {left['gd']} of "
        f"{table['seed'].nunique()} starts, Adam {left['adam']}"
    )


def _power(value: float) -> str:
    exponent = int(np.floor(np.log10(value)))
    return f"{value:.0f}" if exponent < 3 else f"10{superscript(round(np.log10(value)))}"
