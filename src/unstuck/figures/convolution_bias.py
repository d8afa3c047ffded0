"""Figure of section 3.2: what the bias of a convolutional network costs, and what it gives."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.registry import figure
from unstuck.statistics.intervals import bootstrap_interval

TINTS = {"shared": style.BLUE, "local": style.ORANGE, "full": style.SLATE}
DASHES = {"both": "-", "compute": "-", "parameters": (0, (3, 1.5))}
# arms from top to bottom of the bars
ARMS = (
    ("shared", "both", "shared"),
    ("local", "parameters", "local, equal\nparameters"),
    ("local", "compute", "local, equal\ncompute"),
    ("full", "parameters", "full, equal\nparameters"),
    ("full", "compute", "full, equal\ncompute"),
)


@figure("3.2.6")
def bias(evidence: Evidence) -> Figure:
    """Accuracy by samples, by permutation of pixels, and fit of random labels: a row a dataset."""
    runs = evidence.tables["runs"]
    sources = _sources(runs)
    drawing = style.blank(height=2.4 + 2.0 * len(sources))
    grid = GridSpec(
        len(sources) + 1,
        3,
        figure=drawing,
        width_ratios=[1.25, 0.85, 1.0],
        height_ratios=[*(1.0 for _ in sources), 0.42],
    )
    axes = [
        [drawing.add_subplot(grid[row, column]) for column in range(3)]
        for row in range(len(sources))
    ]
    for row, source in zip(axes, sources, strict=True):
        own = runs[runs["source"] == source]
        _by_samples(row[0], own[own["data"] == "natural"])
        row[0].set_ylabel(f"{style.display_name(str(source))}:\ntest accuracy (%)")
        _by_order(row[1], own)
        _fits(row[2], own[own["data"] == "random"])
    for ax, title, label in zip(
        axes[0],
        ("As they are", "Pixels permuted", "Random labels"),
        ("Training samples", "Order of the pixels", "Fit of random labels (%)"),
        strict=True,
    ):
        ax.set_title(title, fontsize=9)
        axes[-1][axes[0].index(ax)].set_xlabel(label)
    _filters(drawing, grid[-1, :], evidence.tables["filters"])
    style.headline(
        drawing,
        _summary(runs),
        "Solid: rivals of equal compute; dashed or pale: of equal parameters. Mean over seeds, "
        "with its 95 % interval. Below: filters that one run has learnt in its first layer.",
    )
    return drawing


def _line(
    ax: Axes, places: list[float], seeds: list[np.ndarray], family: str, budget: str
) -> float:
    """Draw the means at some places with their intervals, and give the last mean."""
    intervals = [bootstrap_interval(values) for values in seeds]
    tint = TINTS[family]
    ax.fill_between(
        places,
        [each.low for each in intervals],
        [each.high for each in intervals],
        color=tint,
        alpha=0.18,
        linewidth=0,
    )
    means = [float(values.mean()) for values in seeds]
    ax.plot(places, means, color=tint, linestyle=DASHES[budget], marker="o", markersize=3)
    return means[-1]


def _by_samples(ax: Axes, part: pd.DataFrame) -> None:
    ends: list[style.EndLabel] = []
    sizes = sorted(part["samples"].unique())
    for family, budget, _ in ARMS:
        arm = part[(part["family"] == family) & (part["budget"] == budget)]
        held = [size for size in sizes if (arm["samples"] == size).any()]
        if not held:
            continue
        seeds = [arm[arm["samples"] == size]["test_accuracy"].to_numpy() for size in held]
        last = _line(ax, [float(size) for size in held], seeds, family, budget)
        if budget != "parameters":
            ends.append((float(held[-1]), last, family, TINTS[family]))
    ax.set_xscale("log", base=2)
    ax.set_xlim(sizes[0] / 1.3, sizes[-1] * 3.2)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    style.end_labels(ax, ends)


def _by_order(ax: Axes, part: pd.DataFrame) -> None:
    mixed = part[part["data"] == "permuted"]
    most = mixed["samples"].max()
    plain = part[(part["data"] == "natural") & (part["samples"] == most)]
    for family, budget, _ in ARMS:
        arms = [
            each[(each["family"] == family) & (each["budget"] == budget)]["test_accuracy"]
            for each in (plain, mixed)
        ]
        if all(len(arm) for arm in arms):
            _line(ax, [0.0, 1.0], [arm.to_numpy() for arm in arms], family, budget)
    ax.set_xlim(-0.35, 1.35)
    ax.set_xticks([0, 1], ["as it is", "permuted"])


def _fits(ax: Axes, part: pd.DataFrame) -> None:
    names: list[str] = []
    for family, budget, words in ARMS:
        values = part[(part["family"] == family) & (part["budget"] == budget)]["train_accuracy"]
        if values.empty:
            continue
        interval = bootstrap_interval(values.to_numpy())
        mean = float(values.mean())
        ax.barh(
            len(names),
            mean,
            height=0.62,
            color=TINTS[family],
            alpha=0.55 if budget == "parameters" else 0.95,
        )
        ax.plot([interval.low, interval.high], [len(names)] * 2, color=style.INK, linewidth=1.2)
        names.append(words)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", labelsize=7)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.grid(axis="y", visible=False)


def _filters(drawing: Figure, place: SubplotSpec, filters: pd.DataFrame) -> None:
    """Draw each filter as an image, blue where its weights are positive."""
    numbers = sorted(filters["filter"].unique())
    cells = place.subgridspec(1, max(len(numbers), 1))
    reach = float(filters["weight"].abs().max())
    for cell, number in enumerate(numbers):
        ax = drawing.add_subplot(cells[0, cell])
        part = filters[filters["filter"] == number]
        weights = part.pivot(index="row", columns="column", values="weight").to_numpy()
        ax.imshow(weights, cmap=style.DIVERGING, vmin=-reach, vmax=reach)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(f"filter {int(number) + 1}", fontsize=7.5)
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(False)


def _summary(runs: pd.DataFrame) -> str:
    """Say how shared weights compare with full ones, and what permuting costs them."""
    most = runs[runs["data"] == "permuted"]["samples"].max()
    plain = runs[(runs["data"] == "natural") & (runs["samples"] == most)]
    mixed = runs[runs["data"] == "permuted"]
    parameters, compute = (
        style.signed(_above_full(plain, budget)) for budget in ("parameters", "compute")
    )
    sources = _sources(runs)
    moved = []
    for source in sources:
        before, after = (
            part[(part["family"] == "shared") & (part["source"] == source)]["test_accuracy"].mean()
            for part in (plain, mixed)
        )
        moved.append(float(after - before))
    names = ", ".join(style.display_name(source) for source in sources)
    return (
        f"Shared weights gain {parameters} points over full ones of equal parameters, {compute} "
        f"over those of equal compute, and {style.signed(moved)} by permuted pixels ({names})"
    )


def _sources(runs: pd.DataFrame) -> list[str]:
    """Give the datasets in the order of the rows."""
    return sorted(map(str, runs["source"].unique()), reverse=True)


def _above_full(runs: pd.DataFrame, budget: str) -> list[float]:
    """Give the difference in mean accuracy of shared and full weights, for each source."""
    chosen = runs[runs["budget"].isin(("both", budget))]
    gains = []
    for source in _sources(runs):
        means = chosen[chosen["source"] == source].groupby("family")["test_accuracy"].mean()
        gains.append(float(means["shared"] - means["full"]))
    return gains
