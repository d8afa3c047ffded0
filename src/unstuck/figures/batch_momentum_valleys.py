"""The figure of claim 1.2.9: momentum in narrow valleys."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure
from unstuck.surfaces.valleys import Ellipse

ARMS = {
    "descent": ("gradient descent", style.SLATE),
    "usual": ("momentum 0.9", style.SKY),
    "best": ("best momentum", style.BLUE),
}
NAMES = {"descent": "descent", "usual": "usual", "heavy_ball": "best"}
DRAWN = 30
SHOWN_KAPPA = 10.0


@figure("1.2.9")
def valleys(evidence: Evidence) -> Figure:
    """Left: three paths along one valley. Right: updates against the condition number."""
    counts, paths = (
        evidence.tables[name].assign(arm=lambda table: table["arm"].map(NAMES))
        for name in ("counts", "paths")
    )
    drawing = style.blank(height=4.8)
    grid = GridSpec(3, 2, figure=drawing, width_ratios=[1.0, 1.35])
    for row, arm in enumerate(ARMS):
        ax = drawing.add_subplot(grid[row, 0])
        _surface(ax, paths[paths["arm"] == arm], *ARMS[arm])
        ax.set_xlabel("Along the valley, x" if row == 2 else "")
        ax.set_ylabel("Across, y")
        ax.tick_params(labelbottom=row == 2)
    _lines(drawing.add_subplot(grid[:, 1]), counts)
    numbers = evidence.numbers
    style.headline(
        drawing,
        checked(
            evidence,
            f"Updates grow as κ to the power {numbers['exponent_descent']:.2f} under gradient "
            f"descent, {numbers['exponent_best']:.2f} at the best momentum, and "
            f"{numbers['exponent_usual']:.2f} at momentum 0.9 in the longest valleys",
            failing={"part": "usual"},
        ),
        f"Left: the first {DRAWN} updates (dots) from one start at κ = {SHOWN_KAPPA:g}. Right: "
        "medians over the starts; dashed: foretold, a distance that each update multiplies by "
        "(κ\u00a0−\u00a01)/(κ\u00a0+\u00a01), or by (√κ\u00a0−\u00a01)/(√κ\u00a0+\u00a01) at the "
        "best momentum. Every arm at its best rate.",
    )
    return drawing


def _surface(ax: Axes, path: pd.DataFrame, name: str, tint: str) -> None:
    import torch

    reach = 10.0
    along = np.linspace(-reach, reach, 161)
    grid = np.stack(np.meshgrid(along, along), axis=-1)
    heights = Ellipse(SHOWN_KAPPA).value(torch.from_numpy(grid)).numpy()
    ax.contourf(along, along, np.sqrt(heights), levels=10, cmap=style.SURFACE, zorder=0)
    first = path[path["update"] <= DRAWN]
    ax.plot(first["x"], first["y"], color=tint, linewidth=1.0, marker="o", markersize=2.6)
    ax.plot(first["x"].iloc[0], first["y"].iloc[0], marker="o", markersize=6, color=style.INK)
    ax.plot(0, 0, marker="*", markersize=9, color=style.INK)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    ax.grid(visible=False)
    ax.set_title(name, color=tint, fontsize=9)


def _lines(ax: Axes, counts: pd.DataFrame) -> None:
    table = counts.groupby(["arm", "kappa"])["updates"].median().unstack("arm")
    table = table[table.index > 1]
    kappas = table.index.to_numpy(dtype=np.float64)
    labels = []
    for arm, (name, tint) in ARMS.items():
        ax.plot(kappas, table[arm], color=tint, marker="o", markersize=4.5)
        labels.append((float(kappas[-1]), float(table[arm].iloc[-1]), name, tint))
    foretold = np.log(1e6) / np.log((kappas + 1) / (kappas - 1))
    root = np.sqrt(kappas)
    ax.plot(kappas, foretold, color=style.INK, linestyle="--", linewidth=0.9)
    rooted = np.log(1e6) / np.log((root + 1) / (root - 1))
    ax.plot(kappas, rooted, color=style.INK, linestyle="--", linewidth=0.9)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(7, 1.3 * kappas[-1])
    ax.set_xlabel("Condition number κ of the valley")
    ax.set_ylabel("Updates until a millionth of the distance is left")
    style.end_labels(ax, labels)
