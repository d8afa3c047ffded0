"""Figures of section 1.2: batch size and test accuracy at equal training loss."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.statistics.intervals import bootstrap_interval

RATES = {"fixed": "one rate", "tuned": "rate tuned"}


@figure("1.2.6")
def small_generalises(evidence: Evidence) -> Figure:
    """Test accuracy by batch size: a row for each dataset, a column for each optimizer and rate."""
    runs, pairs = evidence.tables["runs"], evidence.tables["pairs"]
    datasets = list(dict.fromkeys(runs["dataset"]))
    columns = sorted(set(zip(runs["optimizer"], runs["rate"], strict=True)))
    drawing, axes = style.canvas(
        len(datasets), len(columns), height=1.5 + 2.0 * len(datasets), sharey="row"
    )
    for row, dataset in enumerate(datasets):
        for column, (optimizer, rate) in enumerate(columns):
            ax = axes[row, column]
            chosen = (runs["optimizer"] == optimizer) & (runs["rate"] == rate)
            _paired_dots(ax, runs[chosen & (runs["dataset"] == dataset)])
            if row == 0:
                ax.set_title(f"{style.display_name(optimizer)}, {RATES[rate]}", fontsize=9)
        axes[row, 0].set_ylabel(f"{style.display_name(dataset)}: test accuracy (%)")
    drawing.supxlabel("Batch size (samples an update)", fontsize=9)
    style.headline(drawing, _summary(pairs), _note(runs, evidence.numbers["largest_loss_ratio"]))
    return drawing


def _paired_dots(ax: Axes, runs: pd.DataFrame) -> None:
    """Draw the runs of a seed as a line over batch sizes, and the mean of all with its interval."""
    sizes = sorted(runs["batch_size"].unique())
    places = range(len(sizes))
    by_size = runs.pivot(index="batch_size", columns="seed", values="test_accuracy")
    ax.plot(places, by_size, color=style.FAINT, linewidth=0.6, marker="o", markersize=2)
    for place, size in zip(places, sizes, strict=True):
        values = by_size.loc[size].to_numpy()
        interval = bootstrap_interval(values)
        arrived = bool(runs.loc[runs["batch_size"] == size, "arrived"].all())
        tint = style.BLUE if arrived else style.QUIET
        ax.plot([place, place], [interval.low, interval.high], color=tint, linewidth=2.6, zorder=4)
        ax.plot(place, values.mean(), marker="o", markersize=6, color=tint, zorder=5)
        words = f"{values.mean():.1f}" if arrived else "not all\narrived"
        label = ax.annotate(
            words,
            (place, values.mean()),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=tint,
            fontweight="bold",
            zorder=6,
        )
        style.halo(label)
    last = len(sizes) - 1
    ax.set_xticks(
        places, [f"all {size}" if i == last else str(size) for i, size in enumerate(sizes)]
    )
    ax.set_xlim(-0.3, last + 0.75)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.grid(axis="x", visible=False)


def _summary(pairs: pd.DataFrame) -> str:
    """Say between which bounds the smallest batch's lead over the whole training part lies."""
    whole = pairs[pairs["against"] == "all"]
    lead = whole["test_accuracy_small"] - whole["test_accuracy_large"]
    places = [whole[name] for name in ("dataset", "optimizer", "rate")]
    arrived = (whole["arrived_small"] & whole["arrived_large"]).groupby(places).all()
    if not arrived.any():
        return "Not all runs reached the training loss at which batch sizes were to be compared"
    means = lead.groupby(places).mean()[arrived]
    low, high = float(means.min()), float(means.max())
    best, worst = (_words(means.idxmax()), _words(means.idxmin()))
    if low > 0:
        return (
            f"At equal training loss small batches test better than full ones, by {low:.1f} points "
            f"({worst}) to {high:.1f} ({best})"
        )
    if high < 0:
        return (
            f"At equal training loss small batches test worse than full ones, by {-high:.1f} "
            f"points ({best}) to {-low:.1f} ({worst})"
        )
    return (
        f"At equal training loss small batches test up to {high:.1f} points better than full ones "
        f"({best}), or {-low:.1f} worse ({worst})"
    )


def _words(place: object) -> str:
    dataset, optimizer, rate = place if isinstance(place, tuple) else ("", "", "")
    names = f"{style.display_name(optimizer)} on {style.display_name(dataset)}"
    return f"{names}, {RATES[rate]}"


def _note(runs: pd.DataFrame, ratio: float | int | str) -> str:
    losses = runs.groupby("dataset", sort=False)["stop_loss"].first()
    targets = ", ".join(f"{loss:g} on {style.display_name(str(n))}" for n, loss in losses.items())
    return (
        f"Every run stops at the same training loss: {targets}; the means of two batch sizes still "
        f"differ by up to {100 * (float(ratio) - 1):.0f} %. Grey: one seed. Blue: mean with its "
        "95 % interval."
    )
