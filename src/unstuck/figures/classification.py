"""Figures of section 2.2: classification."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure


@figure("2.2.2")
def softmax_gaps(evidence: Evidence) -> Figure:
    """What becomes of a gap between two inputs of softmax: as a ratio, and as a difference."""
    gaps = evidence.tables["gaps"]
    drawing, axes = style.canvas(1, 3, height=3.9, width_ratios=[1.0, 1.0, 0.9])
    _ratio(axes[0, 0], gaps)
    _difference(axes[0, 1], gaps)
    _example(axes[0, 2], evidence.tables["example"])
    style.headline(
        drawing,
        held(
            evidence,
            "Softmax enlarges gaps as ratios and shrinks them as differences",
            failing={"gap": "difference"},
        ),
        "Two classes, over the gap between their inputs; and the notes' example of three.",
    )
    return drawing


def _ratio(ax: Axes, gaps: pd.DataFrame) -> None:
    part = gaps[gaps["gap"] > 0]
    ax.plot(part["gap"], part["gap"], color=style.QUIET, linestyle=(0, (4, 2)), linewidth=1.2)
    ax.fill_between(part["gap"], part["gap"], part["ratio"], color=style.ORANGE, alpha=0.15)
    ax.plot(part["gap"], part["ratio"], color=style.ORANGE)
    ax.set_yscale("log")
    ax.set_ylim(0.3, 1.3 * float(part["ratio"].max()))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.set_title("Ratio: enlarged")
    ax.set_ylabel("Ratio of the outputs, p₁ / p₂")
    ax.set_xlabel("Gap of the inputs, y₁ − y₂")
    _name(ax, (0.52, 0.78), "e to the\ngap", style.ORANGE)
    _name(ax, (0.97, 0.17), "the gap itself", style.QUIET)


def _difference(ax: Axes, gaps: pd.DataFrame) -> None:
    reach = 4.0
    part = gaps[gaps["gap"] <= reach]
    ax.plot(part["gap"], part["gap"], color=style.QUIET, linestyle=(0, (4, 2)), linewidth=1.2)
    ax.fill_between(part["gap"], part["difference"], part["gap"], color=style.BLUE, alpha=0.15)
    ax.plot(part["gap"], part["difference"], color=style.BLUE)
    ax.set_title("Difference: shrunk")
    ax.set_ylabel("Difference of the outputs, p₁ − p₂")
    ax.set_xlabel("Gap of the inputs, y₁ − y₂")
    ax.set_ylim(0, reach)
    _name(ax, (0.97, 0.36), "tanh of half the gap:\nnever above 1", style.BLUE)
    _name(ax, (0.6, 0.85), "the gap itself", style.QUIET)


def _example(ax: Axes, example: pd.DataFrame) -> None:
    """Draw the outputs as bars over the inputs they come from."""
    place = np.arange(len(example))
    ax.bar(place, example["output"], width=0.62, color=style.GREEN)
    for x, output in zip(place, example["output"], strict=True):
        ax.annotate(
            f"{output:.2f}",
            (x, output),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color="#006b4f",
            fontweight="bold",
        )
    ax.set_xticks(place, [f"{value:g}".replace("-", "−") for value in example["input"]])
    ax.set_ylim(0, 1.05)
    ax.set_yticks([0, 0.5, 1])
    ax.grid(axis="x", visible=False)
    ax.set_title("Example")
    ax.set_xlabel("Inputs, y")
    ax.set_ylabel("Outputs, p")
    first, second = example["output"].iloc[:2]
    gap = example["input"].iloc[0] - example["input"].iloc[1]
    words = f"gap {gap:g} becomes\nratio {first / second:.1f},\ndifference {first - second:.2f}"
    _name(ax, (0.99, 0.68), words, style.INK)


def _name(ax: Axes, place: tuple[float, float], text: str, tint: str) -> None:
    """Name a curve; the place, in shares of the axes, is the right end of the words."""
    label = ax.text(
        *(*place, text),
        transform=ax.transAxes,
        color=tint,
        ha="right",
        va="center",
        fontweight="bold",
    )
    style.halo(label)
