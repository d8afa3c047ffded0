"""Eigenvalues: a row a group, those below zero in a colour of their own."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from unstuck.claims.drawing import Spectra
from unstuck.figures.lettering import tick, wrapped
from unstuck.figures.pen import LABEL, Pen, Place, Plan

DOWN, UP, FLAT = "orange", "blue", "slate"
MOST_DOTS = 400  # eigenvalues of a row; more are counted in bins
BINS = 80
DECADES = 4  # below the largest, that are told apart
Values = npt.NDArray[np.float64]
GOLDEN = 0.6180339887498949  # spreads dots evenly, and alike on every call


def plan(panel: Spectra, pen: Pen) -> Plan:
    """Give the panels, and the names of the colours that there are."""
    table = pen.rows(panel)
    names = {DOWN: "leads down", FLAT: "flat", UP: "leads up"}
    groups = [
        _values(panel, rows)
        for _, rows in table.groupby([*filter(None, (panel.rows, panel.panel))])
    ]
    found = {name for values in groups for chosen, name in _signs(panel, values) if chosen.any()}
    key = {
        pen.words.phrase(phrase): pen.palette.series[name]
        for name, phrase in names.items()
        if name in found
    }
    return Plan(table, pen.order(table, panel.panel, panel), key=key)


def draw(panel: Spectra, pen: Pen, plan: Plan, places: Sequence[Place]) -> None:
    """Draw one panel after the other, all on one scale of eigenvalues."""
    table = plan.table
    groups = pen.order(table, panel.rows, panel)
    if len(groups) > panel.most:
        groups = [
            groups[i] for i in np.linspace(0, len(groups) - 1, panel.most).round().astype(int)
        ]
    top = 10.0 ** np.ceil(np.log10(np.max(np.abs(_values(panel, table)))))
    names = [wrapped(pen.words.value(panel.rows, group), 18) for group in groups]
    for place in places:
        ax, part = place.ax, place.rows
        for height, group in enumerate(groups):
            found = _values(panel, part[part[panel.rows] == group])
            if found.size:
                _row(panel, pen, ax, height, found, top)
        pen.frame(place, panel.panel, "", "", "x")
        _axes(pen, ax, top)
        ax.set_yticks(range(len(groups)), names)
        ax.tick_params(axis="y", labelcolor=pen.palette.ink)
        ax.set_ylim(len(groups) - 0.6, -0.75)


def _values(panel: Spectra, table: pd.DataFrame) -> Values:
    column = table[panel.values]
    if column.dtype == object:
        return np.concatenate([np.zeros(0), *(np.asarray(each, np.float64) for each in column)])
    return column.to_numpy(np.float64)


def _row(panel: Spectra, pen: Pen, ax: Axes, height: int, found: Values, top: float) -> None:
    parts = _signs(panel, found)
    zero = parts[-1][0]
    at = _place(found, top)
    edges = np.linspace(-1, 1, BINS + 1)
    most = max(1, int(np.histogram(at, edges)[0].max()))
    jitter = height + 0.5 * ((np.arange(found.size) * GOLDEN) % 1 - 0.5)
    for chosen, name in parts:
        colour = pen.palette.series[name]
        if found.size <= MOST_DOTS:
            ax.plot(at[chosen], jitter[chosen], "o", ms=7, mew=0, alpha=0.55, color=colour)
        elif chosen.any():
            counts = 0.6 * np.histogram(at[chosen], edges)[0] / most
            ax.stairs(height + 0.3 - counts, edges, baseline=height + 0.3, fill=True, color=colour)
    share = 100 * float(np.mean(found[~zero] < 0)) if not zero.all() else 0.0
    ax.annotate(
        pen.words.phrase("down", share=f"{share:.0f}"),
        (0, height - 0.3),
        xycoords=("axes fraction", "data"),
        va="bottom",
        fontsize=LABEL,
        fontweight="bold",
        color=pen.palette.series[DOWN],
    )


def _signs(panel: Spectra, values: Values) -> tuple[tuple[npt.NDArray[np.bool_], str], ...]:
    """Tell which eigenvalues lead up, lead down, and count as zero, with the colour of each."""
    zero = np.abs(values) <= panel.tolerance * np.max(np.abs(values), initial=0.0)
    return (~zero & (values > 0), UP), (~zero & (values < 0), DOWN), (zero, FLAT)


def _place(values: Values, top: float) -> Values:
    """Give places from −1 to 1: logarithms of either sign, and what is smaller around zero."""
    small = top * 10.0**-DECADES
    return np.asarray(np.arcsinh(values / small) / np.arcsinh(top / small))


def _axes(pen: Pen, ax: Axes, top: float) -> None:
    ax.set_xlim(-1.02, 1.02)
    ticks = [-top, -top * 1e-2, 0.0, top * 1e-2, top]
    ax.set_xticks(_place(np.array(ticks), top), [tick(value) for value in ticks])
    ax.axvline(0, color=pen.palette.quiet, lw=2)
    ax.set_xlabel(
        pen.words.phrase("eigenvalue"), fontsize=LABEL, color=pen.palette.quiet, labelpad=8
    )
