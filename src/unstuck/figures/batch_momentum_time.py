"""Figures of section 1.2: time of an update and of an epoch, by batch size."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

TINTS = {"thread": style.BLUE, "parallel": style.ORANGE}
CLAIMED = 1000


@figure("1.2.3")
def update_time(evidence: Evidence) -> Figure:
    """Time of an update against batch size, with the fit a + bB and its knee."""
    times, knees = evidence.tables["times"], evidence.tables["knees"]
    drawing, axes = style.canvas(height=4.4)
    ax = axes[0, 0]
    seconds = times.assign(value=1e3 * times["seconds"])
    _claimed(ax, "claimed to be flat up to here")
    ends = _lines(ax, seconds)
    for row in style.records(knees):
        _knee(ax, row)
    ax.set_xlabel("Batch size (samples an update)")
    ax.set_ylabel("Time of an update (ms)")
    style.headline(
        drawing,
        _slowdown(times),
        "Dot: median of one round. Line: fit a + bB. Diamond: its knee a/b, where the samples "
        f"cost as much as all the rest, with its 95 % interval.{_without_gpu(times)}",
    )
    style.end_labels(ax, ends)
    return drawing


@figure("1.2.4")
def epoch_time(evidence: Evidence) -> Figure:
    """Time of an epoch against batch size."""
    epochs = evidence.tables["epochs"]
    drawing, axes = style.canvas(height=4.2)
    ax = axes[0, 0]
    _claimed(ax, "")
    ends = _lines(ax, epochs.assign(value=epochs["epoch"]), fitted=False)
    samples = int(epochs["samples"].iloc[0])
    ax.set_xlabel("Batch size (samples an update)")
    ax.set_ylabel(f"Time of an epoch of {samples:,} samples (s)")
    style.headline(
        drawing,
        _speedup(epochs),
        "Dot: one round, the updates of an epoch times the median time of one. Line: median of "
        f"all.{_without_gpu(epochs)}",
    )
    style.end_labels(ax, ends)
    return drawing


def _lines(ax: Axes, table: pd.DataFrame, fitted: bool = True) -> list[style.EndLabel]:
    """Draw the rounds of each processor; give what to call each line's end."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    ends: list[style.EndLabel] = []
    for hardware, part in table.groupby("hardware", sort=True):
        tint = TINTS[str(hardware)]
        middle = part.groupby("batch_size")["value"].median()
        ax.plot(
            part["batch_size"],
            part["value"],
            linestyle="none",
            marker="o",
            markersize=3,
            markeredgewidth=0,
            color=tint,
            alpha=0.4,
        )
        if not fitted:
            ax.plot(middle.index, middle, color=tint)
        name = f"{part['processor'].iloc[0]}, {_threads(int(part['threads'].iloc[0]))}"
        if part["busy"].any():
            name += "\n(machine busy:\nnot counted)"
        ends.append((float(middle.index[-1]), float(middle.iloc[-1]), name, tint))
    # room for the names at the right ends
    ax.set_xlim(0.8, 8 * float(table["batch_size"].max()))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    return ends


def _without_gpu(table: pd.DataFrame) -> str:
    return " No GPU was timed." if (table["processor"] == "CPU").all() else ""


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"


def _knee(ax: Axes, row: dict[str, Any]) -> None:
    tint = TINTS[str(row["hardware"])]
    sizes = np.geomspace(1, ax.get_xlim()[1] / 8, 100)
    ax.plot(sizes, 1e3 * (row["fixed_seconds"] + row["seconds_per_sample"] * sizes), color=tint)
    height = 1e3 * (row["fixed_seconds"] + row["seconds_per_sample"] * row["knee"])
    ax.plot(
        [row["knee_low"], row["knee_high"]], [height, height], color=tint, linewidth=5, alpha=0.3
    )
    ax.plot(row["knee"], height, marker="D", markersize=8, color=tint, markeredgecolor=style.PAPER)
    label = ax.annotate(
        f"knee {row['knee']:.0f}",
        (row["knee"], height),
        xytext=(0, 9) if row["hardware"] == "thread" else (0, -16),
        textcoords="offset points",
        ha="right" if row["hardware"] == "thread" else "left",
        color=tint,
        fontweight="bold",
    )
    style.halo(label)


def _claimed(ax: Axes, words: str) -> None:
    ax.axvline(CLAIMED, color=style.FAINT, linewidth=1.2)
    if words:
        label = ax.text(
            *(CLAIMED, 0.03),
            f" {words}",
            transform=ax.get_xaxis_transform(),
            color=style.QUIET,
            ha="right",
        )
        style.halo(label)


def _ratios(table: pd.DataFrame, column: str, treated: int, reference: int) -> dict[str, float]:
    """Give the ratio of two batch sizes' medians, by processor in words."""
    medians = table.groupby(["hardware", "batch_size"])[column].median()
    return {
        str(hardware): float(medians[hardware, treated] / medians[hardware, reference])
        for hardware in sorted(set(table[~table["busy"]]["hardware"]), reverse=True)
    }


def _times(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _words(table: pd.DataFrame, hardware: str) -> str:
    row = table[table["hardware"] == hardware].iloc[0]
    return (
        f"on {_threads(int(row['threads']))} of a CPU"
        if row["processor"] == "CPU"
        else (f"on {row['processor']}")
    )


def _slowdown(times: pd.DataFrame) -> str:
    small = int(times["batch_size"].min())
    ratios = _ratios(times, "seconds", CLAIMED, small)
    return (
        f"Beside an update of {_samples(small)}, one of {_samples(CLAIMED)} takes "
        + " and ".join(
            f"{_times(ratio)} times as long {_words(times, name)}" for name, ratio in ratios.items()
        )
    )


def _speedup(epochs: pd.DataFrame) -> str:
    small = int(epochs["batch_size"].min())
    ratios = _ratios(epochs, "epoch", small, CLAIMED)
    return f"Beside batches of {CLAIMED:,}, an epoch in batches of {small:,} takes " + " and ".join(
        f"{_times(ratio)} times as long {_words(epochs, name)}" for name, ratio in ratios.items()
    )


def _samples(number: int) -> str:
    return f"{number:,} sample{'' if number == 1 else 's'}"
