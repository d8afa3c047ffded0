"""Figure of claim 3.1.1: features of unequal scale."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.surfaces.valleys import Ellipse

WINDOW = 10.5
MARKERS = ("o", "s", "^")
SPREAD = 10.0


@figure("3.1.1")
def feature_scale(evidence: Evidence) -> Figure:
    """Above: the bowl of two features, before and after. Below: κ and updates by the spread."""
    tables = evidence.tables
    drawing, axes = style.canvas(2, 2, height=6.6, height_ratios=[1.15, 1.0])
    for ax, (ratio, path) in zip(
        axes[0], tables["paths"].groupby("ratio", sort=False), strict=True
    ):
        _bowl(ax, float(str(ratio)), path)
    curvature, given = (
        tables[name][tables[name]["draw"] == "first"] for name in ("curvature", "updates")
    )
    _lines(axes[1, 0], curvature.assign(arm=""), "condition")
    axes[1, 0].set_ylabel("κ of the Hessian")
    axes[1, 0].set_title("How uneven the surface is")
    _lines(axes[1, 1], given.assign(arm=given["optimizer"]), "updates")
    axes[1, 1].set_ylabel("Updates to the target")
    axes[1, 1].set_title("How long training takes")
    for ax in axes[1]:
        ax.set_xlabel("Largest scale of a feature over the smallest")
    style.headline(
        drawing,
        _summary(curvature, given),
        "Above: descent at the best rate on the bowl of a regression on two features, with the "
        "updates until a tenth of the distance is left. Below: "
        "softmax regression on 8 features, medians and range of seeds, each of which draws which "
        "feature gets which scale; the target is 90 % of the way from guessing to the least loss.",
    )
    return drawing


def _bowl(ax: Axes, ratio: float, path: pd.DataFrame) -> None:
    import torch

    bowl = Ellipse(condition=ratio**2)
    axis = np.linspace(-WINDOW, WINDOW, 161)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    heights = bowl.value(torch.from_numpy(grid)).numpy()
    ax.contourf(
        axis, axis, heights, levels=heights.max() * np.linspace(0, 1, 11) ** 2, cmap=style.SURFACE
    )
    tint = style.ORANGE if ratio > 1 else style.BLUE
    ax.plot(path["x"], path["y"], color=tint, linewidth=1.3, marker="o", markersize=3)
    ax.plot(0, 0, marker="*", markersize=11, color=style.INK)
    near = np.hypot(path["x"], path["y"]) <= 0.1 * np.hypot(path["x"].iloc[0], path["y"].iloc[0])
    came = int(path.loc[near, "update"].min())
    words = "1 update" if came == 1 else f"{came} updates"
    style.halo(
        ax.text(
            *(0.04, 0.05),
            words,
            transform=ax.transAxes,
            color=tint,
            fontweight="bold",
        )
    )
    before = f"Scales 1 and {ratio:g}: κ = {ratio**2:g}"
    ax.set_title(before if ratio > 1 else "Both standardised: κ = 1")
    ax.set_xlabel("Weight of feature 1")
    ax.set_ylabel("Weight of feature 2")
    ax.set_aspect("equal")
    ax.grid(visible=False)


def _lines(ax: Axes, table: pd.DataFrame, column: str) -> None:
    """Draw medians over seeds with their range against the spread, a line an arm and dataset."""
    ends = []
    for marker, (dataset, part) in zip(MARKERS, table.groupby("dataset"), strict=False):
        name = style.display_name(str(dataset).partition("_")[0])
        for arm, points in part.groupby("arm"):
            tint = style.color(str(arm)) if arm else style.color(str(dataset).partition("_")[0])
            values = points.groupby("spread")[column]
            middle = values.median()
            ax.fill_between(middle.index, values.min(), values.max(), color=tint, alpha=0.15)
            ax.plot(middle.index, middle, marker=marker, markersize=4.5, color=tint)
            label = f"{style.display_name(str(arm))}, {name}" if arm else name
            ends.append((float(middle.index[-1]), float(middle.iloc[-1]), label, tint))
    spreads = sorted(table["spread"].unique())
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.85 * spreads[0], spreads[-1] * 6)
    ax.set_xticks(spreads)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(ScalarFormatter())
    style.end_labels(ax, ends, gap=10, fontsize=7.5)


def _summary(curvature: pd.DataFrame, given: pd.DataFrame) -> str:
    """Say by which factors κ and the updates of each optimizer grow at a tenfold spread."""
    spans = [f"κ by {_span(curvature, 'condition')}"]
    for optimizer, part in sorted(given.groupby("optimizer"), reverse=True):
        spans.append(
            f"the updates of {style.display_name(str(optimizer))} by {_span(part, 'updates')}"
        )
    return f"Scales spread tenfold multiply {', '.join(spans[:-1])} and {spans[-1]}"


def _span(table: pd.DataFrame, column: str) -> str:
    means = np.log(table.set_index(["spread", "dataset"])[column])
    by_place = means.groupby(["spread", "dataset"]).mean()
    gain = np.exp(by_place[SPREAD] - by_place[1.0])
    low, high = f"{gain.min():.2g}", f"{gain.max():.2g}"
    return f"×{low}" if low == high else f"×{low}–{high}"
