"""The figure of claim 2.1.5: effective rates against curvature."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

COLUMNS = {
    "bowl": "bowl,\nstraight",
    "turned bowl": "bowl,\nturned",
}
MARGIN = 0.2


@figure("2.1.5")
def per_parameter(evidence: Evidence) -> Figure:
    """Above: rate against curvature of every parameter of one end. Below: ρ of every end."""
    ends, coordinates = evidence.tables["ends"], evidence.tables["coordinates"]
    optimizers = sorted(ends["optimizer"].unique())
    drawing = style.blank(height=5.8)
    grid = GridSpec(2, len(optimizers), figure=drawing, height_ratios=[1.1, 1.0])
    for column, name in enumerate(optimizers):
        ax = drawing.add_subplot(grid[0, column])
        _scatter(ax, coordinates[coordinates["optimizer"] == name], name)
        if column == 0:
            ax.set_ylabel("Effective rate η/σ")
        if column == len(optimizers) // 2:
            ax.set_xlabel("Curvature along the parameter")
    _strips(drawing.add_subplot(grid[1, :]), ends, optimizers)
    place = style.display_name(str(coordinates["place"].iloc[0]))
    means = _means(ends)
    low, high = float(means.min()), float(means.max())
    turned = _signed(float(evidence.numbers["turned"]))
    style.headline(
        drawing,
        f"In networks the rank correlation of a parameter's rate and its curvature is "
        f"{_signed(low)} to {_signed(high)}, by optimizer; on bowls turned at random {turned}",
        f"Above: every parameter of one network on {place} with positive curvature, the later its "
        "layer the darker. Below: a dot a "
        f"network ({evidence.numbers['seeds']} each) or start ({evidence.numbers['starts']}); "
        "other seed: against the curvature at another network's end; the band is the margin.",
    )
    return drawing


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _means(ends: pd.DataFrame) -> "pd.Series[float]":
    """Give the mean ρ in networks, by optimizer."""
    networks = ends[~ends["place"].isin(list(COLUMNS))]
    return networks.groupby("optimizer")["all"].mean()


def _scatter(ax: Axes, part: pd.DataFrame, name: str) -> None:
    bent = part[(part["curvature"] > 0) & (part["rate"] > 0)]
    layers = list(dict.fromkeys(bent["layer"]))
    tint = style.color(name)
    for layer, shade in zip(layers, style.shades(tint, max(len(layers), 2)), strict=False):
        chosen = bent[bent["layer"] == layer]
        ax.plot(
            chosen["curvature"],
            chosen["rate"],
            linestyle="none",
            marker="o",
            markersize=2.4,
            markeredgewidth=0,
            alpha=0.6,
            color=shade,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_title(style.display_name(name), color=tint)


def _strips(ax: Axes, ends: pd.DataFrame, optimizers: list[str]) -> None:
    rng = np.random.default_rng(0)
    columns: list[tuple[str, str, str]] = [
        (place, "all", words) for place, words in COLUMNS.items() if (ends["place"] == place).any()
    ]
    for place in sorted(set(ends["place"]) - set(COLUMNS)):
        name = style.display_name(place)
        columns.append((place, "all", f"{name},\nall"))
        columns.append((place, "within", f"{name},\nin a matrix"))
    for place in sorted(set(ends["place"]) - set(COLUMNS)):
        columns.append((place, "other", f"{style.display_name(place)},\nother seed"))
    ax.axhspan(-MARGIN, MARGIN, color=style.GRID, zorder=0)
    ax.axhline(0, color=style.QUIET, linewidth=0.8)
    for index, (place, column, _) in enumerate(columns):
        for row, name in enumerate(optimizers):
            chosen = ends[(ends["place"] == place) & (ends["optimizer"] == name)][column]
            offset = 0.24 * (row - (len(optimizers) - 1) / 2)
            ax.plot(
                index + offset + rng.uniform(-0.05, 0.05, len(chosen)),
                chosen,
                linestyle="none",
                marker="o",
                markersize=3.4,
                markeredgewidth=0,
                alpha=0.75,
                color=style.color(name),
            )
    ax.set_ylim(-1.05, 0.5)
    ax.set_xticks(range(len(columns)), [words for *_, words in columns])
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylabel("Rank correlation ρ\n(−1: flattest goes fastest)")
    ax.grid(axis="x", visible=False)
