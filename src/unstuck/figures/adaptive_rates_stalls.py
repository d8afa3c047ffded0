"""Figures of claims 2.1.1 and 2.1.2: the gradient where training has stalled."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import PercentFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.figures.stalled import RUNS

KINDS = {
    "oscillating": style.ORANGE,
    "noise floor": style.SKY,
    "saddle": style.PINK,
    "flat": style.FAINT,
    "none of these": style.SLATE,
}
DARK = ("oscillating", "saddle", "none of these")
LOSS, GRADIENT = style.SLATE, style.BLUE
SAME, CUT = style.ORANGE, style.GREEN
FITS = 0.06  # share of a bar that its number needs
LARGE = 0.1


@figure("2.1.1")
def stuck_not_flat(evidence: Evidence) -> Figure:
    """Above: the course of training, and going on. Below: large gradients, and kinds of plateau."""
    tables = evidence.tables
    drawing = style.blank(height=6.4)
    grid = GridSpec(2, 2, figure=drawing, width_ratios=[1.0, 1.0], height_ratios=[1.0, 1.0])
    course, after, shares, kinds = (
        drawing.add_subplot(grid[row, column]) for row in range(2) for column in range(2)
    )
    example = _example(tables["shares"], tables["after"])
    _course(course, tables["training"], example)
    _going_on(after, tables["after"], example)
    _large(shares, tables["shares"])
    _kinds(kinds, tables["kinds"])
    style.headline(
        drawing,
        _summary(tables["shares"], evidence),
        "Above: medians (left) and means (right) over the stalled runs named there. Below left: "
        "runs whose full gradient exceeds a tenth of the initial one (line: 95 % interval). Below "
        "right: runs at a constant rate.",
    )
    return drawing


def _example(shares: pd.DataFrame, after: pd.DataFrame) -> tuple[str, str]:
    """Choose the runs at a constant rate whose gradient is largest where they stalled."""
    gone_on = set(zip(after["run"], after["dataset"], strict=True))
    held = [
        row for row in style.records(shares) if (str(row["run"]), str(row["dataset"])) in gone_on
    ]
    best = max(held, key=lambda row: float(row["median_ratio"]))
    return str(best["run"]), str(best["dataset"])


def _course(ax: Axes, training: pd.DataFrame, example: tuple[str, str]) -> None:
    line = _of(training, example)
    ends = []
    for column, name, tint in (("gradient", "gradient", GRADIENT), ("loss", "loss", LOSS)):
        ax.plot(line["update"], line[column], color=tint)
        ends.append((float(line["update"].iloc[-1]), float(line[column].iloc[-1]), name, tint))
    ax.axhline(LARGE, color=style.FAINT, linewidth=1.2)
    end = float(line["update"].iloc[-1])
    ax.text(0.98 * end, LARGE, "a tenth", color=style.QUIET, va="bottom", ha="right", fontsize=8)
    ax.set_ylim(0, None)
    ax.set_xlim(0, float(line["update"].iloc[-1]))
    ax.set_xlabel("Update")
    ax.set_ylabel("Share of the initial value")
    ax.set_title(f"Training: {_title(example)}")
    style.end_labels(ax, ends)


def _going_on(ax: Axes, after: pd.DataFrame, example: tuple[str, str]) -> None:
    lines = _of(after, example)
    ends = []
    for arm, name, tint in (("same", "same rate", SAME), ("cut", "rate ÷ 10", CUT)):
        line = lines[lines["arm"] == arm]
        ax.plot(line["update"], line["change"], color=tint, marker="o", markersize=3)
        ends.append((float(line["update"].iloc[-1]), float(line["change"].iloc[-1]), name, tint))
    ax.axhline(0, color=style.FAINT, linewidth=1.2, zorder=0.5)
    ax.set_xlabel("Updates since it stalled")
    ax.set_ylabel("Change of the loss (%)")
    ax.set_title("Going on from there")
    style.end_labels(ax, ends)


def _large(ax: Axes, shares: pd.DataFrame) -> None:
    """Draw a row for each way of training, with its datasets below each other."""
    runs = [run for run in RUNS if (shares["run"] == run).any()]
    named: set[str] = set()
    for height, run in enumerate(runs):
        part = style.records(shares[shares["run"] == run].sort_values("dataset"))
        for index, row in enumerate(part):
            place = height + 0.36 * (index - 0.5 * (len(part) - 1))
            name = style.dataset_name(str(row["dataset"]))
            tint = style.color(str(row["dataset"]))
            ax.plot([row["low"], row["high"]], [place] * 2, color=tint, linewidth=1.6)
            ax.plot(row["share"], place, marker="o", markersize=4.5, color=tint, clip_on=False)
            count = f"{row['large']} of {row['stalled']}"
            label = count if name in named else f"{count}  {name}"
            named.add(name)
            ax.text(1.05, place, label, va="center", fontsize=8, color=tint)
    ax.axvline(0.5, color=style.INK, linewidth=0.9, linestyle=(0, (3, 2)), zorder=0.5)
    ax.set_yticks(range(len(runs)), [RUNS[run].replace(", ", ",\n") for run in runs])
    ax.set_ylim(len(runs) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xticks([0, 0.5, 1])
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("Stalled runs with a large gradient")
    ax.set_title("Is the gradient large?")


def _kinds(ax: Axes, kinds: pd.DataFrame) -> None:
    groups = _groups(kinds)
    for height, group in enumerate(groups):
        start = 0.0
        for row in style.records(_of(kinds, group)):
            kind, share = str(row["kind"]), float(row["count"]) / float(row["stalled"])
            ax.barh(height, share, left=start, height=0.5, color=KINDS[kind])
            if share >= FITS:
                tint = style.PAPER if kind in DARK else style.INK
                place = (start + 0.02, height)
                ax.text(*place, f"{row['count']}", va="center", fontsize=8, color=tint)
            start += share
    names = [f"{style.dataset_name(dataset)}\n{RUNS[run]}" for run, dataset in groups]
    ax.set_yticks(range(len(groups)), names)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1])
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(visible=False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("Share of stalled runs")
    present = [kind for kind in KINDS if kinds[kinds["kind"] == kind]["count"].sum()]
    handles = [ax.barh(0, 0, color=KINDS[kind], label=kind) for kind in present]
    ax.set_title("Why it stalled", pad=9 + 13 * -(-len(present) // 2))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2,
        fontsize=8,
        handlelength=0.9,
        handletextpad=0.4,
        columnspacing=1.0,
        borderpad=0,
        borderaxespad=0.3,
    )


def _groups(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Give the ways of training with the datasets of each."""
    present = set(zip(table["run"], table["dataset"], strict=True))
    return [
        (run, name)
        for run in RUNS
        for name in sorted(table["dataset"].unique())
        if (run, name) in present
    ]


def _of(table: pd.DataFrame, group: tuple[str, str]) -> pd.DataFrame:
    return table[(table["run"] == group[0]) & (table["dataset"] == group[1])]


def _title(group: tuple[str, str]) -> str:
    run, dataset = group
    return f"{style.dataset_name(dataset)}, {RUNS[run]}"


def _summary(shares: pd.DataFrame, evidence: Evidence) -> str:
    constant = shares[shares["run"].isin(("full", "small"))]
    annealed = shares[shares["run"] == "annealed"]
    grid = shares[shares["run"] == "grid"]
    text = (
        f"Of {constant['stalled'].sum()} runs that stalled at a constant rate, "
        f"{constant['large'].sum()} still had a large gradient"
    )
    if annealed["stalled"].sum():
        text += f"; of {annealed['stalled'].sum()} annealed to the end, {annealed['large'].sum()}"
    if grid["stalled"].sum():
        text += f"; of {grid['stalled'].sum()} annealed ones of the grid, {grid['large'].sum()}"
    saved = float(evidence.numbers["mean_saved_by_the_cut"])
    word = "saved" if saved > 0 else "cost"
    return f"{text}. Cutting the rate tenfold {word} {abs(saved):.1f} % of the loss"


@figure("2.1.2")
def stops_early(evidence: Evidence) -> Figure:
    """Left: gradient norms where runs stalled and at the minimum below. Right: loss left."""
    pairs = evidence.tables["pairs"]
    groups = _groups(pairs)
    drawing, axes = style.canvas(1, 2, height=4.8, width_ratios=[1.5, 1.0])
    _paired_norms(axes[0, 0], pairs, groups)
    _loss_left(axes[0, 1], pairs, groups)
    ratio = float((pairs["start_gradient_norm"] / pairs["minimum_gradient_norm"]).median())
    gap = float(pairs["gap"].median())
    power = "times" if ratio >= 10 else "times, no more,"
    style.headline(
        drawing,
        f"Where runs stalled, {gap:.1f} % of the loss was still to be had, and the gradient is "
        f"{_round(ratio)} {power} what float32 leaves of it at the minimum below",
        "Medians over all stalled runs. Each line is one: from where it stalled (black) to the "
        "minimum that descent leads to (colour), whose gradient is the rounding of float32.",
    )
    return drawing


def _round(ratio: float) -> str:
    """Give a ratio with one digit, in thousands and millions."""
    digits = 10.0 ** np.floor(np.log10(ratio)) if ratio > 0 else 1.0
    return f"{round(ratio / digits) * digits:,.0f}"


def _paired_norms(ax: Axes, pairs: pd.DataFrame, groups: list[tuple[str, str]]) -> None:
    for height, group in enumerate(groups):
        tint = style.color(group[1])
        rows = style.records(_of(pairs, group).sort_values("start_gradient_norm"))
        for index, row in enumerate(rows):
            place = height + 0.64 * ((index + 0.5) / len(rows) - 0.5)
            norms = [row["start_gradient_norm"], row["minimum_gradient_norm"]]
            ax.plot(norms, [place, place], color=tint, linewidth=0.8, alpha=0.6)
            ax.plot(norms[0], place, marker="o", markersize=2.8, color=style.INK)
            ax.plot(norms[1], place, marker="o", markersize=2.8, color=tint)
    ax.set_xscale("log")
    ax.set_yticks(
        range(len(groups)), [f"{style.dataset_name(d)}\n{RUNS[run]}" for run, d in groups]
    )
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("Gradient norm")
    ax.set_title("Before and after polishing")


def _loss_left(ax: Axes, pairs: pd.DataFrame, groups: list[tuple[str, str]]) -> None:
    rng = np.random.default_rng(0)
    for height, group in enumerate(groups):
        part = _of(pairs, group)
        places = height + rng.uniform(-0.25, 0.25, len(part))
        tint = style.color(group[1])
        ax.plot(part["gap"], places, linestyle="none", marker="o", markersize=3, color=tint)
        ax.plot([part["gap"].median()] * 2, [height - 0.34, height + 0.34], color=style.INK)
    ax.set_yticks(range(len(groups)), [""] * len(groups))
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlim(0, None)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("Loss above the minimum (%)")
    ax.set_title("What was left (bar: median)")
