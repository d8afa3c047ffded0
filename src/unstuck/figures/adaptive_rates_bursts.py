"""Figures of claims 2.1.8 and 2.1.9: Adagrad's bursts, and a rate that decays."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure

SURFACES = {
    "regression": "Regression",
    "ellipse_10000": "Straight bowl",
    "turned_10000": "Turned by 45°",
}
TINTS = {
    "adagrad_mean": style.ORANGE,
    "adagrad": style.BLUE,
    "adagrad_mean_decayed": style.BLUE,
}
NAMES = {
    "adagrad_mean": "mean of squares",
    "adagrad": "sum of squares",
    "adagrad_mean_decayed": "with η/√(t + 1)",
}
SMALLEST = 1e-12
POLICIES = {"low": "0.1", "middle": "0.316", "high": "1", "tuned": "best"}


@figure("2.1.8")
def bursts(evidence: Evidence) -> Figure:
    """Above: the distance on the way, mean against sum. Below: bursts at every rate and start."""
    table = evidence.tables["bursts"]
    walkers = ("adagrad_mean", "adagrad")
    drawing, below = _rows(evidence.tables["curves"], walkers)
    rates = sorted(table["rate"].unique())
    for column, (ax, surface) in enumerate(zip(below, SURFACES, strict=True)):
        part = table[table["surface"] == surface].assign(place=lambda t: t["rate"].map(rates.index))
        _strips(ax, part, "bursts", walkers)
        ax.set_xticks(range(len(rates)), [f"{rate:g}" for rate in rates])
        ax.set_xlabel("Learning rate η")
        ax.set_ylim(-4, 104)
        if column == 0:
            ax.set_ylabel("Bursts per\n100,000 updates")
    mean, total = (table[table["walker"] == name]["bursts"] for name in walkers)
    style.headline(
        drawing,
        f"Under the mean of squares the steps burst {mean.mean():.0f} times in 100,000 updates, "
        f"under their sum {_times(total.mean())}",
        "Above: one start, at the η that bursts most; the largest distance from the bottom "
        "between records. Below: every start.",
    )
    return drawing


def _times(count: float) -> str:
    return "never" if count == 0 else f"{count:.0f} times"


@figure("2.1.9")
def decay(evidence: Evidence) -> Figure:
    """Above: the distance on the way, constant against decaying. Below: how far off it ends."""
    table = evidence.tables["ends"]
    walkers = ("adagrad_mean", "adagrad_mean_decayed")
    drawing, below = _rows(evidence.tables["curves"], walkers, constant=True)
    policies = list(POLICIES)
    for column, (ax, surface) in enumerate(zip(below, SURFACES, strict=True)):
        part = table[table["surface"] == surface].assign(
            place=lambda t: t["policy"].map(policies.index)
        )
        _strips(ax, part, "late", walkers)
        ax.set_yscale("log")
        ax.set_ylim(3e-10, 30)
        ax.set_xticks(range(len(policies)), [POLICIES[name] for name in policies])
        ax.set_xlabel("Learning rate η at the start")
        if column == 0:
            ax.set_ylabel("Largest distance in\nthe last tenth")
    style.headline(
        drawing,
        checked(evidence, _verdict_words(table)),
        "Adagrad with the mean of squares. Above: one start, at the rate that bursts most. Below: "
        "every start; distances as shares of the start's, 1e-9 and less as 1e-9.",
    )
    return drawing


def _verdict_words(table: pd.DataFrame) -> str:
    counts = table.groupby("walker")["bursts"].mean()
    medians = table.groupby(["surface", "policy", "walker"])["late"].median().unstack("walker")
    worse = int((medians["adagrad_mean_decayed"] > medians["adagrad_mean"]).sum())
    return (
        f"With the decay bursts go from {counts['adagrad_mean']:.0f} to "
        f"{counts['adagrad_mean_decayed']:.0f}; but in {worse} of {len(medians)} cases it ends "
        "farther off"
    )


def _rows(
    curves: pd.DataFrame, walkers: tuple[str, str], *, constant: bool = False
) -> tuple[Figure, list[Axes]]:
    """Draw the curves above, a surface a column; give the figure and the axes below them."""
    drawing = style.blank(height=5.2)
    grid = GridSpec(2, len(SURFACES), figure=drawing, height_ratios=[1.3, 1.0])
    below = []
    for column, (surface, words) in enumerate(SURFACES.items()):
        ax = drawing.add_subplot(grid[0, column])
        part = curves[curves["surface"] == surface]
        for walker in walkers:
            line = part[(part["walker"] == walker) & (part["update"] > 0)]
            height = line["farthest"].clip(SMALLEST)
            ax.plot(line["update"], height, color=TINTS[walker], linewidth=1.2)
        ax.set_yscale("log")
        ax.set_ylim(0.3 * SMALLEST, 30)
        last = float(part["update"].max())
        ax.set_xlim(0, last)
        ax.set_xticks([0, last / 2, last], ["0", f"{last / 2:,.0f}", ""])
        ax.set_title(f"{words}, η = {part['rate'].iloc[0]:g}", fontsize=9)
        ax.set_xlabel("Update")
        if column == 0:
            ax.set_ylabel("Distance from the bottom\n(share of the start's)")
            for row, walker in enumerate(walkers):
                name = "constant rate" if constant and row == 0 else NAMES[walker]
                label = ax.text(
                    *(0.05, 0.16 - 0.11 * row),
                    name,
                    color=TINTS[walker],
                    transform=ax.transAxes,
                    fontweight="bold",
                )
                style.halo(label)
        below.append(drawing.add_subplot(grid[1, column]))
    return drawing, below


def _strips(ax: Axes, part: pd.DataFrame, column: str, walkers: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    for row, walker in enumerate(walkers):
        chosen = part[part["walker"] == walker]
        jitter = rng.uniform(-0.1, 0.1, len(chosen)) + 0.36 * (row - 0.5)
        ax.plot(
            chosen["place"] + jitter,
            chosen[column],
            linestyle="none",
            marker="o",
            markersize=3.2,
            markeredgewidth=0,
            alpha=0.75,
            color=TINTS[walker],
            clip_on=False,
        )
    ax.grid(axis="x", visible=False)
