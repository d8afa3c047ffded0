"""Figure of claim 3.1.4: batch normalisation before or after the activation."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.statistics.intervals import bootstrap_interval

# from the top row down
ACTIVATIONS = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
MARGIN = 1.0


@figure("3.1.4")
def placement(evidence: Evidence) -> Figure:
    """Paired differences of accuracy by activation: a panel for each dataset."""
    differences = evidence.tables["differences"]
    runs = evidence.tables["runs"]
    datasets = list(dict.fromkeys(differences["dataset"]))
    drawing, axes = style.canvas(1, len(datasets), height=3.6, sharex=True, sharey=True)
    for ax, dataset in zip(axes[0], datasets, strict=True):
        _panel(ax, differences[differences["dataset"] == dataset], runs[runs["dataset"] == dataset])
        ax.set_title(style.display_name(str(dataset)))
    drawing.supxlabel("Test accuracy, before minus after (points)", fontsize=9)
    style.headline(
        drawing,
        _summary(differences),
        "Small dot: one seed. Large dot: mean, with its 95 % interval. Grey band: the margin of "
        "one point. Right: mean accuracy before and after (%).",
    )
    return drawing


def _panel(ax: Axes, differences: pd.DataFrame, runs: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    ax.axvspan(-MARGIN, MARGIN, color=style.GRID, zorder=0)
    ax.axvline(0, color=style.FAINT, linewidth=1)
    names = [name for name in ACTIVATIONS if name in set(differences["activation"])]
    for row, name in enumerate(names):
        tint = style.ORANGE if name == "sigmoid" else style.BLUE
        points = differences[differences["activation"] == name]["points"].to_numpy()
        interval = bootstrap_interval(points)
        ax.plot(
            points,
            row + 0.22 + rng.uniform(-0.1, 0.1, len(points)),
            linestyle="none",
            marker="o",
            markersize=2.4,
            markeredgewidth=0,
            color=tint,
            alpha=0.35,
        )
        ax.plot([interval.low, interval.high], [row - 0.1] * 2, color=tint, linewidth=2.4)
        ax.plot(points.mean(), row - 0.1, marker="o", markersize=6.5, color=tint)
        means = runs[runs["activation"] == name].groupby("batchnorm")["test_accuracy"].mean()
        label = ax.text(
            *(0.99, row - 0.1),
            f"{means['before']:.1f} / {means['after']:.1f}",
            transform=ax.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=8,
            color=style.QUIET,
        )
        style.halo(label)
    ax.set_yticks(range(len(names)), [ACTIVATIONS[name] for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)


def _summary(differences: pd.DataFrame) -> str:
    """Say with which activation the place matters most, and how much with sigmoids."""
    means = differences.groupby(["activation", "dataset"])["points"].mean()
    most = str(means.abs().groupby("activation").mean().idxmax())
    names = [style.display_name(str(name)) for name in means[most].index]
    title = (
        f"The place matters most with {ACTIVATIONS.get(most, most)}: before the activation ends "
        f"{_points(means[most])} points above after it on {' and '.join(names)}"
    )
    if most != "sigmoid" and "sigmoid" in means.index:
        title += f"; with sigmoids {_points(means['sigmoid'])}"
    return title


def _points(means: "pd.Series[float]") -> str:
    return " and ".join(f"{mean:+.1f}".replace("-", "−") for mean in means)
