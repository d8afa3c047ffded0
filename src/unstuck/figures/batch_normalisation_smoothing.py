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
    path = path[path["depth"] == deepest]
    path = path.assign(noise=path["noise"].where(path["batchnorm"] != "off", -1.0))
    datasets = list(dict.fromkeys(path["dataset"]))
    drawing, axes = style.canvas(2, len(datasets), height=6.0)
    style.headline(
        drawing,
        _summary(evidence.tables["ratios"], deepest),
        f"ReLU networks of {deepest} layers. Above: all at one rate. Below: each at its tuned "
        "rate; noise shifts and stretches what the layer gives out, anew at each update.",
    )
    for column, dataset in enumerate(datasets):
        _lines(axes[0, column], path[path["dataset"] == dataset], "lambda_max", marker="o")
        axes[0, column].set_title(style.display_name(str(dataset)))
        _lines(axes[1, column], courses[courses["dataset"] == dataset], "accuracy")
        axes[1, column].set_xlabel("Updates made")
    axes[0, 0].set_ylabel("Largest eigenvalue\nof the Hessian")
    axes[1, 0].set_ylabel("Training accuracy (%)")
    return drawing


def _lines(ax: Axes, table: pd.DataFrame, column: str, marker: str = "") -> None:
    """Draw a column against updates, a line an arm; noise −1 stands for the arm without."""
    labels: list[style.EndLabel] = []
    noises = sorted(set(table["noise"]))
    noisy = [noise for noise in noises if noise > 0]
    tints = dict(zip(noisy, style.shades(style.PINK, len(noisy)), strict=True))
    for noise in noises:
        line = table[np.isclose(table["noise"], noise)].sort_values("update")
        words = "without" if noise < 0 else "with" if noise == 0 else f"noise {noise:g}"
        tint = PLAIN if noise < 0 else NORMED if noise == 0 else tints[noise]
        ax.plot(line["update"], line[column], color=tint, marker=marker, markersize=4)
        end = line.iloc[-1]
        labels.append((float(end["update"]), float(end[column]), words, tint))
    ax.set_ylim(0, 1.1 * float(table[column].max()) if marker else None)
    ax.set_xlim(-3, 1.35 * float(table["update"].max()))
    style.end_labels(ax, labels, gap=12.0)


def _summary(ratios: pd.DataFrame, depth: int) -> str:
    """Say how much more curved the path is without, and how much faster with, over datasets."""
    surface = ratios[(ratios["measure"] == "curvature") & (ratios["depth"] == str(depth))]
    curved, faster = _by_noise(surface), _by_noise(ratios[ratios["measure"] == "speed"])
    most = max(faster, key=float)
    noisy = most in curved and float(most) > 0
    return (
        f"Without batch normalisation the path is {curved['0']} times as curved as with it"
        + (f" ({curved[most]} with noise of {most})" if noisy else "")
        + f"; with it training is {faster['0']} times as fast"
        + (f" ({faster[most]})" if noisy else "")
    )


def _by_noise(ratios: pd.DataFrame) -> dict[str, str]:
    noises = sorted(set(ratios["noise"]), key=float)
    return {noise: _range(ratios.loc[ratios["noise"] == noise, "ratio"]) for noise in noises}


def _range(values: "pd.Series[float]") -> str:
    low, high = f"{values.min():.1f}", f"{values.max():.1f}"
    return low if low == high else f"{low} to {high}"
