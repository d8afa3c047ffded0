"""One look for every figure: sizes, colours, headings, and bytes that are the same every time."""

import os
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import matplotlib.patheffects
import matplotlib.style
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from unstuck.files import atomic_path

WIDTH = 7.2  # inches: one column of the report at 100 %
HEIGHT = 4.2

INK = "#1d2433"
QUIET = "#5c6675"
FAINT = "#c9ced6"
GRID = "#e7eaee"
PAPER = "#ffffff"

# Okabe & Ito (2008), told apart with any of the common colour deficiencies; yellow is
# left out, since it vanishes on white paper
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
PINK = "#b8548f"
SKY = "#4aa3df"
AMBER = "#c98500"
SLATE = "#4b5566"

_OPTIMIZERS = {
    "sgd": SLATE,
    "momentum": BLUE,
    "nesterov": SKY,
    "adagrad": GREEN,
    "adagrad_mean": "#57b894",
    "rmsprop": AMBER,
    "adam": ORANGE,
    "adamw": "#8f3f00",
    "radam": PINK,
}
_DATASETS = {
    "digits": BLUE,
    "digits_few": BLUE,
    "digits_half": BLUE,
    "mnist1d": ORANGE,
    "mnist1d_few": ORANGE,
    "mnist1d_half": ORANGE,
    "mnist1d_halves": ORANGE,
    "mnist5k": GREEN,
    "mnist5k_halves": GREEN,
    "mnist": PINK,
    "fashion_mnist": AMBER,
    "cifar10": SKY,
}
_NAMES = {
    "sgd": "SGD",
    "momentum": "Momentum",
    "nesterov": "Nesterov",
    "adagrad": "Adagrad",
    "adagrad_mean": "Adagrad (mean)",
    "rmsprop": "RMSProp",
    "adam": "Adam",
    "adamw": "AdamW",
    "radam": "RAdam",
    "digits": "Digits",
    "digits_few": "Digits (few)",
    "digits_half": "Digits",
    "mnist1d": "MNIST-1D",
    "mnist1d_few": "MNIST-1D (few)",
    "mnist1d_half": "MNIST-1D",
    "mnist1d_halves": "MNIST-1D (halves)",
    "mnist5k": "MNIST-5k",
    "mnist5k_halves": "MNIST-5k (halves)",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "batchnorm": "batch norm",
    "inverse_sqrt": "1/√t",
    "warmup_cosine": "warm-up + cosine",
}
_COMPONENTS = "_pca"  # between a dataset's name and how many principal components it keeps
_SPARE = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, SLATE)

SEQUENTIAL = LinearSegmentedColormap.from_list(
    "unstuck", ["#f4f6f9", "#c3d8ea", "#7fb2d6", "#2f7fb5", "#0b4f80", "#062d4d"]
)
# a surface is background: grey, so that what lies on it keeps its colour
SURFACE = LinearSegmentedColormap.from_list(
    "unstuck_surface", ["#ffffff", "#e9ecf0", "#c5ccd6", "#98a3b3", "#75818f"]
)
DIVERGING = LinearSegmentedColormap.from_list(
    "unstuck_diverging", ["#8f3f00", "#d98a4f", "#f6f6f6", "#63a5d0", "#0b4f80"]
)

# Text is stored as outlines of the font that matplotlib ships: direct labels are placed
# by its widths, and would collide in whatever font a reader has. Words for search and
# for screen readers are in the page's alt text.
_RC: dict[str, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "unstuck",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "mathtext.fontset": "dejavusans",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "figure.dpi": 100.0,
    "axes.facecolor": PAPER,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "path.simplify": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style inside the block, and leave matplotlib's settings alone outside it."""
    with matplotlib.style.context(["default", _RC]):
        yield


def blank(height: float = HEIGHT) -> Figure:
    """Make a figure one column wide, without axes."""
    return Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine())


def canvas(
    rows: int = 1,
    columns: int = 1,
    height: float = HEIGHT,
    **options: Any,
) -> tuple[Figure, npt.NDArray[np.object_]]:
    """Make a figure one column wide, and its axes as an array ``[rows, columns]``."""
    figure = blank(height)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def headline(figure: Figure, title: str, note: str = "") -> None:
    """Write a figure's one idea above it as a sentence, and a ``note`` on how to read it."""
    room = 72 * (WIDTH - 0.2)
    lines = _lines(title, room, 11.0, "bold")
    notes = _lines(note, room, 8.5, "normal")
    figure.set_label("\n".join((title, note)) if note else title)
    height = figure.get_size_inches()[1]
    top, step, small = 0.10, 0.205, 0.165
    y = height - top
    for line in lines:
        figure.text(0.1 / WIDTH, y / height, line, va="top", fontsize=11, fontweight="bold")
        y -= step
    y -= 0.02
    for line in notes:
        figure.text(0.1 / WIDTH, y / height, line, va="top", fontsize=8.5, color=QUIET)
        y -= small
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.008, 0.0, 0.984, (y - 0.04) / height))


def _lines(text: str, room: float, size: float, weight: str) -> list[str]:
    """Break a text into as few lines as ``room`` points allow, of widths as equal as can be.

    Words that belong together are joined by spaces that do not break.
    """
    font = FontProperties(family="DejaVu Sans", weight=weight, size=size)
    words = [
        (word, text_to_path.get_text_width_height_descent(word, font, ismath=False)[0])
        for word in text.replace(" %", "\u00a0%").split(" ")
    ]
    space = text_to_path.get_text_width_height_descent("\u00a0", font, ismath=False)[0]
    lines = _filled(words, space, room)
    least = room * (1 - 1 / len(lines)) if lines else room
    while room > least:
        room -= size
        narrower = _filled(words, space, room)
        if len(narrower) > len(lines):
            break
        lines = narrower
    return lines


def _filled(words: Sequence[tuple[str, float]], space: float, room: float) -> list[str]:
    """Fill lines of ``room`` points with words of known widths, one line after another."""
    lines: list[str] = []
    used = 0.0
    for word, width in words:
        if lines and used + space + width <= room:
            lines[-1] += f" {word}"
            used += space + width
        else:
            lines.append(word)
            used = width
    return lines


def wrapped(text: str, width: int) -> str:
    """Break a text into as few lines of at most ``width`` characters as can be, and as equal."""
    lines = textwrap.wrap(text, width)
    for narrower in range(width - 1, 0, -1):
        shorter = textwrap.wrap(text, narrower, break_long_words=False)
        if len(shorter) > len(lines) or max(map(len, shorter), default=0) > narrower:
            break
        lines = shorter
    return "\n".join(lines)


def color(name: str) -> str:
    """Give the fixed colour of an optimizer or a dataset; other names get one by their letters."""
    fixed = _OPTIMIZERS.get(name) or _DATASETS.get(name.partition(_COMPONENTS)[0])
    return fixed or _SPARE[sum(name.encode()) % len(_SPARE)]


def display_name(name: str) -> str:
    """Give a name as it is printed, e.g. ``mnist1d_pca8`` as ``MNIST-1D (8 components)``."""
    whole, _, components = name.partition(_COMPONENTS)
    if components.isdigit() and whole in _NAMES:
        return f"{_NAMES[whole]} ({components} components)"
    return _NAMES.get(name, name.replace("_", " "))


def dataset_name(name: str) -> str:
    """Give a dataset's printed name without what was done to it, e.g. ``Digits``."""
    return display_name(name).partition(" (")[0]


def signed(values: Sequence[float]) -> str:
    """Give differences with their signs and one decimal, e.g. ``−0.6 and +7.0``."""
    return " and ".join(f"{value:+.1f}".replace("-", "−") for value in values)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a table as mappings."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def shades(base: str, count: int) -> list[str]:
    """Give ``count`` shades from light to full of one colour, for an ordered quantity."""
    ramp = LinearSegmentedColormap.from_list("shades", ["#d7dde5", base, "#10151f"])
    return [matplotlib.colors.to_hex(ramp(x)) for x in np.linspace(0.28, 0.72, count)]


def halo(text: Text, width: float = 2.5) -> Text:
    """Put a thin paper-coloured rim around a label, so that it reads over lines."""
    text.set_path_effects(
        [matplotlib.patheffects.withStroke(linewidth=width, foreground=PAPER)],
    )
    return text


EndLabel = tuple[float, float, str, str]  # x and y of the end in data units, text, colour


def end_labels(
    ax: Axes,
    labels: Sequence[EndLabel],
    gap: float = 11.0,
    fontsize: float = 8.5,
) -> None:
    """Name lines at their right ends, instead of in a legend.

    Parameters
    ----------
    labels
        Of one line each.
    gap
        Least vertical distance of two labels, in points; labels that would collide are spread.
    """
    order = sorted(range(len(labels)), key=lambda i: labels[i][1])
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure, so nothing has a place in it")
    figure.draw_without_rendering()
    scale = 72.0 / figure.dpi
    wanted = [ax.transData.transform((labels[i][0], labels[i][1]))[1] * scale for i in order]
    placed = _spread(wanted, gap)
    for index, goal, y in zip(order, wanted, placed, strict=True):
        x, value, text, tint = labels[index]
        ax.annotate(
            text,
            (x, value),
            xytext=(6.0, round(y - goal, 2)),
            textcoords="offset points",
            va="center",
            color=tint,
            fontsize=fontsize,
            fontweight="bold",
            annotation_clip=False,
        )


def _spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Move sorted positions apart to at least ``gap``, keeping the middle of each cluster."""
    groups: list[list[float]] = []
    for position in wanted:
        groups.append([position])
        while len(groups) > 1 and _low(groups[-1], gap) - _high(groups[-2], gap) < gap:
            last = groups.pop()
            groups[-1].extend(last)
    return [_low(group, gap) + gap * i for group in groups for i in range(len(group))]


def _low(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) - gap * (len(group) - 1) / 2


def _high(group: Sequence[float], gap: float) -> float:
    return sum(group) / len(group) + gap * (len(group) - 1) / 2


def _settle(figure: Figure) -> None:
    """Lay a figure out once for both files, with axes at places rounded to a millionth.

    The layout's solver adds in the order of memory addresses, so its last digits vary from run to
    run, and with them the identifiers that an SVG derives from clipping rectangles.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    # with any engine, even an empty one, each file would be drawn twice
    with matplotlib.rc_context(
        {"figure.autolayout": False, "figure.constrained_layout.use": False}
    ):
        figure.set_layout_engine(None)
    for ax in figure.axes:
        ax.set_position(tuple(np.round(ax.get_position(original=True).bounds, 6).tolist()))


def _words(figure: Figure) -> dict[str, str | None]:
    """Give the metadata of the SVG file: the headline, which becomes the picture's alt text."""
    title, _, note = str(figure.get_label()).partition("\n")
    words = {"Title": title, "Description": note}
    return {"Date": None, "Creator": None} | {key: text for key, text in words.items() if text}


def save(
    figure: Figure, svg_path: str | os.PathLike[str], png_path: str | os.PathLike[str]
) -> None:
    """Write a figure as SVG and as PNG (150 dpi), byte for byte the same on every call."""
    with styled():
        _settle(figure)
        with atomic_path(svg_path) as temporary:
            figure.savefig(temporary, format="svg", metadata=_words(figure))
        with atomic_path(png_path) as temporary:
            figure.savefig(temporary, format="png", dpi=150, metadata={"Software": None})
