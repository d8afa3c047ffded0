"""Figures of section 3.2: convolution. Counts of weights, and one filter on an image."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure

LAYERS = {
    "full": ("1,000 neurons,\neach sees all", style.SLATE),
    "local": ("64 filters at each place,\nweights of their own", style.ORANGE),
    "shared": ("64 filters,\nshared by all places", style.BLUE),
}


@figure("3.2.1")
def counts(evidence: Evidence) -> Figure:
    """Weights of three layers on one image, and the side of the map by stride and padding."""
    weights = evidence.tables["counts"].set_index("layer")["weights"].astype("float64")
    drawing, axes = style.canvas(1, 2, height=3.7, width_ratios=[1.45, 1.0])
    ax = axes[0, 0]
    for place, (layer, (_, tint)) in enumerate(LAYERS.items()):
        width = int(weights[layer])
        ax.barh(place, width, color=tint, height=0.55)
        ax.text(width * 1.3, place, f"{width:,}", va="center", color=tint, fontweight="bold")
    ax.set_xscale("log")
    ax.set_xlim(100, 3e9)
    ax.set_yticks(range(len(LAYERS)), [words for words, _ in LAYERS.values()])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Weights on a 100×100×3 image")
    _map_sizes(axes[0, 1], evidence.tables["sizes"])
    side = evidence.numbers["large_kernel"]
    ratio = weights["full"] / weights["shared"]
    style.headline(
        drawing,
        checked(evidence, f"Small fields and shared weights cut the weights {ratio:,.0f}-fold"),
        "Left: a first layer without biases, filters of 3×3×3. Right: stride and padding set the "
        f"size of the map, here of a filter of {side}×{side}.",
    )
    return drawing


def _map_sizes(ax: Axes, sizes: pd.DataFrame) -> None:
    labels = ((1.35, 97.0, style.BLUE), (1.05, 22.0, style.ORANGE))
    for (padding, part), (x, y, tint) in zip(
        sizes.groupby("padding", sort=False), labels, strict=False
    ):
        ax.plot(part["stride"], part["side"], marker="o", markersize=4, color=tint)
        ax.text(x, y, str(padding), color=tint, fontweight="bold", fontsize=8.5)
    ax.set_xticks(sorted(sizes["stride"].unique()))
    ax.set_xlabel("Stride (pixels)")
    ax.set_ylabel("Side of the map (places)")
    ax.set_ylim(0, 112)


@figure("3.2.3")
def filter_on_an_image(evidence: Evidence) -> Figure:
    """The image, the filter and the feature map, with the windows of the largest answers."""
    image, kernel, found = (
        evidence.tables[name].pivot(index="row", columns="column", values="value").to_numpy()
        for name in ("image", "filter", "feature_map")
    )
    drawing, axes = style.canvas(1, 3, height=3.55, width_ratios=[6, 3, 4])
    best = np.argwhere(found == found.max())
    for ax, values, title in zip(
        axes[0],
        (image, kernel, found),
        ("Image, 6×6", "Filter, 3×3", "Feature map, 4×4"),
        strict=True,
    ):
        _numbers(ax, values, title)
    for row, column in best:
        _frame(axes[0, 0], row, column, 3)
        _frame(axes[0, 2], row, column, 1)
    where = " and the ".join(_corner(row, column, found.shape[0]) for row, column in best)
    style.headline(
        drawing,
        checked(evidence, f"The filter answers most, with {found.max():g}, in the {where}"),
        "Each number of the map is the sum of products of the filter with the window there. "
        "Framed: the windows that show the diagonal, and the answers to them.",
    )
    return drawing


def _numbers(ax: Axes, values: np.ndarray, title: str) -> None:
    ax.imshow(values, cmap=style.DIVERGING, vmin=-4, vmax=4)
    for (row, column), value in np.ndenumerate(values):
        tint = style.PAPER if abs(value) >= 3 else style.INK
        ax.text(column, row, f"{value:g}".replace("-", "−"), ha="center", va="center", color=tint)
    ax.set_title(title)
    ax.set_xticks(range(values.shape[1]), [str(i + 1) for i in range(values.shape[1])])
    ax.set_yticks(range(values.shape[0]), [str(i + 1) for i in range(values.shape[0])])
    ax.tick_params(length=0)
    ax.set_xlabel("Column")
    ax.set_ylabel("Row")
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _frame(ax: Axes, row: int, column: int, side: int) -> None:
    ax.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            side,
            side,
            fill=False,
            edgecolor=style.ORANGE,
            linewidth=2.4,
            clip_on=False,
            zorder=3,
        )
    )


def _corner(row: int, column: int, side: int) -> str:
    """Name a place of the map: a corner, or its row and column."""
    rows, columns = {0: "upper", side - 1: "lower"}, {0: "left", side - 1: "right"}
    if row in rows and column in columns:
        return f"{rows[row]} {columns[column]} corner"
    return f"place of row {row + 1}, column {column + 1}"
