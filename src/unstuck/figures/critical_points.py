"""Figures of section 1.1: critical points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure

UP, DOWN, FLAT = style.ORANGE, style.BLUE, style.GREEN
ARROW = 0.52  # length on the map
FLAT_BELOW = 1e-9  # eigenvalues of the toy are known to rounding
LEVELS = (0.0, 0.05, 0.2, 0.5, 1.0, 1.7, 3.0, 6.0, 12.0, 24.0)


@figure("1.1.3")
def toy(evidence: Evidence) -> Figure:
    """The toy's surface with all its critical points, and its profile along eigenvectors."""
    surface, points = evidence.tables["surface"], evidence.tables["critical_points"]
    drawing = style.blank(height=4.9)
    grid = GridSpec(2, 2, figure=drawing, width_ratios=[1.6, 1.0])
    _map(drawing.add_subplot(grid[:, 0]), surface, points)
    saddle = style.records(points[points["kind"] == "saddle"])[0]
    minimum = style.records(points[points["kind"] != "saddle"])[0]
    _profile(drawing.add_subplot(grid[0, 1]), saddle, "From the origin")
    below = drawing.add_subplot(grid[1, 1])
    _profile(below, minimum, f"From the minimum ({minimum['w1']:g}, {minimum['w2']:g})")
    below.set_xlabel("Distance walked")
    style.headline(
        drawing,
        held(
            evidence,
            "The origin is a saddle; the minima form a curve along which the loss is flat",
        ),
        "Loss (1 − w₁w₂)² of y = w₁w₂x fitted to (1, 1). Right: the loss on walks along "
        "the arrows, which are eigenvectors.",
    )
    return drawing


def _map(ax: Axes, surface: pd.DataFrame, points: pd.DataFrame) -> None:
    grid = surface.pivot(index="w2", columns="w1", values="loss")
    reach = float(surface["w1"].max())
    norm = BoundaryNorm(LEVELS, style.SURFACE.N, extend="max")
    ax.contourf(
        *(grid.columns, grid.index, grid),
        levels=LEVELS,
        cmap=style.SURFACE,
        norm=norm,
        extend="max",
    )
    lines = ax.contour(
        grid.columns, grid.index, grid, levels=LEVELS[1:], colors="white", linewidths=0.6
    )
    places = [(x * reach, y * reach) for x, y in ((-0.45, 0.3), (-0.75, 0.8), (0.7, -0.85))]
    ax.clabel(
        lines, levels=[3.0, 12.0], fmt="loss %g", fontsize=7.5, colors=style.INK, manual=places
    )
    for sign in (1, -1):
        w = np.geomspace(1 / reach, reach, 200)
        ax.plot(sign * w, sign / w, color=FLAT, linewidth=3.0)
    for point in style.records(points):
        _eigenvectors(ax, point, reach)
    ax.set(aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    ax.set_xlabel("Weight w₁")
    ax.set_ylabel("Weight w₂")
    ax.grid(visible=False)
    for x, y, text, tint, align in (
        (0.0, -0.55, "origin: a saddle", style.INK, "center"),
        (1.45, 1.5, "minima:\nw₁w₂ = 1", "#00543c", "center"),
        (-1.45, -1.5, "minima", "#00543c", "center"),
    ):
        label = ax.text(x, y, text, color=tint, ha=align, va="center", fontweight="bold")
        style.halo(label)


def _eigenvectors(ax: Axes, point: Mapping[str, Any], reach: float) -> None:
    """Draw those arrows that stay on the map, and the point itself."""
    for which in ("low", "high"):
        vector = np.array([point[f"{which}_1"], point[f"{which}_2"]])
        for sign in (1, -1):
            tail = np.array([point["w1"], point["w2"]])
            tip = tail + ARROW * sign * vector
            if np.abs(tip).max() > reach:
                continue
            ax.annotate(
                "",
                tuple(tip),
                tuple(tail),
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": _tint(point[f"eigenvalue_{which}"]),
                    "linewidth": 1.6,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )
    ax.plot(
        point["w1"],
        point["w2"],
        marker="s" if point["kind"] == "saddle" else "o",
        markersize=6.5,
        color=style.PAPER,
        markeredgecolor=style.INK,
        markeredgewidth=1.4,
        clip_on=False,
        zorder=3,
    )


def _profile(ax: Axes, point: Mapping[str, Any], title: str) -> None:
    """Draw the loss on the two straight walks through a critical point, and name each one."""
    step = np.linspace(-1.15, 1.15, 231)
    for which in ("high", "low"):
        value = point[f"eigenvalue_{which}"]
        w1 = point["w1"] + step * point[f"{which}_1"]
        w2 = point["w2"] + step * point[f"{which}_2"]
        ax.plot(step, (1 - w1 * w2) ** 2, color=_tint(value))
        label = ax.text(
            0.0,
            2.55 if which == "high" else -0.15,
            f"eigenvalue {_signed(value)}: {_way(value)}",
            color=_tint(value),
            ha="center",
            va="top",
            fontweight="bold",
            fontsize=8.5,
        )
        style.halo(label)
    ax.plot(0, point["loss"], marker="o", markersize=5, color=style.INK)
    ax.set_title(title)
    ax.set_ylabel("Loss")
    ax.set_ylim(-0.6, 2.7)
    ax.set_xticks([-1, 0, 1])


def _tint(eigenvalue: float) -> str:
    if abs(eigenvalue) < FLAT_BELOW:
        return FLAT
    return UP if eigenvalue > 0 else DOWN


def _way(eigenvalue: float) -> str:
    if abs(eigenvalue) < FLAT_BELOW:
        return "flat at first"
    return "up" if eigenvalue > 0 else "down"


def _signed(value: float) -> str:
    if abs(value) < FLAT_BELOW:
        return "0"
    return f"{value:+.3g}".replace("-", "−")
