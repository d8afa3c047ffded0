"""The figure of claim 1.1.2: what the signs say, and what probes find."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure

KINDS = {
    "minimum": style.ORANGE,
    "saddle": style.PINK,
    "maximum": style.BLUE,
    "degenerate": style.SLATE,
}
NAMES = {"dome": "Dome", "quartic_bowl": "Quartic bowl", "monkey_saddle": "Monkey saddle"}
LINEAR = 1e-3  # curvature below which the axis of curvatures is linear
TICK = 0.16  # half its height, in rows


@figure("1.1.2")
def signs(evidence: Evidence) -> Figure:
    """Above: the gallery, and what the signs say of it. Below: networks, probed at random."""
    gallery, surfaces = evidence.tables["gallery"], evidence.tables["surfaces"]
    networks, probes = evidence.tables["networks"], evidence.tables["probes"]
    # the toy has a claim of its own
    shown = [row for row in style.records(gallery) if row["surface"] != "toy"]
    drawing = style.blank(height=3.2 + 0.27 * len(networks))
    rows = GridSpec(2, 1, figure=drawing, height_ratios=[1.55, 0.5 + 0.27 * len(networks)])
    above = rows[0].subgridspec(1, len(shown))
    for column, row in enumerate(shown):
        ax = drawing.add_subplot(above[column])
        _surface(ax, surfaces[surfaces["surface"] == row["surface"]], row)
    _probes(drawing.add_subplot(rows[1]), networks, probes)
    style.headline(
        drawing,
        held(evidence, _summary(networks), failing={"hessian": "semidefinite"}),
        "Above: surfaces from high (grey) to low (white), the signs of their eigenvalues and what "
        "these say. Below: critical points of networks (units that are not counted are idle); each "
        "tick is a random step, each triangle a step along an extreme eigenvector.",
    )
    return drawing


def _surface(ax: Axes, heights: pd.DataFrame, row: Mapping[str, Any]) -> None:
    grid = heights.pivot(index="y", columns="x", values="height")
    low, high = np.quantile(grid.to_numpy(), [0.02, 0.98])
    levels = np.linspace(low, high, 9)
    ax.contourf(*(grid.columns, grid.index, grid), levels=levels, cmap=style.SURFACE, extend="both")
    ax.contour(
        *(grid.columns, grid.index, grid),
        levels=levels,
        colors="white",
        linewidths=0.6,
        linestyles="-",
    )
    ax.plot(row["x"], row["y"], marker="o", markersize=4, color=style.INK)
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_title(NAMES.get(row["surface"], row["surface"].replace("_", " ").capitalize()))
    signs_of = " ".join(_sign(row[name]) for name in ("lambda_min", "lambda_max"))
    said = row["said"] if row["said"] != "degenerate" else f"cannot tell\nit is a {row['kind']}"
    ax.set_xlabel(f"{signs_of}   {said}", color=KINDS[row["said"]], fontweight="bold", fontsize=8.5)


def _sign(value: float) -> str:
    if abs(value) < 1e-9:
        return "0"
    return "+" if value > 0 else "−"


def _probes(ax: Axes, networks: pd.DataFrame, probes: pd.DataFrame) -> None:
    """Draw a row per point: the curvature that every probe saw."""
    for height, row in enumerate(style.records(networks)):
        tint = KINDS[row["said"]]
        part = probes[probes["point"] == row["point"]]
        random = part[part["direction"] == "random"]["curvature"].to_numpy()
        # all ticks of a row as one line with gaps, which keeps the file small
        x = np.repeat(random, 3)
        y = np.tile([height - TICK, height + TICK, np.nan], random.size)
        ax.plot(x, y, color=tint, linewidth=0.5, alpha=0.6)
        for way, marker in (("lowest", "<"), ("highest", ">")):
            value = part[part["direction"] == way]["curvature"].iloc[0]
            ax.plot(value, height, marker=marker, markersize=5.5, markeredgewidth=0, color=tint)
        ax.annotate(
            f"{row['said']}, {row['down']} of {row['down'] + row['up']} go down",
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=tint,
            fontweight="bold",
        )
    ax.axvline(0, color=style.QUIET, linewidth=0.8)
    ax.set_xscale("symlog", linthresh=LINEAR)
    ax.set_xticks([-1, -0.01, 0, 0.01, 1], ["−1", "−0.01", "0", "0.01", "1"])
    ax.set_yticks(range(len(networks)), [str(name) for name in networks["point"]])
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.set_ylim(len(networks) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Curvature that a step finds: twice the change of the loss over its length²")


def _summary(networks: pd.DataFrame) -> str:
    saddles = networks[networks["said"] == "saddle"]
    unseen = int((saddles["down"] == 0).sum())
    text = "The signs tell minimum, maximum and saddle apart, unless the Hessian is semi-definite"
    if unseen:
        text += f"; random steps miss {unseen} of {len(saddles)} saddles"
    return text
