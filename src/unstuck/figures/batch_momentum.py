"""Figures of section 1.2: batch size and momentum."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.statistics.intervals import bootstrap_interval

CONDITIONS = (
    ("fixed", "epochs", "Fixed rate,\nequal epochs"),
    ("tuned", "epochs", "Tuned rate,\nequal epochs"),
    ("fixed", "updates", "Fixed rate,\nequal updates"),
    ("tuned", "updates", "Tuned rate,\nequal updates"),
)
SPLITS = {
    "train_accuracy": ("training", style.BLUE, (0, (4, 1.5))),
    "validation_accuracy": ("validation", style.ORANGE, "-"),
}


@figure("1.2.5")
def small_trains_better(evidence: Evidence) -> Figure:
    """Accuracy against batch size: a row for each dataset, a column for each condition."""
    accuracy = evidence.tables["accuracy"]
    datasets = list(dict.fromkeys(accuracy["dataset"]))
    drawing, axes = style.canvas(
        len(datasets), len(CONDITIONS), height=1.55 + 1.7 * len(datasets), sharey="row"
    )
    for row, dataset in enumerate(datasets):
        for column, (rate, budget, title) in enumerate(CONDITIONS):
            ax = axes[row, column]
            chosen = (accuracy["rate"] == rate) & (accuracy["budget"] == budget)
            ends = _lines(ax, accuracy[chosen & (accuracy["dataset"] == dataset)])
            if row == 0 and column == len(CONDITIONS) - 1:
                style.end_labels(ax, ends)
            ax.set_title(title if row == 0 else "", fontsize=9)
        axes[row, 0].set_ylabel(f"{style.display_name(dataset)}: accuracy (%)")
    drawing.supxlabel(
        "Batch size (samples an update); the largest is the whole training part", fontsize=9
    )
    style.headline(
        drawing,
        _summary(accuracy),
        "Dot: one seed. Line: mean over seeds, with its 95 % interval. Headline: validation "
        "accuracy.",
    )
    return drawing


def _lines(ax: Axes, part: pd.DataFrame) -> list[style.EndLabel]:
    """Draw both accuracies over batch sizes, evenly spaced; give what to call each line's end."""
    sizes = sorted(part["batch_size"].unique())
    place = {size: index for index, size in enumerate(sizes)}
    ends: list[style.EndLabel] = []
    for column, (words, tint, dashes) in SPLITS.items():
        ax.plot(
            part["batch_size"].map(place),
            100 * part[column],
            linestyle="none",
            marker="o",
            markersize=2.2,
            markeredgewidth=0,
            color=tint,
            alpha=0.3,
        )
        seeds = [100 * part[part["batch_size"] == size][column].to_numpy() for size in sizes]
        intervals = [bootstrap_interval(values) for values in seeds]
        ax.fill_between(
            range(len(sizes)),
            [each.low for each in intervals],
            [each.high for each in intervals],
            color=tint,
            alpha=0.2,
            linewidth=0,
        )
        means = [float(values.mean()) for values in seeds]
        ax.plot(range(len(sizes)), means, color=tint, linestyle=dashes)
        ends.append((len(sizes) - 1.0, means[-1], words, tint))
    ax.set_xticks(range(len(sizes)), [str(size) for size in sizes])
    ax.set_xlim(-0.25, len(sizes) - 0.75)
    ax.tick_params(axis="x", labelsize=7.5)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.grid(axis="x", visible=False)
    return ends


def _summary(accuracy: pd.DataFrame) -> str:
    """Say what the smallest batch has over the largest with tuned rates, by budget and dataset."""
    said = {}
    for budget in ("epochs", "updates"):
        tuned = accuracy[(accuracy["rate"] == "tuned") & (accuracy["budget"] == budget)]
        gains = []
        for _, part in tuned.groupby("dataset", sort=False):
            means = part.groupby("batch_size")["validation_accuracy"].mean()
            gains.append(100 * float(means.iloc[0] - means.iloc[-1]))
        said[budget] = style.signed(gains)
    datasets = ", ".join(style.display_name(name) for name in dict.fromkeys(accuracy["dataset"]))
    return (
        f"With tuned rates the smallest batch gains {said['epochs']} points over the largest at "
        f"equal epochs, {said['updates']} at equal updates ({datasets})"
    )
