"""What an experiment's runs came to: curves, final values, rates and spectra, arm by arm."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unstuck.claims.drawing import MOST_WORDS, Arms, Drawing, Lines, Spectra
from unstuck.claims.terms import Words
from unstuck.figures.data import CHOSEN, FigureData
from unstuck.figures.draw import draw_pictures
from unstuck.figures.fonts import language_that_can_be_drawn
from unstuck.figures.output import save
from unstuck.figures.pen import MOST_PANELS
from unstuck.figures.words import Dictionary, load_dictionary
from unstuck.statistics.rule import Word
from unstuck.study.grid import axes_of
from unstuck.study.report import FigureSettings

MOST_COLORS, MOST_ARMS = 6, 8
MOST_NAMED = 2  # axes in a title
LEAST_POINTS = 3  # of a curve that shows more than its ends
FINAL = "test_accuracy"


def drawings(name: str, tables: Mapping[str, pd.DataFrame], words: Dictionary) -> list[Drawing]:
    """Describe the pictures of an experiment, as far as its tables have what they show."""
    axes = axes_of(tables[f"{name}.runs"])
    return [
        *_curves(name, tables, axes, words),
        *_final(name, tables, axes, words),
        *_rates(name, tables, axes, words),
        *_spectra(name, tables, axes, words),
    ]


def save_experiment(
    name: str,
    tables: Mapping[str, pd.DataFrame],
    dictionary: str | Path,
    settings: FigureSettings,
    path: str | Path,
) -> None:
    """Draw the pictures of an experiment and write them.

    Parameters
    ----------
    tables
        `<name>.runs`, and of `curves`, `rates` and `spectra` what there is.
    dictionary
        File of the words of figures.
    path
        File whose suffix says its format.
    """
    words = load_dictionary(dictionary, language_that_can_be_drawn(settings.language))
    data = FigureData(name.replace("_", " "), Word.UNDECIDED, (), tables)
    save(draw_pictures(drawings(name, tables, words), data, words, settings), path, settings)


def _curves(
    name: str, tables: Mapping[str, pd.DataFrame], axes: Sequence[str], words: Dictionary
) -> Iterator[Drawing]:
    curves = tables.get(f"{name}.curves", pd.DataFrame())
    along = "update" if tables[f"{name}.runs"]["updates"].nunique() == 1 else "epoch"
    if curves.empty or curves[along].nunique() < LEAST_POINTS:
        return
    color, panel = _shared(curves, axes)
    loss = curves["train_loss"].to_numpy(np.float64)
    log = bool(np.all(np.isfinite(loss) & (loss > 0)))
    yield Lines(
        kind="lines",
        **{"from": f"{name}.curves"},
        title=_title(words, "curves", axes, color, panel),
        x=along,
        y="train_loss" if log else "train_accuracy",
        y_scale="log" if log else "linear",
        color=color,
        panel=panel,
        show="none",
    )


def _final(
    name: str, tables: Mapping[str, pd.DataFrame], axes: Sequence[str], words: Dictionary
) -> Iterator[Drawing]:
    runs = tables[f"{name}.runs"]
    color, panel = _shared(runs, axes)
    x = next((axis for axis in axes if axis not in (color, panel)), color or "dataset")
    # an arm a place while there is room, else a line along them
    few = runs[x].nunique() <= MOST_ARMS
    shape: dict[str, Any] = {"kind": "arms"} if few else {"kind": "lines", "x_scale": "even"}
    yield (Arms if few else Lines)(
        **{"from": f"{name}.runs"},
        **shape,
        color=color if color != x else "",
        title=_title(words, "final", axes, x, color, panel),
        x=x,
        y=FINAL,
        panel=panel if panel != x else "",
    )


def _rates(
    name: str, tables: Mapping[str, pd.DataFrame], axes: Sequence[str], words: Dictionary
) -> Iterator[Drawing]:
    rates = tables.get(f"{name}.rates", pd.DataFrame())
    if rates.empty:
        return
    color, panel = _shared(rates, axes)
    yield Arms(
        kind="arms",
        **{"from": f"{name}.rates"},
        where={CHOSEN: True},
        title=_title(words, "rates", axes, color, panel),
        x=panel or color or "dataset",
        y="lr",
        y_scale="log",
        unit="cell",
        color=color if panel else "",
        average="geometric",
    )


def _spectra(
    name: str, tables: Mapping[str, pd.DataFrame], axes: Sequence[str], words: Dictionary
) -> Iterator[Drawing]:
    spectra = tables.get(f"{name}.spectra", pd.DataFrame())
    if spectra.empty:
        return
    color, panel = _shared(spectra, axes)
    yield Spectra(
        kind="spectra",
        **{"from": f"{name}.spectra"},
        title=_title(words, "spectra", axes, color, panel),
        rows=color or panel or "seed",
        panel=panel if color else "",
    )


def _shared(table: pd.DataFrame, axes: Sequence[str]) -> tuple[str, str]:
    """Give the axis of colours, that with most values of few, and the axis of panels."""
    counts = {axis: table[axis].nunique(dropna=False) for axis in axes if axis in table}
    few = [axis for axis, count in counts.items() if 1 < count <= MOST_COLORS]
    panel = "dataset" if 1 < counts.get("dataset", 1) <= MOST_PANELS else ""
    colors = [axis for axis in few if axis != panel]
    color = max(colors, key=lambda axis: counts[axis], default="")
    if not panel:
        rest = [axis for axis in colors if axis != color and counts[axis] <= MOST_PANELS]
        panel = rest[0] if rest else ""
    return color, panel


def _title(words: Dictionary, phrase: str, axes: Sequence[str], *shown: str) -> Words:
    """Say what a picture shows, and over which axes it averages."""
    # batch sizes first: a mean over these is never left unsaid
    rest = sorted((axis for axis in axes if axis not in shown), key=lambda axis: axis != "batch")
    text = words.phrase(phrase)
    for most in range(MOST_NAMED, -1, -1) if rest else ():
        named = [words.several(axis) for axis in rest[:most]]
        if len(rest) > most:
            named.append(words.phrase("other axes", n=len(rest) - most))
        comma = "、" if words.language == "zh" else " and "
        told = text + words.phrase("averaged", axes=comma.join(named))
        if len(named) <= MOST_NAMED and len(told.split()) <= MOST_WORDS:
            return Words(en=told)
    return Words(en=text)
