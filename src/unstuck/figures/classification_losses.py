"""Figure of claim 2.2.4: updates to a training accuracy, by loss, start and optimizer."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.groups import name_rows
from unstuck.figures.registry import figure

# from the top of a group down
LOSSES = {
    "cross_entropy": ("cross-entropy", style.BLUE),
    "softmax_squared_error": ("softmax + squared error", style.AMBER),
    "squared_error": ("squared error, raw", style.ORANGE),
}
REFERENCE, *RIVALS = LOSSES
STARTS = {"even": "ordinary start", "wrong": "sure and wrong"}
STEP, GROUP = 0.9, 3.6


@figure("2.2.4")
def loss_function(evidence: Evidence) -> Figure:
    """Updates to the target, a panel a dataset and a group of losses a start and optimizer."""
    table = evidence.tables["updates"]
    datasets = list(dict.fromkeys(table["dataset"]))
    drawing, axes = style.canvas(1, len(datasets), height=4.6, sharey=True)
    for ax, dataset in zip(axes[0], datasets, strict=True):
        part = table[table["dataset"] == dataset]
        _panel(ax, part, named=dataset == datasets[0])
        at = 100 * float(part["target"].iloc[0])
        ax.set_title(f"{style.display_name(str(dataset))}: to {at:.0f} % training accuracy")
        ax.set_xlabel("Updates to the target")
    note = "Small dots: seeds. Bar and number: median. Open dots: not there when the budget ended."
    style.headline(drawing, _summary(table), note)
    return drawing


def _panel(ax: Axes, part: pd.DataFrame, named: bool) -> None:
    ticks, row = {}, 0.0
    for optimizer in sorted(set(part["optimizer"]), reverse=True):
        for start, words in STARTS.items():
            group = part[(part["optimizer"] == optimizer) & (part["start"] == start)]
            if group.empty:
                continue
            ticks[row + STEP] = f"{style.display_name(str(optimizer))},\n{words}"
            for index, (loss, (_, tint)) in enumerate(LOSSES.items()):
                arm = group[group["loss"] == loss]
                _arm(ax, arm, row + index * STEP, tint)
            row += GROUP
    ax.set_xscale("log")
    low, high = float(part["updates"].min()), float(part["budget"].max())
    ax.set_xlim(0.75 * low, 1.9 * high)
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_locator(NullLocator())
    if named:
        name_rows(ax, LOSSES.values(), x=0.985, y=-3.0, step=STEP)
    ax.set_ylim(row - GROUP + 2 * STEP + 0.6, -3.6)
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.grid(axis="y", visible=False)


def _arm(ax: Axes, arm: pd.DataFrame, row: float, tint: str) -> None:
    rng = np.random.default_rng(0)
    lift = row + rng.uniform(-0.18, 0.18, len(arm))
    for came, fill in ((True, tint), (False, style.PAPER)):
        shown = (arm["arrived"] == came).to_numpy()
        ax.plot(
            arm["updates"].to_numpy()[shown],
            lift[shown],
            linestyle="none",
            marker="o",
            markersize=3.2,
            markerfacecolor=fill,
            markeredgecolor=tint,
            markeredgewidth=0.8,
            alpha=0.55,
        )
    median = float(arm["updates"].median())
    ax.plot([median] * 2, [row - 0.36, row + 0.36], color=tint, linewidth=2.6)
    bound = "≥ " if median >= float(arm["budget"].max()) else ""
    label = ax.annotate(
        f"{bound}{median:.0f}",
        (float(arm["updates"].max()), row),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        fontweight="bold",
        color=tint,
    )
    style.halo(label)


def _summary(table: pd.DataFrame) -> str:
    """Say by which factors the squared errors differ from the cross-entropy, by start."""
    logs = np.log(table.set_index(["dataset", "optimizer", "start", "loss", "seed"])["updates"])
    late = ~table.groupby(["start", "loss"])["arrived"].all()
    arms = logs.groupby(["start", "loss", "dataset", "optimizer"]).mean().unstack("loss")
    spans = {}
    for start in STARTS:
        found = arms[arms.index.get_level_values("start") == start]
        gains = {loss: np.exp(found[loss] - found[REFERENCE]) for loss in RIVALS if len(found)}
        spans[start] = [
            f"×{gain.min():.1f}–{gain.max():.1f}{' or more' * bool(late[start, loss])}"
            for loss, gain in gains.items()
        ]
    even, wrong = (" after softmax and ".join(span) for span in spans.values())
    parts = [f"from ordinary starts {even} raw"] * bool(even)
    parts += [f"from sure and wrong ones {wrong} raw"] * bool(wrong)
    return f"Updates with squared error over those with cross-entropy: {'; '.join(parts)}"
