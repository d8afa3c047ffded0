"""Figure of section 3.2: accuracy against the place of the pattern."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.statistics.intervals import bootstrap_interval

ARMS = {
    ("shared", "mean"): ("shared, pooled", style.BLUE, "-"),
    ("shared", "flatten"): ("shared, not pooled", style.SKY, (0, (4, 1.5))),
    ("local", "mean"): ("local, pooled", style.ORANGE, "-"),
    ("local", "flatten"): ("local, not pooled", style.AMBER, (0, (4, 1.5))),
    ("full", ""): ("fully connected", style.SLATE, "-"),
}


@figure("3.2.5")
def anywhere(evidence: Evidence) -> Figure:
    """Accuracy by distance from the place of training: a panel a dataset, a line an arm."""
    places = evidence.tables["places"]
    datasets = list(dict.fromkeys(places["dataset"]))
    drawing, axes = style.canvas(
        1, len(datasets), height=3.9, width_ratios=[1.0] * (len(datasets) - 1) + [1.38]
    )
    for column, dataset in enumerate(datasets):
        ax = axes[0, column]
        ends = _lines(ax, places[places["dataset"] == dataset])
        name = style.display_name(str(dataset).removesuffix("_halves"))
        ax.set_title(name)
        ax.set_ylim(-5, 100)
        ax.set_xlabel("Distance from the place of training (places)")
        if column == 0:
            ax.set_ylabel("Accuracy on test patterns (%)")
        if column == len(datasets) - 1:
            low, high = ax.get_xlim()
            ax.set_xlim(low, low + 1.62 * (high - low))
            ax.set_xticks(sorted(places[places["dataset"] == dataset]["distance"].unique())[::2])
            style.end_labels(ax, ends)
    style.headline(
        drawing,
        _summary(evidence),
        "Patterns were shown at the left end of the axis only. Line: mean over seeds, with its "
        "95 % interval. Ten classes: chance is 10 %.",
    )
    return drawing


def _lines(ax: Axes, part: pd.DataFrame) -> list[style.EndLabel]:
    ends: list[style.EndLabel] = []
    for (family, pool), (words, tint, dashes) in ARMS.items():
        arm = part[part["family"] == family]
        if pool:
            arm = arm[arm["pool"] == pool]
        if arm.empty:
            continue
        distances = sorted(arm["distance"].unique())
        seeds = [100 * arm[arm["distance"] == d]["accuracy"].to_numpy() for d in distances]
        intervals = [bootstrap_interval(values) for values in seeds]
        ax.fill_between(
            distances,
            [each.low for each in intervals],
            [each.high for each in intervals],
            color=tint,
            alpha=0.2,
            linewidth=0,
        )
        means = [float(values.mean()) for values in seeds]
        ax.plot(distances, means, color=tint, linestyle=dashes)
        ends.append((float(distances[-1]), means[-1], words, tint))
    return ends


def _summary(evidence: Evidence) -> str:
    """Say what is left of each arm's accuracy in the other half."""
    places = evidence.tables["places"]
    farthest = places.groupby("dataset")["distance"].transform("max")
    arms = ["dataset", "family", "pool"]
    near, far = (
        places[places["distance"] == at].groupby(arms)["accuracy"].mean() for at in (0, farthest)
    )
    pooled = (near.index.get_level_values("family") == "shared") & (
        near.index.get_level_values("pool") == "mean"
    )
    kept = 100 * float((far[pooled] / near[pooled]).mean())
    return (
        f"Shared filters with pooling keep {kept:.0f} % of their accuracy where nothing was ever "
        f"shown; all others end at {100 * float(far[~pooled].max()):.0f} % or below"
    )
