"""The figure of claim 2.1.12: the whole factorial at one look."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

FACTORS = {
    "batch": "batch size",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "batchnorm": "batch norm",
}
# under a heat map there is room for a syllable
SCHEDULES = {
    "constant": "const",
    "cosine": "cos",
    "warmup_cosine": "warm",
    "inverse_sqrt": "1/√t",
    "transformer": "transf",
}
CELL = 0.19  # inches a row of a heat map
LEAST = 0.72  # inches that the name beside a heat map takes
ROW = 0.165  # inches a level


@figure("2.1.12")
def grid(evidence: Evidence) -> Figure:
    """Above: heat maps of accuracy over batch and schedule. Below: main effects."""
    cells, effects, best = (evidence.tables[name] for name in ("cells", "effects", "best"))
    datasets = list(dict.fromkeys(cells["dataset"]))
    order = _order(cells, best)
    height = 0.55 + len(order.norms) * max(CELL * len(order.batches) + 0.1, LEAST)
    heights = [height] * len(datasets)
    heights.append(
        0.75 + ROW * (max(effects.groupby("dataset").size(), default=0) + 2 * len(FACTORS))
    )
    drawing = style.blank(height=1.0 + sum(heights))
    rows = GridSpec(len(heights), 1, figure=drawing, height_ratios=heights)
    for row, dataset in enumerate(datasets):
        _heat_maps(
            rows[row].subgridspec(len(order.norms), len(order.optimizers)).subplots(squeeze=False),
            cells[cells["dataset"] == dataset],
            best[best["dataset"] == dataset],
            order,
        )
    below = rows[-1].subgridspec(1, len(datasets)).subplots(sharex=True, sharey=True, squeeze=False)
    for ax, dataset in zip(below[0], datasets, strict=True):
        _main_effects(ax, effects[effects["dataset"] == dataset], dataset)
    style.headline(
        drawing,
        _summary(effects),
        "Above: test accuracy (%) of every cell, rate tuned, by batch size (rows) and schedule "
        "(columns); framed: each optimizer's best by validation. Below: each level less "
        "the mean of all levels, with 95 % interval.",
    )
    return drawing


@dataclass(frozen=True)
class _Order:
    """In which order things stand."""

    optimizers: list[str]
    batches: list[str]
    norms: list[str]


def _order(cells: pd.DataFrame, best: pd.DataFrame) -> _Order:
    """Order optimizers by their best cells, best first, and batches by their size."""
    ranking = best.groupby("optimizer")["test_accuracy"].mean()
    return _Order(
        optimizers=list(ranking.sort_values(ascending=False, kind="stable").index),
        batches=list(cells.sort_values("batch_size", kind="stable")["batch"].drop_duplicates()),
        norms=sorted(cells["batchnorm"].unique(), reverse=True),
    )


def _heat_maps(
    axes: NDArray[np.object_], cells: pd.DataFrame, best: pd.DataFrame, order: _Order
) -> None:
    """Draw a dataset's heat maps: a column for each optimizer, a row for each batchnorm."""
    schedules = sorted(cells["schedule"].unique())
    # a cell that hardly learnt would leave no colours for all others
    low, high = np.percentile(cells["test_accuracy"], [10, 100])
    for column, optimizer in enumerate(order.optimizers):
        chosen = style.records(best[best["optimizer"] == optimizer])[0]
        for row, norm in enumerate(order.norms):
            ax = axes[row, column]
            map_ = cells[(cells["optimizer"] == optimizer) & (cells["batchnorm"] == norm)]
            table = map_.pivot(index="batch", columns="schedule", values="test_accuracy")
            table = table.reindex(index=order.batches, columns=schedules)
            sns.heatmap(
                table,
                ax=ax,
                cmap=style.SEQUENTIAL,
                vmin=low,
                vmax=max(high, low + 1e-9),
                cbar=False,
                annot=True,
                fmt=".1f",
                annot_kws={"fontsize": 6.5},
                linewidths=0.6,
                linecolor=style.PAPER,
            )
            _axes_words(ax, first=column == 0, last=row == len(order.norms) - 1, norm=norm)
            if chosen["batchnorm"] == norm:
                place = schedules.index(chosen["schedule"]), order.batches.index(chosen["batch"])
                frame = Rectangle(place, 1, 1, fill=False, linewidth=1.8, clip_on=False, zorder=3)
                frame.set_edgecolor(style.ORANGE)
                ax.add_patch(frame)
        axes[0, column].set_title(
            f"{style.display_name(optimizer)}\n"
            f"{chosen['test_accuracy']:.1f} [{chosen['ci_low']:.1f}, {chosen['ci_high']:.1f}]",
            fontsize=7.5,
            fontweight="normal",
            linespacing=1.3,
            pad=3,
        )
    axes[0, 0].annotate(
        style.display_name(str(cells["dataset"].iloc[0])),
        (0, 1),
        xycoords="axes fraction",
        xytext=(-26, 32),
        textcoords="offset points",
        fontsize=9.5,
        fontweight="bold",
    )


def _axes_words(ax: Axes, *, first: bool, last: bool, norm: str) -> None:
    """Name batches and schedules at the left and lower edge alone."""
    ax.set_xlabel("")
    ax.set_ylabel(f"norm {norm}" if first else "", fontsize=7.5)
    ax.tick_params(length=0, labelsize=7, pad=2)
    ax.set_yticklabels(ax.get_yticklabels() if first else [], rotation=0)
    names = [SCHEDULES.get(label.get_text(), label.get_text()) for label in ax.get_xticklabels()]
    ax.set_xticklabels(names if last else [], rotation=0, fontsize=6.5)


def _main_effects(ax: Axes, effects: pd.DataFrame, dataset: str) -> None:
    """Draw levels downwards, factor by factor."""
    height = 0.0
    ticks: list[float] = []
    labels: list[str] = []
    tint = style.color(dataset)
    ax.axvline(0, color=style.QUIET, linewidth=0.8)
    for factor, words in FACTORS.items():
        rows = style.records(effects[effects["factor"] == factor])
        ticks.append(height)
        labels.append(words)
        for row in rows:
            height += 1
            ax.plot([row["ci_low"], row["ci_high"]], [height, height], color=tint)
            ax.plot(row["effect"], height, marker="o", markersize=4, color=tint)
            ticks.append(height)
            labels.append(style.display_name(str(row["level"])))
        height += 1.6
    ax.set_yticks(ticks, labels, fontsize=7.5)
    for label in ax.get_yticklabels():
        if label.get_text() in FACTORS.values():
            label.set_fontweight("bold")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(height - 0.9, -0.7)
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set_xlabel("Main effect on test accuracy (points)")
    ax.set_title(style.display_name(dataset))


def _summary(effects: pd.DataFrame) -> str:
    """Say which factor moves accuracy most and which least, by the mean range over datasets."""
    if effects.empty:
        return "No factor has enough combinations with a rate inside its grid"
    spans = effects.groupby(["factor", "dataset"])["effect"].agg(np.ptp).groupby("factor").mean()
    most, least = str(spans.idxmax()), str(spans.idxmin())
    return (
        f"{FACTORS[most].capitalize()} moves accuracy most, by {spans[most]:.1f} points from worst "
        f"to best level; {FACTORS[least]} least, by {spans[least]:.1f} (mean of the datasets)"
    )
