"""Figures of section 1.2: batch size and sharpness."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.statistics.intervals import bootstrap_interval

RATES = {"fixed": "one rate", "tuned": "tuned"}


@figure("1.2.7")
def flat_minima(evidence: Evidence) -> Figure:
    """Sharpness by batch size for each dataset, and that of rescaled networks beside it."""
    table = evidence.tables["sharpness"]
    plain = table[table["factor"] == 1]
    datasets = list(dict.fromkeys(table["dataset"]))
    drawing, axes = style.canvas(1, len(datasets) + 1, height=3.9)
    _rescaled(axes[0, -1], table, datasets)
    # both have one scale, set before any label is placed
    ends = plain["lambda_max"].min(), plain["lambda_max"].max()
    for ax, dataset in zip(axes[0], datasets, strict=False):
        ax.set_yscale("log")
        ax.set_ylim(0.8 * ends[0], 1.25 * ends[1])
        ax.tick_params(labelleft=ax is axes[0, 0])
        _by_batch(ax, plain[plain["dataset"] == dataset])
        ax.set_title(style.display_name(dataset), fontsize=9)
        ax.set_xlabel("Batch size (samples)")
    axes[0, 0].set_ylabel("Sharpness: largest eigenvalue λ")
    times = float(evidence.numbers["rescaled_times"])
    style.headline(
        drawing,
        _summary(plain, times),
        "Runs stopped at equal training loss. Left: mean over seeds, with its 95 % interval. "
        "Right: one layer multiplied by α, the next divided by it (Dinh et al. 2017).",
    )
    return drawing


def _by_batch(ax: Axes, runs: pd.DataFrame) -> None:
    sizes = sorted(runs["batch_size"].unique())
    places = range(len(sizes))
    ends: list[style.EndLabel] = []
    for (optimizer, rate), arm in runs.groupby(["optimizer", "rate"]):
        tint = style.color(str(optimizer))
        logs = [
            np.log(arm.loc[arm["batch_size"] == size, "lambda_max"].to_numpy()) for size in sizes
        ]
        means = [float(np.exp(each.mean())) for each in logs]
        for place, each in zip(places, logs, strict=True):
            interval = bootstrap_interval(each)
            ax.plot([place] * 2, np.exp([interval.low, interval.high]), color=tint, linewidth=2.4)
        ax.plot(places, means, color=tint, marker="o", linestyle="--" if rate == "fixed" else "-")
        words = f"{style.display_name(str(optimizer))}, {RATES[str(rate)]}"
        ends.append((len(sizes) - 1.0, means[-1], words, tint))
    ax.set_xticks(places, [f"{size}" for size in sizes])
    ax.set_xlim(-0.3, len(sizes) - 0.1)
    ax.grid(axis="x", visible=False)
    style.end_labels(ax, _apart(ends), gap=10.0, fontsize=7)


def _apart(ends: list[style.EndLabel]) -> list[style.EndLabel]:
    """Name arms of one optimizer that end at the same value once, without their rates."""
    kept: dict[float, style.EndLabel] = {}
    for x, value, words, tint in ends:
        name = words.partition(",")[0] if value in kept else words
        kept[value] = (x, value, name, tint)
    return list(kept.values())


def _rescaled(ax: Axes, table: pd.DataFrame, datasets: list[str]) -> None:
    keys = ["optimizer", "rate", "batch_size", "seed"]
    chosen = table[table["seed"] == 0]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ends: list[style.EndLabel] = []
    for dataset in datasets:
        own = chosen[chosen["dataset"] == dataset].sort_values("factor")
        for _, run in own.groupby(keys):
            tint = style.color(dataset)
            ax.plot(
                run["factor"], run["lambda_max"], color=tint, marker="o", markersize=3, alpha=0.7
            )
        middle = own.groupby("factor")["lambda_max"].median()
        if not middle.empty:
            name = style.display_name(dataset)
            ends.append((middle.index[-1], middle.iloc[-1], name, style.color(dataset)))
    ax.set_title("Same functions, rescaled", fontsize=9)
    ax.set_xlabel("Factor α of the first layer")
    style.end_labels(ax, ends)


def _summary(plain: pd.DataFrame, times: float) -> str:
    """Say between which factors full-batch endpoints are sharper, and what rescaling does."""
    ratios = []
    for _, arm in plain.groupby(["dataset", "optimizer", "rate"]):
        logs = np.log(arm["lambda_max"]).groupby(arm["batch_size"]).mean()
        ratios.append(float(np.exp(logs.iloc[-1] - logs.iloc[0])))
    return (
        f"Full batches end {min(ratios):.1f} to {max(ratios):.1f} times as sharp as small ones, "
        f"and rescaling makes the same function {times:.0f} times as sharp"
    )
