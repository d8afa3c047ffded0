"""The figure of claim 1.1.6: the minimum ratio at endpoints and on the ladder, and its audit."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

MATRICES = {
    "hessian": "Hessian",
    "gauss_newton": "Gauss-Newton",
    "hessian_blocks": "Hessian\nby layer",
    "blocks": "Gauss-Newton\nby layer",
    "few_samples": "Gauss-Newton,\n16 samples",
}
FORMATS = {"float32": style.PINK, "float64": style.INK}
ALL, NONZERO = "minimum_ratio", "nonzero_ratio"


@figure("1.1.6")
def minimum_ratio(evidence: Evidence) -> Figure:
    """Above: share of positive eigenvalues against loss. Below: that of endpoints, audited."""
    endpoints, audit = evidence.tables["endpoints"], evidence.tables["audit"]
    ladder = evidence.tables["ladder"]
    datasets = list(dict.fromkeys(endpoints["dataset"]))
    audited = [name for name in datasets if name in set(audit["dataset"])]
    matrices = [name for name in MATRICES if name in set(audit["matrix"])]
    drawing = style.blank(5.9 + 1.45 * len(audited))
    rows = GridSpec(3, 1, figure=drawing, height_ratios=[2.1, 2.0, 1.5 * len(audited)])
    above = rows[0].subgridspec(1, len(datasets)).subplots(sharey=True, squeeze=False)
    places = list(dict.fromkeys(ladder["dataset"]))
    middle = rows[1].subgridspec(1, len(places)).subplots(sharey=True, squeeze=False)
    for ax, dataset in zip(middle[0], places, strict=True):
        _ladder(ax, ladder[ladder["dataset"] == dataset], dataset)
    _share_axis(middle[0, 0], floor=np.floor(10 * ladder[ALL].min()) / 10 - 0.1)
    middle[0, 0].set_ylabel("Share of eigenvalues\nthat are positive")
    below = rows[2].subgridspec(len(audited), len(matrices))
    for ax, dataset in zip(above[0], datasets, strict=True):
        _scatter(ax, endpoints[endpoints["dataset"] == dataset], dataset)
    _share_axis(above[0, 0], floor=np.floor(10 * endpoints[ALL].min()) / 10 - 0.1)
    above[0, 0].set_ylabel("Share of eigenvalues\nthat are positive")
    for row, dataset in enumerate(audited):
        for column, matrix in enumerate(matrices):
            ax = drawing.add_subplot(below[row, column])
            part = audit[(audit["dataset"] == dataset) & (audit["matrix"] == matrix)]
            _audit(ax, part, named=row == 0 and column == 0, last=row == len(audited) - 1)
            ax.set_title(MATRICES[matrix] if row == 0 else "")
            ax.set_ylabel(f"{style.display_name(dataset)}\nshare" if column == 0 else "")
            if column:
                ax.set_yticklabels([])
    drawing.supxlabel("Tolerance, as a share of the largest absolute eigenvalue", fontsize=9)
    style.headline(
        drawing,
        _summary(endpoints),
        "Above: every endpoint. Middle: the ladder's certified critical points, a line a ladder. "
        "Below: endpoints, counted with other matrices, number formats and tolerances; the "
        "matrix of 16 samples has a low rank, so that most of its signs are rounding. Where "
        "float32 is not seen it lies beneath float64.",
    )
    return drawing


def _scatter(ax: Axes, endpoints: pd.DataFrame, dataset: str) -> None:
    """Draw both shares over the loss: of all eigenvalues, and of those clearly not zero."""
    tint = style.color(dataset)
    for column, face, words, y in (
        (NONZERO, style.PAPER, "○ of those clearly not zero", 0.94),
        (ALL, tint, "● of all eigenvalues", 0.84),
    ):
        ax.plot(
            endpoints["train_loss"],
            endpoints[column],
            linestyle="none",
            marker="o",
            markersize=3.6,
            markerfacecolor=face,
            markeredgecolor=tint,
            markeredgewidth=0.7,
            alpha=0.75,
        )
        label = ax.text(
            *(0.98, y, words),
            transform=ax.transAxes,
            ha="right",
            va="center",
            color=tint,
            fontsize=8.5,
        )
        style.halo(label)
    low, high = endpoints["train_loss"].min(), endpoints["train_loss"].max()
    if high > 4 * low:
        ax.set_xscale("log")
        subs = (1.0,) if high > 60 * low else (1.0, 2.0, 5.0)
        ax.xaxis.set_major_locator(LogLocator(subs=subs))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Training loss at the endpoint")
    ax.set_title(style.display_name(dataset))


def _ladder(ax: Axes, ladder: pd.DataFrame, dataset: str) -> None:
    """Draw the rungs of the widest network, from the saddle without units to the minimum."""
    widest = ladder[ladder["width"] == ladder["width"].max()]
    tint = style.color(dataset)
    for _, rungs in widest.groupby("seed"):
        ordered = rungs.sort_values("rung")
        ax.plot(
            ordered["train_loss"],
            ordered[ALL],
            color=tint,
            linewidth=0.8,
            marker="o",
            markersize=3.2,
            markeredgewidth=0,
            alpha=0.75,
        )
    first, last = (widest[widest["rung"] == end] for end in (0, widest["rung"].max()))
    for part, words, offset, align in (
        (last, "minima", (28, 4), "left"),
        (first, "no unit in use", (0, -6), "right"),
    ):
        if part.empty:
            continue
        label = ax.annotate(
            words,
            (float(part["train_loss"].mean()), float(part[ALL].min())),
            xytext=offset,
            textcoords="offset points",
            ha=align,
            va="top",
            color=tint,
            fontsize=8.5,
            fontweight="bold",
        )
        style.halo(label)
    ax.set_xlabel("Loss at the critical point")
    name = style.dataset_name(dataset)
    ax.set_title(f"{name}: ladder of {widest['width'].iloc[0]} units")


def _audit(ax: Axes, audit: pd.DataFrame, *, named: bool, last: bool) -> None:
    """Draw the share over tolerances, which stand side by side whatever their distance."""
    tolerances = sorted(audit["tolerance"].unique())
    x = np.arange(len(tolerances))
    means = audit.groupby(["dtype", "tolerance"])["minimum_ratio"].mean()
    lines = {dtype: means[dtype].reindex(tolerances) for dtype in FORMATS if dtype in means}
    if len(lines) == len(FORMATS):
        ax.fill_between(x, *lines.values(), color=FORMATS["float32"], alpha=0.2, linewidth=0)
    for dtype, line in lines.items():
        ax.plot(x, line, color=FORMATS[dtype], marker="o", markersize=2.5)
        if named:
            # the labels stand above the lines, or below where there is no room
            high = float(line.max()) > 0.6
            offset = (-16 if high else 38) if dtype == "float32" else (-27 if high else 27)
            label = ax.annotate(
                dtype,
                (x[-1], line.iloc[-1]),
                xytext=(0, offset),
                textcoords="offset points",
                ha="right",
                color=FORMATS[dtype],
                fontsize=8.5,
                fontweight="bold",
            )
            style.halo(label)
    _share_axis(ax)
    every = max(1, -(-len(x) // 4))
    # the place beside 0 has no room for a label of its own
    shown = sorted({0, *range(len(x) - 1, 1, -every)})
    ax.set_xticks(shown, [_power(tolerances[i]) if last else "" for i in shown])


def _share_axis(ax: Axes, floor: float = 0.0) -> None:
    ax.set_ylim(max(0.0, floor), 1.03)
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))


def _power(tolerance: float) -> str:
    """Write a tolerance as 0 or as a power of ten."""
    return "0" if tolerance == 0 else f"$10^{{{round(np.log10(tolerance))}}}$"


def _summary(endpoints: pd.DataFrame) -> str:
    """Say the median share of positive eigenvalues, counted both ways."""
    share = 100 * endpoints["minimum_ratio"].median()
    told = 100 * endpoints["nonzero_ratio"].median()
    return (
        f"At endpoints {share:.0f} % of the eigenvalues are positive, "
        f"{told:.0f} % of those clearly not zero"
    )
