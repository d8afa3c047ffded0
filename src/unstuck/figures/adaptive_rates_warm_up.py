"""The figure of claim 2.1.10: what a warm-up does to the largest stable rate, and σ early on."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure
from unstuck.wording import number

MARGIN = 2.0
REMEDIES = {
    ("adam", "short"): "Adam, over a tenth",
    ("adam", "long"): "Adam, over a third",
    ("adam", "formula"): "Adam, the Transformer's",
    ("adam", "radam"): "RAdam, no warm-up",
    ("sgd", "short"): "SGD, over a tenth",
    ("sgd", "long"): "SGD, over a third",
}
# arms of the curves: optimizer, schedule, label and tint
CURVES = {
    "Adam": (
        ("adam", "constant", "no warm-up", style.SLATE),
        ("adam", "warmup", "over a tenth", style.AMBER),
        ("adam", "long_warmup", "over a third", style.ORANGE),
        ("adam", "transformer", "the Transformer's", style.GREEN),
        ("radam", "constant", "RAdam", style.PINK),
    ),
    "SGD": (
        ("sgd", "constant", "no warm-up", style.SLATE),
        ("sgd", "warmup", "over a tenth", style.AMBER),
        ("sgd", "long_warmup", "over a third", style.ORANGE),
    ),
}
FORMULAS = {"Gaussian, exact": ("Gaussian", style.INK), "RAdam": ("RAdam's formula", style.PINK)}


@figure("2.1.10")
def warm_up(evidence: Evidence) -> Figure:
    """Above: shares of failed runs by rate. Below: the gain of each remedy, and the spread of σ."""
    failed, gains = evidence.tables["failed"], evidence.tables["gains"]
    datasets = list(dict.fromkeys(gains["dataset"]))
    drawing = style.blank(height=6.9)
    outer = GridSpec(2, 1, figure=drawing, height_ratios=[1.25, 1.0])
    above = outer[0].subgridspec(len(datasets), len(CURVES)).subplots(squeeze=False, sharey=True)
    for row, dataset in enumerate(datasets):
        for column, (name, arms) in enumerate(CURVES.items()):
            ax = above[row, column]
            _failures(ax, failed[failed["dataset"] == dataset], arms, named=row == 0)
            ax.set_title(f"{name}, {style.display_name(dataset)}")
            if row == len(datasets) - 1:
                ax.set_xlabel("Learning rate η after the warm-up")
        above[row, 0].set_ylabel("Failed runs (%)")
    below = outer[1].subgridspec(1, 2, width_ratios=[1.1, 1.0])
    _gains(drawing.add_subplot(below[0]), gains, datasets)
    _spread(drawing.add_subplot(below[1]), evidence.tables["spread"])
    factor = float(evidence.numbers["radam_largest_factor"])
    style.headline(
        drawing,
        checked(evidence, _words(gains)),
        "Networks of 8 narrow layers. Failed: diverged, or at chance after "
        f"{evidence.numbers['updates']} updates. Ratios: mean and 95 % interval over seeds; grey: "
        f"less than ×2; hollow: not counted. RAdam multiplies its rate by "
        f"{number(factor, 2)} at most, counted here.",
    )
    return drawing


def _words(gains: pd.DataFrame) -> str:
    """Quote the ratios of the plain warm-up, and of what gains most, over arms that count."""
    logs = gains[gains["usable"]].assign(log=np.log(gains["ratio"]))
    means = np.exp(logs.groupby(["optimizer", "remedy"])["log"].mean())
    if means.empty:
        return "No grid of rates holds the largest stable one of both arms"
    best = max(means.index, key=lambda arm: means[arm])
    largest = f"{REMEDIES[best]}, ×{number(float(means[best]), 2)}"
    plain = logs[logs["remedy"] == "short"]
    short = []
    for name in ("adam", "sgd"):
        arm = plain[plain["optimizer"] == name].groupby("dataset", sort=False)["log"].mean()
        if len(arm):
            ratios = " and ".join(number(float(np.exp(log)), 2) for log in arm)
            short.append(f"{ratios} for {style.display_name(name)}")
    datasets = ", ".join(style.display_name(name) for name in dict.fromkeys(plain["dataset"]))
    if not short:
        return f"The largest gain of a stable rate is that of {largest}"
    return (
        "A warm-up over a tenth of the run multiplies the largest stable rate by "
        f"{', '.join(short)} ({datasets}); the largest mean gain is that of {largest}"
    )


def _failures(
    ax: Axes, failed: pd.DataFrame, arms: tuple[tuple[str, str, str, str], ...], *, named: bool
) -> None:
    for place, (optimizer, schedule, label, tint) in enumerate(arms):
        mine = failed[(failed["optimizer"] == optimizer) & (failed["schedule"] == schedule)]
        mine = mine.sort_values("lr")
        ax.plot(mine["lr"], 100 * mine["failed"], color=tint, marker="o", markersize=2.5)
        if named:
            text = ax.text(
                *(0.02, 0.9 - 0.125 * place, label),
                transform=ax.transAxes,
                color=tint,
                fontweight="bold",
                fontsize=8,
            )
            style.halo(text)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(-4, 104)


def _gains(ax: Axes, gains: pd.DataFrame, datasets: list[str]) -> None:
    from unstuck.statistics.intervals import bootstrap_interval

    ax.axvspan(1 / MARGIN, MARGIN, color="#eaedf2", zorder=0)
    ax.axvline(1, color=style.QUIET, linewidth=0.8)
    shifts = np.linspace(-0.17, 0.17, len(datasets)) if len(datasets) > 1 else [0.0]
    for dataset, shift in zip(datasets, shifts, strict=True):
        tint = style.color(dataset)
        for height, (optimizer, remedy) in enumerate(REMEDIES):
            mine = gains[
                (gains["dataset"] == dataset)
                & (gains["optimizer"] == optimizer)
                & (gains["remedy"] == remedy)
            ]
            if mine.empty:
                continue
            logs = np.log(mine["ratio"].to_numpy())
            interval = bootstrap_interval(logs)
            y = height + shift
            ax.hlines(y, np.exp(interval.low), np.exp(interval.high), color=tint, linewidth=2)
            fill = tint if mine["usable"].all() else style.PAPER
            ax.plot(np.exp(logs.mean()), y, "o", color=tint, markerfacecolor=fill, markersize=4.5)
    for place, dataset in enumerate(reversed(datasets)):
        ax.annotate(
            style.display_name(dataset),
            (1.0 - 0.3 * place, 1.03),
            xycoords="axes fraction",
            ha="right",
            color=style.color(dataset),
            fontweight="bold",
            fontsize=8,
        )
    ax.set_xscale("log")
    ax.set_xlim(
        0.4, max(5.0, 1.3 * float(gains.groupby(["dataset", "remedy"])["ratio"].mean().max()))
    )
    ax.set_xticks([0.5, 1, 2, 4], ["×½", "×1", "×2", "×4"])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(len(REMEDIES)), REMEDIES.values())
    ax.set_ylim(len(REMEDIES) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Largest stable rate,\nover that without warm-up")
    ax.set_title("Gain")


def _spread(ax: Axes, spread: pd.DataFrame) -> None:
    ends = []
    for source, part in spread.groupby("source", sort=False):
        if source == "Gaussian, simulated":
            ax.plot(part["update"], part["variance"], "o", color=style.INK, markersize=3)
            continue
        label, tint = FORMULAS.get(
            str(source), (style.display_name(str(source)), style.color(str(source)))
        )
        ax.plot(part["update"], part["variance"], color=tint)
        ends.append((str(label), tint))
    ax.set_xscale("log")
    ax.set_yscale("log")
    for place, (label, tint) in enumerate(ends):
        text = ax.text(
            *(0.98, 0.92 - 0.1 * place, label),
            transform=ax.transAxes,
            color=tint,
            ha="right",
            fontweight="bold",
            fontsize=8,
        )
        style.halo(text)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Update\n(dots: Gaussian gradients, simulated)")
    ax.set_ylabel("Variance of 1/σ over its\nsquared mean")
    ax.set_title("How far σ is to be trusted")
