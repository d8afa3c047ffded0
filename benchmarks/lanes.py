"""The pictures and the tables of docs/lanes.md.

    make lanes            measures docs/images/lanes.csv first (make bench, rows lanes_*)

What lanes are is drawn from nothing; how fast they are, and where torch is faster, comes from the
rows in docs/images/lanes.csv.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from population import BORDER, CASES, JAX, NARROW

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "lanes.md"
FOLDER = ROOT / "docs" / "images"
INK, QUIET, FAINT = "#1d2433", "#5c6675", "#c9ced6"
#: of the four members that are told apart; the others are grey
MEMBERS = ("#0072b2", "#d55e00", "#009e73", "#b8548f")
OTHERS = "#e7eaee"
BATCHES = {name: CASES[name].batch_size for name in JAX}


def cell(axis: Axes, x: float, y: float, member: int, words: str = "", width: float = 1.0) -> None:
    """Draw one number, in the colour of its member."""
    tint = MEMBERS[member] if member < len(MEMBERS) else OTHERS
    axis.add_patch(Rectangle((x, y), width, 1, facecolor=tint, edgecolor="white", linewidth=1))
    axis.text(
        x + width / 2,
        y + 0.5,
        words,
        ha="center",
        va="center",
        fontsize=6.5,
        color="white" if member < len(MEMBERS) else QUIET,
    )


def bare(axis: Axes, width: float, height: float, title: str) -> None:
    axis.set(xlim=(-0.3, width), ylim=(height, -0.6), aspect="equal")
    axis.axis("off")
    axis.set_title(title, loc="left", fontsize=9.5, fontweight="bold", color=INK)


def arrow(axis: Axes, start: tuple[float, float], stop: tuple[float, float]) -> None:
    axis.add_patch(
        FancyArrowPatch(start, stop, arrowstyle="-|>", mutation_scale=9, color=QUIET, linewidth=1)
    )


def draw_layout(axis: Axes) -> None:
    """Four of sixteen networks, and where their parameters lie."""
    bare(axis, 26, 13, "One register holds the same weight of every member")
    for member in range(4):
        axis.text(0, 1.4 + 2.5 * member, f"network {member + 1}", fontsize=7, color=INK)
        for weight in range(4):
            cell(axis, weight, 1.6 + 2.5 * member, member, f"w{weight + 1}")
        axis.text(4.2, 2.4 + 2.5 * member, "…", fontsize=8, color=QUIET)
    axis.text(0, 12.2, "⋮  and twelve more", fontsize=7, color=QUIET)
    arrow(axis, (5.4, 6.2), (8.0, 6.2))
    for weight in range(4):
        axis.text(9.4, 3.5 + 1.5 * weight, f"w{weight + 1}", fontsize=7, color=INK, ha="right")
        for lane in range(16):
            cell(axis, 9.8 + lane, 2.9 + 1.5 * weight, lane, width=0.95)
    axis.text(9.8, 9.6, "⋮  one row a parameter, activation or gradient", fontsize=7, color=QUIET)
    axis.text(9.8, 2.3, "lane 1", fontsize=6.5, color=MEMBERS[0])
    axis.text(25.7, 2.3, "lane 16", fontsize=6.5, color=QUIET, ha="right")


def draw_widths(axis: Axes) -> None:
    """The same multiplication in registers of three widths."""
    bare(axis, 26, 13, "Registers of another width do the same operations, lane by lane")
    words = {16: "AVX-512", 8: "AVX2", 4: "SSE, NEON"}
    for row, (lanes, name) in enumerate(words.items()):
        y = 0.9 + 4.1 * row
        axis.text(0, y + 0.75, name, fontsize=8, color=INK, fontweight="bold")
        axis.text(0, y + 1.75, f"{16 // lanes} × {lanes} lanes", fontsize=7, color=QUIET)
        for lane in range(16):
            x = 5.0 + 1.15 * lane + 0.85 * (lane // lanes)
            cell(axis, x, y, lane, "x", width=1.1)
            cell(axis, x, y + 1.15, lane, "w", width=1.1)
            cell(axis, x, y + 2.3, lane, "xw", width=1.1)
        axis.text(4.4, y + 1.75, "×", fontsize=8, color=QUIET, ha="center")
        axis.text(4.4, y + 2.95, "=", fontsize=8, color=QUIET, ha="center")


def picture(folder: Path) -> None:
    """Draw what lanes are."""
    with plt.rc_context({"svg.hashsalt": "lanes", "svg.fonttype": "none"}):
        figure, (top, bottom) = plt.subplots(2, 1, figsize=(7.2, 6.6), layout="constrained")
        draw_layout(top)
        draw_widths(bottom)
        save(figure, folder / "lanes")


def microseconds(table: pd.DataFrame, row: str, column: str) -> float:
    """Time of a member and update; `table` has the rows of the benchmarks by name."""
    found = re.search(r"(\d+) updates", table.loc[row, "note"])
    return float(1e6 * table.loc[row, column] / int(found[1])) if found else math.nan


def speeds(table: pd.DataFrame) -> Mapping[str, list[float]]:
    """Microseconds a member and update at the batches of `BATCHES`, by what trains."""
    columns = {
        "lanes": ("lanes_{}", "ours_s"),
        **{f"lanes, {name.upper()}": (f"lanes_{{}}_jax_{name}", "ours_s") for name in NARROW},
        "JAX": ("lanes_{}_jax", "reference_s"),
        "torch, stacked": ("lanes_{}_torch", "reference_s"),
        "ordinary loop": ("lanes_{}", "reference_s"),
    }
    return {
        who: [microseconds(table, row.format(name), column) for name in BATCHES]
        for who, (row, column) in columns.items()
    }


def speed_table(table: pd.DataFrame) -> str:
    """Give microseconds a member and update, as a table of the page."""
    lines = [
        "| batch | " + " | ".join(map(str, BATCHES.values())) + " |",
        "| --- " + "| --- " * len(BATCHES) + "|",
    ]
    for who, values in speeds(table).items():
        shown = (f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values)
        lines.append(f"| {who} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def border_table(table: pd.DataFrame) -> str:
    """Give how many times faster than torch lanes are, as a table of the page."""
    networks = list(dict.fromkeys(name.partition("_")[0] for name in BORDER))
    sizes = sorted({case.batch_size for case in BORDER.values()})
    lines = [
        "| network | parameters | " + " | ".join(f"batch {size}" for size in sizes) + " |",
        "| --- | --- " + "| --- " * len(sizes) + "|",
    ]
    for network in networks:
        cases = [f"{network}_batch{size}" for size in sizes]
        ratios = [table.loc[f"lanes_{name}_torch", "ratio"] for name in cases]
        count = BORDER[cases[0]].network.parameter_count
        words = "-".join((*network.split("x"), "10"))
        cells = " | ".join(f"×{ratio:.2f}" for ratio in ratios)
        lines.append(f"| {words} | {count:,} | {cells} |")
    return "\n".join(lines)


def draw_speed(table: pd.DataFrame, folder: Path) -> None:
    """Draw the speeds on a logarithmic scale."""
    found = speeds(table)
    tints = ("#0072b2", "#4aa3df", "#a6cfec", "#d55e00", "#c98500", "#4b5566")
    with plt.rc_context({"svg.hashsalt": "lanes", "svg.fonttype": "none"}):
        figure, axis = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
        for (who, values), tint in zip(found.items(), tints, strict=True):
            axis.plot(range(len(values)), values, marker="o", markersize=4, color=tint, label=who)
        axis.set_yscale("log")
        axis.set_xticks(range(len(BATCHES)), [f"batch {size}" for size in BATCHES.values()])
        axis.set_ylabel("µs a member and update")
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        save(figure, folder / "lanes-speed")


def save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
    figure.savefig(path.with_suffix(".png"), dpi=150, metadata={"Software": None})
    plt.close(figure)


def write(page: str, table: pd.DataFrame) -> str:
    """Give the page with its tables made anew, each between two marks of its name."""
    for name, words in (("speed", speed_table(table)), ("border", border_table(table))):
        start, stop = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, rest = page.split(start)
        _, after = rest.split(stop)
        page = f"{before}{start}{words}\n{stop}{after}"
    return page


def main() -> None:
    picture(FOLDER)
    table = pd.read_csv(FOLDER / "lanes.csv").set_index("name")
    draw_speed(table, FOLDER)
    PAGE.write_text(write(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")


if __name__ == "__main__":
    main()
