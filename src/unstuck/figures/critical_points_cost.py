"""The figure of claim 1.1.8: time and memory against the number of parameters."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import checked
from unstuck.figures.registry import figure

WORDS = {
    "dense": "form the Hessian",
    "spectrum": "all eigenvalues",
    "product": "one product",
    "lanczos": "extreme eigenvalues by Lanczos",
}
TINTS = {
    "dense": style.ORANGE,
    "spectrum": style.PINK,
    "product": style.BLUE,
    "lanczos": style.GREEN,
}
MIB = 2**20


@figure("1.1.8")
def cost(evidence: Evidence) -> Figure:
    """Time and memory of four ways, with the exponents of their growth."""
    exponents = {row["method"]: row for row in style.records(evidence.tables["exponents"])}
    drawing, axes = style.canvas(1, 2, height=4.1, width_ratios=[1.9, 1.0])
    times, memory = evidence.tables["times"], evidence.tables["memory"]
    left, right = axes[0]
    for ax, table, quantity in (
        (left, times.assign(value=times["median"]), "time"),
        (right, memory.assign(value=memory["bytes"] / MIB), "memory"),
    ):
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("Parameters P")
        for method, part in _parts(table):
            _line(ax, part, TINTS[method])
            power = f"$P^{{{exponents[method][quantity]:.1f}}}$"
            name = f"{WORDS[method]}, {power}" if ax is left else power
            end = tuple(part[["parameters", "value"]].to_numpy(dtype=float)[-1])
            _name(ax, end, name, TINTS[method], below=method == "product")
        ax.set_ylim(top=4 * ax.get_ylim()[1])
    left.set_xlim(left=left.get_xlim()[0] / 30)
    right.set_xlim(left=right.get_xlim()[0] / 4)
    left.set_title("Seconds, median of the networks")
    left.set_ylabel("Seconds of the processor")
    right.set_title("Memory at its peak")
    right.set_ylabel("MiB")
    style.headline(drawing, checked(evidence, _summary(evidence)), _note(evidence))
    return drawing


def _parts(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    groups = table.sort_values("parameters").groupby("method", sort=False)
    return [(str(method), part) for method, part in groups]


def _line(ax: Axes, part: pd.DataFrame, tint: str) -> None:
    ax.plot(part["parameters"], part["value"], color=tint, marker="o", markersize=4)
    if "min" in part:
        ax.fill_between(part["parameters"], part["min"], part["max"], color=tint, alpha=0.15)


def _name(ax: Axes, end: tuple[float, ...], name: str, tint: str, *, below: bool) -> None:
    """Name a line at its end, on the side where no other line is."""
    label = ax.annotate(
        name,
        (end[0], end[1]),
        xytext=(0, -44) if below else (-8, 2),
        textcoords="offset points",
        ha="right",
        va="top" if below else "bottom",
        color=tint,
        fontsize=8.5,
        fontweight="bold",
    )
    style.halo(label)


def _summary(evidence: Evidence) -> str:
    times = evidence.tables["times"]
    shared = set(times[times["method"] == "dense"]["parameters"])
    shared &= set(times[times["method"] == "lanczos"]["parameters"])
    at = max(shared) if shared else None
    grown = evidence.tables["exponents"].set_index("method")["time"]
    text = (
        f"Forming the Hessian takes time that grows as P to the power {grown['dense']:.1f}, a "
        f"product with it to the power {grown['product']:.1f}"
    )
    if at is None:
        return text
    cell = times[times["parameters"] == at].set_index("method")["median"]
    factor = float(cell["dense"]) / float(cell["lanczos"])
    compared = f"{factor:.0f} times less" if factor >= 1.5 else "no less"
    return f"{text}; at P = {at:,} its extreme eigenvalues cost {compared} than the matrix"


def _note(evidence: Evidence) -> str:
    largest = int(str(evidence.numbers["largest_lanczos"]))
    return (
        "One thread, float64, 64 samples. Shaded: fastest to slowest network. Exponents are slopes "
        f"at the largest sizes that all networks were timed at; Lanczos goes to P = {largest:,}."
    )
