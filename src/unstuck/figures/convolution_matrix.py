"""Figure of section 3.2: the matrix of a convolution, and the fields of stacked ones."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure

# one colour for each weight of a 3×3 filter
WEIGHTS = (
    *(style.BLUE, style.ORANGE, style.GREEN, style.PINK, style.AMBER),
    *(style.SKY, style.SLATE, "#8f3f00", "#57b894"),
)


@figure("3.2.4")
def same_thing(evidence: Evidence) -> Figure:
    """The matrix with its zeros and repeated weights; fields by depth, and their effective size."""
    drawing = style.blank(height=5.3)
    grid = GridSpec(2, 4, figure=drawing, height_ratios=[1.0, 1.0])
    _matrix(drawing.add_subplot(grid[0, :2]), evidence)
    _growth(drawing.add_subplot(grid[0, 2:]), evidence)
    energy = evidence.tables["energy"]
    depths = sorted(energy["depth"].unique())
    cells = grid[1, :].subgridspec(1, len(depths))
    for number, depth in enumerate(depths):
        ax = drawing.add_subplot(cells[0, number])
        _field(ax, evidence, int(depth))
        if number == 0:
            ax.set_ylabel("Pixels from the centre")
    zeros = 100 * float(evidence.numbers["share_of_zeros_shown"])
    widest, effective = (
        float(evidence.numbers[name]) for name in ("deepest_field", "deepest_effective_field")
    )
    style.headline(
        drawing,
        held(
            evidence,
            f"A convolution is a matrix of {zeros:.0f} % zeros whose other entries repeat; "
            f"{evidence.numbers['deepest']} layers of it see {widest:.0f} pixels across, "
            f"and feel {effective:.1f}",
        ),
        "Below: squared gradient of one output by the pixels around it, mean of random networks; "
        "frame: all that the output depends on.",
    )
    return drawing


def _matrix(ax: Axes, evidence: Evidence) -> None:
    table = evidence.tables["matrix"]
    index = table.pivot(index="output", columns="input", values="weight").to_numpy()
    shown = np.ma.masked_less(index, 0)
    ax.imshow(
        shown, cmap=ListedColormap(WEIGHTS), vmin=-0.5, vmax=len(WEIGHTS) - 0.5, aspect="auto"
    )
    ax.set_title("One colour, one weight; white, a zero", fontsize=9)
    ax.set_xlabel(f"Pixel of the image ({index.shape[1]})")
    ax.set_ylabel(f"Place of the map ({index.shape[0]})")
    ax.set_xticks(
        np.arange(0, index.shape[1], 5), [str(i + 1) for i in range(0, index.shape[1], 5)]
    )
    ax.set_yticks(
        np.arange(0, index.shape[0], 2), [str(i + 1) for i in range(0, index.shape[0], 2)]
    )
    ax.grid(visible=False)


def _growth(ax: Axes, evidence: Evidence) -> None:
    fields = evidence.tables["fields"]
    ax.plot(
        fields["depth"],
        fields["effective"],
        linestyle="none",
        marker="o",
        markersize=2.2,
        markeredgewidth=0,
        alpha=0.3,
        color=style.ORANGE,
    )
    means = fields.groupby("depth")[["largest", "effective"]].mean()
    ax.plot(means.index, means["largest"], color=style.BLUE)
    ax.plot(means.index, means["effective"], color=style.ORANGE)
    middle = means.index[len(means) // 2]
    for column, words, tint, shift in (
        ("largest", "field: 2 × depth + 1", style.BLUE, (-4, 6)),
        ("effective", "effective field", style.ORANGE, (8, -16)),
    ):
        ax.annotate(
            words,
            (float(middle), float(means.loc[middle, column])),
            xytext=shift,
            textcoords="offset points",
            ha="right" if shift[0] < 0 else "left",
            color=tint,
            fontweight="bold",
            fontsize=8.5,
        )
    ax.set_title("What one output sees, and feels", fontsize=9)
    ax.set_xlabel("Layers of 3×3")
    ax.set_ylabel("Side (pixels)")
    ax.set_ylim(0, None)


def _field(ax: Axes, evidence: Evidence, depth: int) -> None:
    energy, fields = evidence.tables["energy"], evidence.tables["fields"]
    part = energy[energy["depth"] == depth]
    shares = part.pivot(index="row", columns="column", values="share")
    edge = float(shares.index.max()) + 0.5
    ax.imshow(shares.to_numpy(), cmap=style.SEQUENTIAL, extent=(-edge, edge, edge, -edge), vmin=0.0)
    side = float(fields[fields["depth"] == depth]["largest"].max())
    ax.plot(
        np.array([-1, 1, 1, -1, -1]) * side / 2,
        np.array([-1, -1, 1, 1, -1]) * side / 2,
        color=style.ORANGE,
        linewidth=1.8,
    )
    room = min(edge, 5.5)
    ax.set(xlim=(-room, room), ylim=(room, -room))
    ax.set_title(f"{depth} layer{'s' if depth > 1 else ''}: {side:.0f}×{side:.0f}", fontsize=9)
    ax.set_xlabel("Pixels from the centre")
    ax.grid(visible=False)
