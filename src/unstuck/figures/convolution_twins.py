"""Figure of section 3.2: pairs of neurons that start with the same weights."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure

PAIRS = {
    "field and outgoing": ("same field,\nsame outgoing weights", style.BLUE),
    "field": ("same field,\nown outgoing weights", style.ORANGE),
    "outgoing": ("another field", style.GREEN),
}
FLOOR = 1e-4


@figure("3.2.2")
def twins(evidence: Evidence) -> Figure:
    """Distance of a pair's weights against updates: a panel for each network."""
    pairs = evidence.tables["pairs"]
    cases = list(dict.fromkeys(pairs["case"]))
    drawing, axes = style.canvas(1, len(cases), height=3.6, sharey=True)
    for ax, case in zip(axes[0], cases, strict=True):
        part = pairs[pairs["case"] == case]
        for kind, (_, tint) in PAIRS.items():
            for _, run in part[part["pair"] == kind].groupby(["optimizer", "seed"]):
                ax.plot(run["update"], run["weight_gap"], color=tint, linewidth=0.7, alpha=0.5)
        ax.set_xscale("symlog", base=2, linthresh=1)
        ax.set_yscale("symlog", linthresh=FLOOR)
        ax.set_ylim(-0.3 * FLOOR, 8)
        ax.set_xticks([0, 1, 8, int(pairs["update"].max())])
        ax.set_xticklabels(["0", "1", "8", str(pairs["update"].max())])
        ax.set_title(str(case).capitalize(), fontsize=9)
    axes[0, 0].set_ylabel("Distance of the two neurons' weights\n(share of their norm)")
    axes[0, len(cases) // 2].set_xlabel("Update")
    _label(axes[0, 0], "field", 0.50)
    _label(axes[0, 0], "field and outgoing", 0.24)
    if (pairs["pair"] == "outgoing").any():
        _label(axes[0, -1], "outgoing", 0.30)
    same = float(pairs[pairs["pair"] == "field and outgoing"]["weight_gap"].max())
    words = "never part" if same == 0 else f"part by at most {same:.1g}"
    own = float(evidence.numbers["own_distance_at_the_end"])
    style.headline(
        drawing,
        held(
            evidence,
            f"Twins {words}; but if what follows weighs them differently, training parts them, by "
            f"{100 * own:.0f} %",
            failing={"outgoing": "own"},
        ),
        "Each line: one run in float64 (momentum or Adam) of a network in which two neurons start "
        "with the same incoming weights. Below 0.0001 the axis is linear.",
    )
    return drawing


def _label(ax: Axes, kind: str, height: float) -> None:
    """Name a kind of pair beside its lines, at a height that is a share of the axis."""
    words, tint = PAIRS[kind]
    label = ax.text(
        *(0.98, height, words),
        transform=ax.transAxes,
        color=tint,
        fontweight="bold",
        fontsize=8,
        ha="right",
        va="top",
    )
    style.halo(label)
