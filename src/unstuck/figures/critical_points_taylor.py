"""The figure of claim 1.1.1: what the Taylor expansion leaves out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure

TERMS = {
    "constant": (style.BLUE, "constant"),
    "gradient": (style.ORANGE, "+ gradient"),
    "curvature": (style.GREEN, "+ Hessian"),
}
PLACES = {
    "initial": "Initial point",
    "endpoint": "After training",
    "critical": "Critical point",
    "kink": "Kink of a ReLU",
}
POWERS = ("", "r", "r²", "r³")
SMALLEST = 3e-7  # step from which the lines are drawn
SMALL = 1e-3  # step up to which a line's power is read off


@figure("1.1.1")
def taylor(evidence: Evidence) -> Figure:
    """Size of the error against the step, after each term, at points of four kinds."""
    lines = evidence.tables["lines"]
    panels = _panels(lines)
    drawing, axes = style.canvas(1, len(panels), height=3.55, sharey=True)
    for ax, (point, case) in zip(axes[0], panels, strict=True):
        part = lines[(lines["point"] == point) & (lines["case"] == case)]
        _panel(ax, part[part["radius"] >= SMALLEST])
        ax.set_title(PLACES[point])
    axes[0, 0].set_ylabel("Error of the expansion")
    _key(axes[0, 0])
    drawing.supxlabel("Length r of the step", fontsize=9)
    style.headline(
        drawing,
        held(evidence, _summary(evidence.tables["slopes"]), failing={"place": "kink"}),
        "How far the loss is from what the first terms of its expansion foretell, along one "
        "direction, and the power of the step that this error goes with.",
    )
    return drawing


def _panels(lines: pd.DataFrame) -> list[tuple[str, str]]:
    """Choose one network for each kind of point: the same for all that it has."""
    first = str(lines[lines["point"] == "initial"]["case"].max())
    panels = []
    for point in PLACES:
        cases = sorted(set(lines[lines["point"] == point]["case"]))
        if cases:
            panels.append((point, first if first in cases else cases[-1]))
    return panels


def _panel(ax: Axes, part: pd.DataFrame) -> None:
    ends: dict[str, tuple[float, float, str]] = {}
    for term, (tint, _) in TERMS.items():
        line = part[part["term"] == term].sort_values("radius")
        # lines that lie on each other are told apart by dashes
        dashes = (0, (2.2, 1.6)) if term == "gradient" else "-"
        ax.plot(line["radius"], line["size"], color=tint, linestyle=dashes)
        power = POWERS[_power(line)]
        ends[power] = (float(line["radius"].iloc[0]), float(line["size"].iloc[0]), tint)
    for power, (radius, size, tint) in ends.items():
        ax.annotate(
            power,
            (radius, size),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontweight="bold",
            color=tint,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(2e-8, 3)
    ax.set_ylim(1e-20, 10)
    ax.set_xticks([1e-6, 1e-4, 1e-2, 1])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(LogLocator(numticks=7))
    ax.yaxis.set_minor_locator(NullLocator())


def _power(line: pd.DataFrame) -> int:
    """Give the power of the step that a line goes with at small steps."""
    small = line[line["radius"] <= SMALL]
    return round(float(np.polyfit(np.log(small["radius"]), np.log(small["size"]), 1)[0]))


def _key(ax: Axes) -> None:
    for row, (tint, words) in enumerate(TERMS.values()):
        ax.text(
            *(0.98, 0.24 - 0.09 * row, words),
            transform=ax.transAxes,
            ha="right",
            color=tint,
            fontweight="bold",
            fontsize=8.5,
        )


def _summary(slopes: pd.DataFrame) -> str:
    kink = "; at a kink no term helps" if "kink" in set(slopes["point"]) else ""
    return (
        "Each term makes the error shrink by one more power of the step; at a critical point the "
        f"gradient adds nothing{kink}"
    )
