"""What an experiment's runs came to: curves, final values, rates and spectra, arm by arm."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from unstuck.claims.drawing import MOST_WORDS, Drawing
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
Keys = dict[str, Any]  # of a drawing


def drawings(name: str, tables: Mapping[str, pd.DataFrame], words: Dictionary) -> list[Drawing]:
    """Describe the pictures of an experiment, as far as its tables have what they show."""
    runs = tables[f"{name}.runs"]
    axes = axes_of(runs)
    found = []
    for phrase, (kept, describe) in _PICTURES.items():
        table = tables.get(f"{name}.{kept}", pd.DataFrame())
        if table.empty:
            continue
        color, panel = _shared(table, axes)
        keys = describe(table, color, panel, axes, runs)
        if keys:
            title = _title(words, phrase, table, axes, color, panel, keys.get("x", ""))
            keys |= {"from": f"{name}.{kept}", "title": title}
            found.append(TypeAdapter(Drawing).validate_python(keys))
    return found


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
    table: pd.DataFrame, color: str, panel: str, axes: Sequence[str], runs: pd.DataFrame
) -> Keys:
    along = "update" if runs["updates"].nunique() == 1 else "epoch"
    if table[along].nunique() < LEAST_POINTS:
        return {}
    loss = table["train_loss"].to_numpy(np.float64)
    log = bool(np.all(np.isfinite(loss) & (loss > 0)))
    y = {"y": "train_loss", "y_scale": "log"} if log else {"y": "train_accuracy"}
    return {"kind": "lines", "x": along, **y, "color": color, "panel": panel, "show": "none"}


def _final(
    table: pd.DataFrame, color: str, panel: str, axes: Sequence[str], _: pd.DataFrame
) -> Keys:
    x = next((axis for axis in axes if axis not in (color, panel)), color or "dataset")
    # an arm a place while there is room, else a line along them
    few = table[x].nunique() <= MOST_ARMS
    shape = {"kind": "arms"} if few else {"kind": "lines", "x_scale": "even"}
    color, panel = ("" if name == x else name for name in (color, panel))
    return {**shape, "x": x, "y": FINAL, "color": color, "panel": panel}


def _rates(_: pd.DataFrame, color: str, panel: str, *__: Any) -> Keys:
    x = panel or color or "dataset"
    keys = {"kind": "arms", "where": {CHOSEN: True}, "x": x, "y": "lr", "y_scale": "log"}
    return keys | {"unit": "cell", "color": color if panel else "", "average": "geometric"}


def _spectra(_: pd.DataFrame, color: str, panel: str, *__: Any) -> Keys:
    rows = color or panel or "seed"
    return {"kind": "spectra", "rows": rows, "panel": panel if color else ""}


# by what they are called: table, and what describes a picture of its rows
_PICTURES: dict[str, tuple[str, Callable[..., Keys]]] = {
    "curves": ("curves", _curves),
    "final": ("runs", _final),
    "rates": ("rates", _rates),
    "spectra": ("spectra", _spectra),
}


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


def _title(
    words: Dictionary, phrase: str, table: pd.DataFrame, axes: Sequence[str], *shown: str
) -> Words:
    """Say what a picture shows, and over which axes it averages."""
    seen = [name for name in dict.fromkeys(shown) if name in table]
    places = table.groupby(seen or (lambda _: ""), dropna=False)
    # what goes with all that is shown, as a target with its data set, is no mean
    rest = [
        axis
        for axis in axes
        if axis in table and axis not in seen and places[axis].nunique(dropna=False).max() > 1
    ]
    # a mean over batch sizes is never left unsaid
    rest.sort(key=lambda axis: axis != "batch")
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
