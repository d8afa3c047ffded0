"""Figure of claim 3.1.5: accuracy with running averages of short and long memory."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

USUAL = 0.9
MARGIN = 1.0
KINDS = {"population": ("all samples", style.INK), "batch": ("own batch", style.GREEN)}


@figure("3.1.5")
def inference(evidence: Evidence) -> Figure:
    """Accuracy against updates by kind of statistics, above; what is missing at the end, below."""
    curves, gaps = evidence.tables["curves"], evidence.tables["gaps"]
    datasets = list(dict.fromkeys(curves["dataset"]))
    sizes = sorted(set(curves["batch_size"]))
    shown = int(sizes[len(sizes) // 2])
    drawing, axes = style.canvas(2, len(datasets), height=6.2, height_ratios=[1.5, 1.0])
    momenta = sorted(set(gaps["momentum"]))
    tints = dict(zip(momenta, style.shades(style.ORANGE, len(momenta)), strict=True))
    last = int(evidence.numbers["updates"])
    # before the lines, whose labels are spread over the room that it leaves
    style.headline(
        drawing,
        _summary(gaps, curves, last),
        "p is the weight of the old average at each update; torch calls 1 − p the momentum. Grey "
        "band: one point to each side.",
    )
    for column, dataset in enumerate(datasets):
        here = curves[(curves["dataset"] == dataset) & (curves["batch_size"] == shown)]
        _curves(axes[0, column], here, tints)
        axes[0, column].set_title(f"{style.display_name(str(dataset))}, batches of {shown}")
        ends = gaps[(gaps["dataset"] == dataset) & (gaps["update"] == last)]
        _gaps(axes[1, column], ends, sizes, tints)
        axes[1, column].set_title(f"After {last} updates")
    axes[0, 0].set_ylabel("Test accuracy (%)")
    axes[1, 0].set_ylabel("Above all samples'\nstatistics (points)")
    return drawing


def _curves(ax: Axes, table: pd.DataFrame, tints: dict[float, str]) -> None:
    labels: list[style.EndLabel] = []
    lines = [("running", p, f"p = {p:g}", tint) for p, tint in tints.items()]
    lines += [(kind, -1.0, words, tint) for kind, (words, tint) in KINDS.items()]
    for kind, momentum, words, tint in lines:
        line = table[(table["kind"] == kind) & np.isclose(table["momentum"], momentum)]
        line = line.sort_values("update")
        dashes = "--" if kind == "batch" else "-"
        ax.plot(line["update"], line["points"], color=tint, linestyle=dashes)
        end = line.iloc[-1]
        labels.append((float(end["update"]), float(end["points"]), words, tint))
    ax.set_xscale("log")
    updates = sorted(set(table["update"]))
    ax.set_xlim(updates[0], updates[-1] * 4)
    ax.set_xticks(updates, [str(update) for update in updates])
    ax.set_xlabel("Updates made")
    ax.set_ylim(top=1.14 * max(value for _, value, *_ in labels))
    style.end_labels(ax, labels, gap=12.0)


def _gaps(ax: Axes, table: pd.DataFrame, sizes: list[int], tints: dict[float, str]) -> None:
    ax.axhspan(-MARGIN, MARGIN, color=style.GRID, zorder=0)
    ax.axhline(0, color=style.FAINT, linewidth=1)
    lowest = float(table["low"].min())
    for number, (momentum, tint) in enumerate(tints.items()):
        part = table[np.isclose(table["momentum"], momentum)].sort_values("batch_size")
        x = np.arange(len(sizes)) + 0.16 * (number - (len(tints) - 1) / 2)
        ax.vlines(x, part["low"], part["high"], color=tint, linewidth=2.2)
        ax.plot(x, part["gap"], linestyle="none", marker="o", markersize=5, color=tint)
    ax.set_ylim(lowest - 0.8, max(MARGIN * 1.6, float(table["high"].max()) + 0.4))
    ax.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    ax.set_xlabel("Batch size in training (samples)")
    ax.grid(axis="x", visible=False)


def _summary(gaps: pd.DataFrame, curves: pd.DataFrame, last: int) -> str:
    """Say how far the averages are at the end, and which way small test batches' own are off."""
    end = gaps[gaps["update"] == last]
    usual = end[np.isclose(end["momentum"], USUAL)]["gap"].abs().max()
    slow = float(end["momentum"].max())
    worst = end[np.isclose(end["momentum"], slow)]["gap"].min()
    return (
        f"After {last} updates averages with p = {USUAL:g} come within {usual:.1f} points of the "
        f"statistics of all samples, with p = {slow:g} up to {abs(worst):.0f} points "
        f"{'short' if worst < 0 else 'above'}; {_of_batches(curves, last)}"
    )


def _of_batches(curves: pd.DataFrame, last: int) -> str:
    """Say what the usual average has over a small test batch's own statistics, by dataset."""
    size = int(curves["batch_size"].min())
    end = curves[(curves["update"] == last) & (curves["batch_size"] == size)]
    usual = (end["kind"] == "running") & np.isclose(end["momentum"], USUAL)
    running, own = (
        part.set_index("dataset")["points"] for part in (end[usual], end[end["kind"] == "batch"])
    )
    parts = [
        f"{abs(points):.1f} points {'better' if points > 0 else 'worse'} on "
        f"{style.display_name(str(dataset))}"
        for dataset, points in (running - own).items()
    ]
    return (
        f"against a test batch's own, in batches of {size}, p = {USUAL:g} is {' and '.join(parts)}"
    )
