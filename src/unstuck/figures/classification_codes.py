"""Figure of claim 2.2.1: accuracy with classes as one-hot vectors, and as numbers."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.groups import name_rows
from unstuck.figures.registry import figure

# from the top of a group down: code, whether its numbers are permuted, words and colour
ARMS = (
    ("one-hot", False, "one-hot targets", style.BLUE),
    ("number", False, "class numbers as given", style.AMBER),
    ("number", True, "class numbers permuted", style.ORANGE),
)
STEP, GROUP = 0.9, 3.7
CHANCE = 10.0


@figure("2.2.1")
def one_hot(evidence: Evidence) -> Figure:
    """Test accuracies: a panel for classes without and with an order, a group a dataset."""
    table = evidence.tables["accuracy"]
    kinds = [kind for kind in (False, True) if (table["ordered"] == kind).any()]
    drawing, axes = style.canvas(1, len(kinds), height=3.9, sharex=True)
    for ax, ordered in zip(axes[0], kinds, strict=True):
        _panel(ax, table[table["ordered"] == ordered], named=ordered == kinds[0])
        words = "Classes with an order: brightness" if ordered else "Classes without an order"
        ax.set_title(words)
        ax.set_xlabel("Test accuracy (%)")
    style.headline(
        drawing,
        _summary(table),
        "Small dot: one seed. Bar and number: mean. The same networks, trained by squared error; "
        "of class numbers the nearest is the answer. Dashed: chance.",
    )
    return drawing


def _panel(ax: Axes, part: pd.DataFrame, named: bool) -> None:
    rng = np.random.default_rng(0)
    ticks, row = {}, 0.0
    ax.axvline(CHANCE, color=style.FAINT, linewidth=1, linestyle="--")
    for dataset, group in part.groupby("dataset", sort=False):
        ticks[row + STEP] = style.display_name(str(dataset).partition("_")[0])
        for index, (code, permuted, _, tint) in enumerate(ARMS):
            arm = group[(group["code"] == code) & ((group["relabel"] > 0) == permuted)]
            if arm.empty:
                continue
            at, values = row + index * STEP, arm["test_accuracy"].to_numpy()
            ax.plot(
                values,
                at + rng.uniform(-0.2, 0.2, len(values)),
                linestyle="none",
                marker="o",
                markersize=2.8,
                markeredgewidth=0,
                color=tint,
                alpha=0.45,
            )
            ax.plot([values.mean()] * 2, [at - 0.36, at + 0.36], color=tint, linewidth=2.6)
            label = ax.annotate(
                f"{values.mean():.0f}",
                (values.max(), at),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
                fontweight="bold",
                color=tint,
            )
            style.halo(label)
        row += GROUP
    if named:
        name_rows(ax, [arm[2:] for arm in ARMS], x=0.98, y=-3.1, step=STEP)
    ax.set_ylim(row - GROUP + 2 * STEP + 0.6, -3.7)
    ax.set_xlim(0, 112)
    ax.set_xticks(range(0, 101, 20))
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.grid(axis="y", visible=False)


def _summary(table: pd.DataFrame) -> str:
    """Say by how much numbers differ from one-hot targets, without and with an order."""
    given = table[(table["code"] == "number") | (table["relabel"] == 0)]
    means = given.groupby(["ordered", "code", "relabel", "dataset"])["test_accuracy"].mean()
    words = []
    for ordered, name in ((False, "without an order"), (True, "with an order")):
        if ordered not in means.index.get_level_values("ordered"):
            continue
        numbers = means[ordered, "number"]
        numbers = numbers[0] if ordered else numbers.groupby("dataset").mean()
        gains = numbers - means[ordered, "one-hot", 0]
        points = " and ".join(f"{gain:+.0f}".replace("-", "−") for gain in gains)
        words.append(f"{points} points for classes {name}")
    names = [style.display_name(str(name)) for name in table[~table["ordered"]]["dataset"].unique()]
    return (
        f"Class numbers in place of one-hot targets change test accuracy by {'; by '.join(words)} "
        f"({', '.join(names)})"
    )
