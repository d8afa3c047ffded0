"""Figures of section 3.1: features before and after the layer, and samples that move each other."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure

Array = NDArray[np.float64]


@figure("3.1.2")
def statistics(evidence: Evidence) -> Figure:
    """Distributions of a few features before and after the layer, one above the other."""
    table = evidence.tables["features"]
    drawing, axes = style.canvas(1, 2, height=3.9, sharey=True)
    features = sorted(table["feature"].unique())
    tints = dict(zip(features, sns.color_palette("crest", len(features)).as_hex(), strict=True))
    for ax, when in zip(axes[0], ("before", "after"), strict=True):
        part = table[table["when"] == when]
        for feature in features:
            values = part[part["feature"] == feature]["value"].to_numpy()
            _ridge(ax, values, len(features) - 1 - feature, tints[feature])
        ax.set_title(f"{when.capitalize()} the layer")
        ax.set_xlabel("Value of the feature")
        ax.set_yticks([len(features) - 1 - f for f in features], [f"{f + 1}" for f in features])
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_ylabel("Feature")
    axes[0, 1].set_xlim(-4, 4)
    numbers = evidence.numbers
    low, high = (float(numbers[f"{end}_variance_after"]) for end in ("smallest", "largest"))
    style.headline(
        drawing,
        held(
            evidence,
            "Whatever the centre and spread of a feature, batch normalisation gives it mean 0 and "
            "variance 1; its shape stays",
        ),
        "Lines: one standard deviation to each side of the mean. Over "
        f"{numbers['features']} features the variance after it is {low:.5f} to {high:.5f}; "
        "what is missing to 1 is ε.",
    )
    return drawing


def _ridge(ax: Axes, values: Array, base: int, tint: str) -> None:
    density, edges = np.histogram(values, bins=30)
    centres = 0.5 * (edges[1:] + edges[:-1])
    height = base + 0.82 * density / density.max()
    ax.fill_between(centres, base, height, color=tint, alpha=0.55, linewidth=0, step="mid")
    mean, deviation = float(values.mean()), float(values.std())
    ax.plot([mean - deviation, mean + deviation], [base, base], color=style.INK, linewidth=2.2)
    ax.plot([mean], [base], marker="o", color=style.INK, markersize=4)


@figure("3.1.3")
def coupling(evidence: Evidence) -> Figure:
    """Who moves whom in training and at inference, and how this fades with the batch."""
    table = evidence.tables["derivatives"]
    drawing, axes = style.canvas(1, 3, height=3.5, width_ratios=[1.0, 1.0, 1.15])
    largest = float(table["size"].max())
    for ax, mode in zip(axes[0, :2], ("training", "inference"), strict=True):
        _who(ax, table[table["mode"] == mode], largest)
        ax.set_title(f"In {mode}" if mode == "training" else f"At {mode}")
    axes[0, 0].set_ylabel("Sample whose output changes")
    _fading(axes[0, 2], evidence.tables["strength"])
    share = 100 * float(evidence.numbers["cross_over_own_in_training"])
    style.headline(
        drawing,
        held(
            evidence,
            "In training every sample of a batch moves the outputs of all others; at inference "
            "none does",
        ),
        "Left: size of the derivative of one sample's output by another sample's input, batch of "
        f"{evidence.numbers['batch']}; beside the diagonal {share:.0f}\u00a0% of what is on it.",
    )
    return drawing


def _who(ax: Axes, table: pd.DataFrame, largest: float) -> None:
    matrix = table.pivot(index="output", columns="input", values="size").to_numpy()
    # the root makes the small ones visible beside the diagonal
    ax.imshow(np.sqrt(matrix), cmap=style.SEQUENTIAL, vmin=0, vmax=np.sqrt(largest))
    ticks = np.arange(0, len(matrix), 4)
    ax.set_xticks(ticks, [str(tick + 1) for tick in ticks])
    ax.set_yticks(ticks, [str(tick + 1) for tick in ticks])
    ax.grid(visible=False)
    ax.set_xlabel("Sample whose input changes")


def _fading(ax: Axes, strength: pd.DataFrame) -> None:
    for column, words, tint, y in (
        ("all", "all others\ntogether", style.ORANGE, 1.25),
        ("one", "one other", style.BLUE, 1.25),
    ):
        ax.plot(strength["batch_size"], strength[column], color=tint, marker="o", markersize=4)
        end = strength.iloc[-1 if column == "all" else -3]
        label = ax.text(
            float(end["batch_size"]),
            float(end[column]) * y,
            words,
            color=tint,
            ha="right" if column == "all" else "left",
            va="bottom",
            fontweight="bold",
            fontsize=8.5,
        )
        style.halo(label)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_ylim(top=6)
    sizes = strength["batch_size"].to_numpy()
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.set_xlabel("Batch size (samples)")
    ax.set_ylabel("Effect over a sample's own")
    ax.set_title("One layer, one feature")
