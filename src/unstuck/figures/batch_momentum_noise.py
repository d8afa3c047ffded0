"""The figure of claim 1.2.2: the variance of minibatch gradients."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure

# variances below this share of that of one sample are rounding, and no dot on a logarithmic axis
ROUNDING = 1e-12


@figure("1.2.2")
def noise(evidence: Evidence) -> Figure:
    """Variance over that of single samples, and noise over signal, against batch size."""
    table = evidence.tables["variance"]
    datasets = list(dict.fromkeys(table["dataset"]))
    drawing, axes = style.canvas(2, len(datasets), height=6.0, sharex=True, sharey="row")
    for column, dataset in enumerate(datasets):
        part = table[table["dataset"] == dataset]
        _variances(axes[0, column], part)
        _signals(axes[1, column], part[part["draw"] == "reshuffled"])
        axes[0, column].set_title(style.display_name(str(dataset)))
        axes[1, column].set_xlabel("Batch size B (samples)")
    axes[0, 0].set_ylabel("Variance of the gradient,\nover that of one sample")
    axes[1, 0].set_ylabel("Standard deviation over\nlength of the full gradient")
    slopes = evidence.tables["slopes"]
    ours = slopes[slopes["draw"] == "reshuffled"]["slope"].to_numpy()
    style.headline(
        drawing,
        checked(
            evidence,
            "The variance of the gradient falls as the batch size to a power between "
            f"{_minus(ours.min())} and {_minus(ours.max())}, and of the full batch it is "
            + _left(table),
        ),
        "Above: dots are networks at three points of training; lines are the laws σ²/B with "
        "replacement and σ²/B·(N−B)/(N−1) without, which samples sorted by class do not follow. "
        "Below: the noise that an update of reshuffled data meets; mean over seeds.",
    )
    return drawing


def _left(table: pd.DataFrame) -> str:
    """Say how much of the variance of one sample the full batch keeps."""
    full = (table["draw"] == "reshuffled") & (table["batch_size"] == table["samples"])
    most = float(table[full]["ratio"].max())
    return "0" if most < ROUNDING else f"still {most:.1g} of that of one sample"


def _minus(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _variances(ax: Axes, part: pd.DataFrame) -> None:
    samples = int(part["samples"].iloc[0])
    sizes = np.geomspace(1, samples, 200)
    below = sizes[:-1]
    ax.plot(sizes, 1 / sizes, color=style.FAINT, linewidth=1.4)
    law = (samples - below) / (samples - 1) / below
    ax.plot(below, law, color=style.BLUE, linewidth=1.4)
    for draw, tint, marker in (
        ("replaced", style.SLATE, "x"),
        ("sorted", style.ORANGE, "s"),
        ("reshuffled", style.BLUE, "o"),
    ):
        dots = part[(part["draw"] == draw) & (part["ratio"] > ROUNDING)]
        ax.plot(
            dots["batch_size"],
            dots["ratio"],
            linestyle="none",
            marker=marker,
            markersize=3.5,
            color=tint,
            alpha=0.55,
            markeredgewidth=0 if marker != "x" else 0.9,
        )
    lowest = float(law[sizes[:-1] <= samples / 2].min())
    ax.set_yscale("log", base=10)
    ax.set_ylim(lowest / 4, 2.5)
    _sizes(ax, part)
    for text, x, y, tint in (
        ("sorted by class", 0.97, 0.9, style.ORANGE),
        ("with replacement", 0.03, 0.17, style.SLATE),
        ("without: 0 at B = N", 0.03, 0.06, style.BLUE),
    ):
        align = "right" if x > 0.5 else "left"
        style.halo(
            ax.text(x, y, text, transform=ax.transAxes, color=tint, ha=align, fontweight="bold")
        )


def _signals(ax: Axes, part: pd.DataFrame) -> None:
    points = sorted(part["updates"].unique())
    ends = []
    below = part[part["batch_size"] < part["samples"]]
    for updates, tint in zip(points, style.shades(style.BLUE, len(points)), strict=True):
        means = below[below["updates"] == updates].groupby("batch_size")["noise"].mean()
        ax.plot(means.index, means, color=tint, marker="o", markersize=3)
        words = "at the start" if updates == 0 else f"after {updates:,} updates"
        ends.append((words, tint, float(means.iloc[0])))
    ax.axhline(1, color=style.FAINT, linewidth=1.2)
    style.halo(ax.text(1, 0.9, "as large as the gradient", color=style.QUIET, fontsize=8, va="top"))
    ax.set_yscale("log")
    _sizes(ax, part)
    for row, (words, tint, _) in enumerate(sorted(ends, key=lambda end: -end[2])):
        style.halo(
            ax.text(
                *(0.97, 0.9 - 0.11 * row),
                words,
                transform=ax.transAxes,
                color=tint,
                ha="right",
                fontweight="bold",
            )
        )


def _sizes(ax: Axes, part: pd.DataFrame) -> None:
    sizes = sorted(part["batch_size"].unique())
    ax.set_xscale("log", base=2)
    shown = sizes[::2] if len(sizes) > 6 else sizes
    ax.set_xticks(shown, [str(size) for size in shown])
    ax.set_xticks([], minor=True)
