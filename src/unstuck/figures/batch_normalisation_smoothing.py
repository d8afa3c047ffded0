"""Figure of claim 3.1.7: curvature along the path, and speed with inputs made to drift."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

PLAIN, NORMED = style.SLATE, style.ORANGE


@figure("3.1.7")
def smoothing(evidence: Evidence) -> Figure:
    """Above, the largest eigenvalue by updates; below, accuracy by updates and noise."""
    path, courses = evidence.tables["path"], evidence.tables["courses"]
    deepest = int(path["depth"].max())
    path = path[(path["depth"] == deepest) & (path["noise"] == 0)]
    datasets = list(dict.fromkeys(path["dataset"]))
    drawing, axes = style.canvas(2, len(datasets), height=6.0)
    style.headline(
        drawing,
        _summary(evidence.tables["ratios"], deepest),
        f"ReLU networks of {deepest} layers. Above: all at one rate. Below: each at its tuned "
        "rate; noise shifts and stretches what the layer gives out, anew at each update.",
    )
    for column, dataset in enumerate(datasets):
        _curvature(axes[0, column], path[path["dataset"] == dataset])
        axes[0, column].set_title(style.display_name(str(dataset)))
        _speed(axes[1, column], courses[courses["dataset"] == dataset])
        axes[1, column].set_xlabel("Updates made")
    axes[0, 0].set_ylabel("Largest eigenvalue\nof the Hessian")
    axes[1, 0].set_ylabel("Training accuracy (%)")
    return drawing


def _curvature(ax: Axes, path: pd.DataFrame) -> None:
    labels: list[style.EndLabel] = []
    for batchnorm, words, tint in (("off", "without", PLAIN), ("before", "with", NORMED)):
        line = path[path["batchnorm"] == batchnorm].sort_values("update")
        ax.plot(line["update"], line["lambda_max"], color=tint, marker="o", markersize=4)
        end = line.iloc[-1]
        labels.append((float(end["update"]), float(end["lambda_max"]), words, tint))
    ax.set_ylim(0, 1.1 * float(path["lambda_max"].max()))
    ax.set_xlim(-3, 1.35 * float(path["update"].max()))
    style.end_labels(ax, labels, gap=12.0)


def _speed(ax: Axes, courses: pd.DataFrame) -> None:
    labels: list[style.EndLabel] = []
    noises = sorted(set(courses["noise"]))
    noisy = [noise for noise in noises if noise > 0]
    tints = dict(zip(noisy, style.shades(style.PINK, len(noisy)), strict=True))
    for noise in noises:
        line = courses[np.isclose(courses["noise"], noise)].sort_values("update")
        words = "without" if noise < 0 else "with" if noise == 0 else f"noise {noise:g}"
        tint = PLAIN if noise < 0 else NORMED if noise == 0 else tints[noise]
        ax.plot(line["update"], line["accuracy"], color=tint)
        end = line.iloc[-1]
        labels.append((float(end["update"]), float(end["accuracy"]), words, tint))
    ax.set_ylim(bottom=0)
    ax.set_xlim(-3, 1.35 * float(courses["update"].max()))
    style.end_labels(ax, labels, gap=12.0)


def _summary(ratios: pd.DataFrame, depth: int) -> str:
    """Say how much flatter the path is, and what speed-up noise leaves, over all datasets."""
    surface = ratios[(ratios["measure"] == "curvature") & (ratios["depth"] == str(depth))]
    flatter = _range(surface["ratio"])
    speed = ratios[ratios["measure"] == "speed"]
    noises = sorted(set(speed["noise"]), key=float)
    gains = {noise: _range(speed.loc[speed["noise"] == noise, "ratio"]) for noise in noises}
    drifting = [f"{gains[noise]} with noise of {noise}" for noise in noises if float(noise) > 0]
    return (
        f"Without batch normalisation the path is {flatter} times as curved; with it training is "
        f"{gains['0']} times as fast, {' and '.join(drifting)}"
    )


def _range(values: "pd.Series[float]") -> str:
    low, high = f"{values.min():.1f}", f"{values.max():.1f}"
    return low if low == high else f"{low} to {high}"
