"""The figure of claim 1.2.1: learning curves by the order of the data."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.statistics.intervals import bootstrap_interval

ORDERS = {
    "reshuffled": ("reshuffled", style.BLUE, "-"),
    "fixed": ("one fixed order", style.SLATE, (0, (3, 1.5))),
    "sorted": ("sorted by class", style.ORANGE, "-"),
}
RATES = {"fixed": "fixed rate", "tuned": "tuned rate"}
COLUMN = "validation_accuracy"


@figure("1.2.1")
def shuffle(evidence: Evidence) -> Figure:
    """Validation accuracy by epoch: a row for each dataset, a column for each policy of rates."""
    curves = evidence.tables["curves"]
    curves = curves[curves["epoch"] > 0]
    datasets = list(dict.fromkeys(curves["dataset"]))
    rates = [rate for rate in RATES if rate in set(curves["rate"])]
    drawing, axes = style.canvas(
        len(datasets),
        len(rates),
        height=1.4 + 2.0 * len(datasets),
        sharex=True,
        sharey="row",
    )
    labelled = []
    for row, dataset in enumerate(datasets):
        for column, rate in enumerate(rates):
            chosen = (curves["dataset"] == dataset) & (curves["rate"] == rate)
            ends = _lines(axes[row, column], curves[chosen])
            if column == len(rates) - 1:
                labelled.append((axes[row, column], ends))
            name = style.display_name(str(dataset))
            axes[row, column].set_title(f"{name}, {RATES[rate]}")
        axes[row, 0].set_ylabel("Validation accuracy (%)")
    for ax in axes[-1]:
        ax.set_xlabel("Epoch")
    style.headline(
        drawing,
        _summary(curves),
        "Line: mean over seeds at the end of each epoch, with its 95 % interval; batches of "
        f"{evidence.numbers['batch_size']}, equal updates in every arm.",
    )
    for ax, ends in labelled:
        style.end_labels(ax, ends)
    return drawing


def _lines(ax: Axes, part: pd.DataFrame) -> list[style.EndLabel]:
    ends = []
    for order, (words, tint, dashes) in ORDERS.items():
        groups = part[part["order"] == order].groupby("epoch")[COLUMN]
        means = groups.mean()
        epochs = means.index.to_numpy(dtype=float)
        intervals = [bootstrap_interval(values.to_numpy(), resamples=199) for _, values in groups]
        ax.fill_between(
            epochs,
            [max(each.low, 0.0) for each in intervals],
            [min(each.high, 100.0) for each in intervals],
            color=tint,
            alpha=0.18,
            linewidth=0,
        )
        ax.plot(epochs, means.to_numpy(), color=tint, linestyle=dashes)
        ends.append((float(epochs[-1]), float(means.iloc[-1]), words, tint))
    ax.set_xlim(left=0, right=ends[0][0])
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return ends


def _summary(curves: pd.DataFrame) -> str:
    """Say how far reshuffling ends from the other orders with tuned rates, data set by data set."""
    last = curves[(curves["epoch"] == curves["epoch"].max()) & (curves["rate"] == "tuned")]
    means = last.groupby(["dataset", "order"], sort=False)[COLUMN].mean().unstack()
    gains = {other: means["reshuffled"] - means[other] for other in ("fixed", "sorted")}
    return (
        f"With tuned rates reshuffling gains {_points(gains['sorted'])} over data sorted by class; "
        f"over one fixed random order, {_points(gains['fixed'])}"
    )


def _points(gains: "pd.Series[float]") -> str:
    """Write a gain for each dataset, its name with it."""
    texts = [
        f"{gain:z.1f}".replace("-", "−") + f" points on {style.display_name(str(dataset))}"
        for dataset, gain in gains.items()
    ]
    return " and ".join(texts)
