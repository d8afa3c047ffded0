"""Figure of claim 3.1.6: usable learning rates by depth and activation, as bars."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure

ACTIVATIONS = {"sigmoid": "Sigmoid", "relu": "ReLU", "tanh": "tanh"}
# from the top bar of a depth down
ARMS = {"off": style.SLATE, "before": style.ORANGE}
BAR = 0.34


@figure("3.1.6")
def faster(evidence: Evidence) -> Figure:
    """Bars of usable rates: a row for each dataset, a column for each activation."""
    arms, accuracy = evidence.tables["arms"], evidence.tables["accuracy"]
    datasets = list(dict.fromkeys(arms["dataset"]))
    names = [name for name in ACTIVATIONS if name in set(arms["activation"])]
    drawing, axes = style.canvas(
        len(datasets), len(names), height=1.0 + 2.05 * len(datasets), sharex=True, sharey=True
    )
    for row, dataset in zip(axes, datasets, strict=True):
        thresholds = [
            float(evidence.numbers[f"{kind}_from_{dataset}"]) for kind in ("usable", "well_usable")
        ]
        for ax, name in zip(row, names, strict=True):
            here = (arms["dataset"] == dataset) & (arms["activation"] == name)
            seen = (accuracy["dataset"] == dataset) & (accuracy["activation"] == name)
            _panel(ax, arms[here], accuracy[seen], thresholds)
        row[0].set_ylabel(f"{style.display_name(str(dataset))}\nhidden layers")
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(ACTIVATIONS[name])
    drawing.supxlabel("Learning rates at which the network trains", fontsize=9)
    style.headline(
        drawing,
        _summary(arms),
        "Orange: with batch normalisation; grey: without. Pale: accuracy ends a third of the way "
        "from a guess to the best of all arms; full: two thirds. Beside each bar: updates to the "
        f"target at the tuned rate, mean of {evidence.numbers['seeds']} seeds; never: fewer than "
        "half of them get there.",
    )
    return drawing


def _panel(
    ax: Axes, arms: pd.DataFrame, accuracy: pd.DataFrame, thresholds: Sequence[float]
) -> None:
    """Draw a bar an arm; the verdict is on the first of the thresholds, the lower one."""
    depths = sorted(set(arms["depth"]))
    rates = np.sort(accuracy["lr"].unique())
    ax.set_xscale("log")
    ax.set_xlim(rates[0], rates[-1] * 30)
    for row, depth in enumerate(depths):
        for number, (batchnorm, tint) in enumerate(ARMS.items()):
            y = row + (number - 0.5) * (BAR + 0.04)
            same = (accuracy["depth"] == depth) & (accuracy["batchnorm"] == batchnorm)
            part = accuracy[same].sort_values("lr")
            stretches = [
                _usable(part["lr"].to_numpy(), part["accuracy"].to_numpy(), threshold)
                for threshold in thresholds
            ]
            arm = arms[(arms["depth"] == depth) & (arms["batchnorm"] == batchnorm)].iloc[0]
            for strength, found in zip((0.4, 1.0), stretches, strict=True):
                for ends in found:
                    ax.plot(
                        ends, [y, y], color=tint, alpha=strength, linewidth=8, solid_capstyle="butt"
                    )
            if not stretches[0]:
                place, words = float(rates[0]) * 1.3, "at no rate"
            else:
                place = stretches[0][-1][1] * 1.35
                words = f"{arm['updates']:.0f}" if arm["reached"] >= 0.5 else "never"
            ax.text(place, y, words, va="center", fontsize=8, color=tint, fontweight="bold")
    ax.set_yticks(range(len(depths)), [str(depth) for depth in depths])
    ax.set_ylim(len(depths) - 0.45, -0.55)
    ax.set_xticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
    ax.grid(axis="y", visible=False)


def _usable(rates: np.ndarray, accuracy: np.ndarray, threshold: float) -> list[tuple[float, float]]:
    """Give the lowest and the highest rate of every stretch on which the broken line is above."""
    places = np.linspace(np.log10(rates[0]), np.log10(rates[-1]), 2001)
    above = np.interp(places, np.log10(rates), accuracy) >= threshold
    turns = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]])))
    return [
        (float(10 ** places[first]), float(10 ** places[last - 1]))
        for first, last in zip(turns[::2], turns[1::2], strict=True)
    ]


def _summary(arms: pd.DataFrame) -> str:
    """Say what the deepest networks gain, by activation, in decades over all datasets."""
    deepest = int(arms["depth"].max())
    table = arms[arms["depth"] == deepest].pivot_table(
        index="activation", columns="batchnorm", values="width"
    )
    gains = (table["before"] - table["off"]).sort_values(ascending=False)
    words = {name: "ReLU" if name == "relu" else str(name) for name in gains.index}
    parts = [f"{gain:+.1f} with {words[name]}" for name, gain in gains.items()]
    dead = [words[name] for name in gains.index if table["off"][name] == 0]
    title = (
        f"In {deepest} layers batch normalisation widens the range of usable rates, in decades, by "
        f"{', '.join(parts)}".replace("-", "−")
    )
    if dead:
        title += f"; without it {' and '.join(dead)} networks train at no rate"
    return title
