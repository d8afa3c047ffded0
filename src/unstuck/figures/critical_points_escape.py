"""The figure of claim 1.1.4: plateaus, and the way down from saddles."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure


@figure("1.1.4")
def escape(evidence: Evidence) -> Figure:
    """Plateaus of one saddle, foretold and measured times to leave, and the fall of the loss."""
    drawing = style.blank(height=5.6)
    grid = GridSpec(2, 2, figure=drawing, height_ratios=[1.25, 1.0])
    plateau, slopes = evidence.tables["plateau"], evidence.tables["slopes"]
    _plateaus(drawing.add_subplot(grid[0, :]), plateau)
    _times(drawing.add_subplot(grid[1, 0]), slopes)
    _drops(drawing.add_subplot(grid[1, 1]), evidence.tables["drops"])
    style.headline(
        drawing,
        held(
            evidence,
            "Ten times nearer to a saddle, gradient descent takes a fixed number of updates more "
            "to leave; only on it exactly it stays",
        ),
        f"Above: gradient descent from {_words(plateau)}. Below: every saddle that was left, "
        "and every certified saddle of the ladders.",
    )
    return drawing


def _words(plateau: pd.DataFrame) -> str:
    first = plateau.iloc[0]
    data = style.dataset_name(str(first["dataset"]))
    return f"beside a saddle of a network of {first['width']} tanh units on {data}"


def _plateaus(ax: Axes, plateau: pd.DataFrame) -> None:
    level = float(plateau["saddle_loss"].iloc[0])
    exponents = sorted(set(plateau["exponent"]) - {0})
    tints = dict(zip(exponents, style.shades(style.BLUE, len(exponents)), strict=True))
    lowest = float(plateau["loss"].min())
    middle = lowest + 0.42 * (level - lowest)
    for exponent, tint in tints.items():
        curve = plateau[plateau["exponent"] == exponent]
        ax.plot(curve["update"], curve["loss"], color=tint)
        below = curve[curve["loss"] <= middle]
        at = below.iloc[0] if len(below) else curve.iloc[-1]
        label = ax.text(
            float(at["update"]),
            float(at["loss"]),
            f"$10^{{-{exponent}}}$ off",
            color=tint,
            ha="right",
            va="top",
            fontsize=9,
            fontweight="bold",
        )
        style.halo(label)
    still = plateau[plateau["exponent"] == 0]
    last = float(plateau[plateau["exponent"] > 0]["update"].max())
    still = still[still["update"] <= last]
    ax.plot(still["update"], still["loss"], color=style.ORANGE)
    ax.annotate(
        "started on the saddle: stays",
        (last, level),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=style.ORANGE,
        fontweight="bold",
        annotation_clip=False,
    )
    ax.set_xlim(0, last)
    ax.set_ylim(lowest - 0.05 * (level - lowest), level + 0.14 * (level - lowest))
    ax.set_xlabel("Update")
    ax.set_ylabel("Loss")


def _times(ax: Axes, slopes: pd.DataFrame) -> None:
    """Draw measured against foretold updates for each factor of ten, on the diagonal if equal."""
    values = slopes[["slope", "predicted_slope"]].to_numpy()
    ends = np.array([0.8 * np.nanmin(values), 1.25 * np.nanmax(values)])
    ax.plot(ends, ends, color=style.FAINT, linewidth=1.2)
    top = float(ends[1]) / 1.12
    ax.text(top, top, "as foretold", color=style.QUIET, ha="right", va="bottom")
    for row, dataset in enumerate(dict.fromkeys(slopes["dataset"])):
        part = slopes[slopes["dataset"] == dataset]
        _dots(ax, part["predicted_slope"], part["slope"], str(dataset), row, top=0.86)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ticks = [tick for tick in (20, 50, 100, 200, 500, 1000) if ends[0] < tick < ends[1]]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(ticks, [str(tick) for tick in ticks])
        axis.set_ticks([], minor=True)
    ax.set_title("Updates for each factor of ten")
    ax.set_xlabel("Foretold by the eigenvalue")
    ax.set_ylabel("Measured")


def _drops(ax: Axes, drops: pd.DataFrame) -> None:
    ax.axhline(1, color=style.FAINT, linewidth=1.2)
    rng = np.random.default_rng(0)
    for row, dataset in enumerate(dict.fromkeys(drops["dataset"])):
        part = drops[drops["dataset"] == dataset]
        # dots of one radius side by side
        jitter = np.exp(rng.uniform(-0.25, 0.25, len(part)) + 0.35 * (2 * row - 1))
        _dots(ax, part["radius"] * jitter, part["ratio"], str(dataset), row, top=0.4)
    ax.set_xscale("log")
    ax.set_title("Fall of the loss over ½|λ|ε²")
    ax.set_xlabel("Step ε along the lowest eigenvector")
    ax.set_ylabel("Ratio")


def _dots(
    ax: Axes, x: "pd.Series[float]", y: "pd.Series[float]", dataset: str, row: int, top: float
) -> None:
    tint = style.color(dataset)
    ax.plot(x, y, linestyle="none", marker="o", markersize=4, markeredgewidth=0, color=tint)
    label = ax.text(
        *(0.05, top - 0.12 * row),
        style.dataset_name(dataset),
        transform=ax.transAxes,
        color=tint,
        fontweight="bold",
    )
    style.halo(label)
