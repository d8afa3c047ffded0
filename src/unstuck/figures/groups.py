"""Groups of rows, one an arm, whose arms are named once above the first group."""

from collections.abc import Iterable

from matplotlib.axes import Axes


def name_rows(
    ax: Axes, arms: Iterable[tuple[str, str]], *, x: float, y: float, step: float
) -> None:
    """Name the rows of a group in their colours, from the top down.

    Parameters
    ----------
    ax
        Where the y axis points downwards.
    arms
        Words and colour of each row.
    x
        Where the words end, as a share of the width.
    y, step
        Where the first row's name stands, and how much lower the next one, in units of the y axis.
    """
    for index, (words, tint) in enumerate(arms):
        ax.text(
            *(x, y + index * step),
            words,
            transform=ax.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=8.5,
            fontweight="bold",
            color=tint,
        )
