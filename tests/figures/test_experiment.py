"""Pictures of an experiment: whatever its axes, and of what it measured only."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pictures import WORDS, dictionary

from unstuck.figures.experiment import _title, drawings, save_experiment
from unstuck.study.grid import axes_of
from unstuck.study.report import FigureSettings

FIELDS = {"dataset": "digits", "network": "small", "optimizer": "sgd", "batch": "16"}


def tables(*more: str, tuned: bool = True, **axes: list[Any]) -> dict[str, pd.DataFrame]:
    """Two units at two rates of every point of a grid, and what is measured of them."""
    grid = pd.MultiIndex.from_product(axes.values(), names=list(axes)).to_frame(index=False)
    cells = grid.assign(**{key: value for key, value in FIELDS.items() if key not in axes})
    cells["cell"] = [f"cell{index}" for index in range(len(cells))]
    rates = cells.merge(pd.DataFrame({"lr": [0.1, 1.0]}), how="cross")
    rates["chosen"] = (rates["lr"] == 1.0) | (not tuned)
    runs = rates.merge(pd.DataFrame({"seed": [0, 1]}), how="cross").assign(updates=9)
    runs["test_accuracy"] = np.random.default_rng(0).uniform(0.2, 1, len(runs))
    order = ["cell", *FIELDS, "lr", "chosen", "seed", "updates", "test_accuracy"]
    runs = runs[order].assign(run_id=[f"run{index}" for index in range(len(runs))])
    curves = runs.merge(pd.DataFrame({"update": [0, 4, 9]}), how="cross")
    made = {"curves": curves.assign(train_loss=1 / (1 + curves["update"]), train_accuracy=0.5)}
    made["rates"] = rates
    made["spectra"] = runs.assign(eigenvalues=[np.linspace(-1, 3, 9)] * len(runs))
    return {"grid.runs": runs, **{f"grid.{kind}": made[kind] for kind in more}}


@pytest.mark.parametrize(
    ("axes", "tuned", "wanted"),
    [
        ({"optimizer": ["sgd", "adam"]}, True, ["optimizer"]),
        ({"dataset": ["a", "b"], "batch": ["8", "full"]}, True, ["batch", "dataset"]),
        ({"batch": ["8", "full"]}, False, ["batch", "lr"]),
        ({"batch": ["8"]}, True, []),
    ],
)
def test_axes_are_what_differs_between_arms(axes, tuned, wanted):
    assert axes_of(tables(tuned=tuned, **axes)["grid.runs"]) == wanted


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("axes", "more", "kinds"),
    [
        ({"batch": ["8"]}, ("curves", "rates", "spectra"), ["lines", "arms", "arms", "spectra"]),
        (
            {"dataset": ["a", "b"], "optimizer": ["sgd", "adam"], "batch": ["8", "16", "full"]},
            ("curves", "rates", "spectra"),
            ["lines", "arms", "arms", "spectra"],
        ),
        ({"network": [f"net{index}" for index in range(12)]}, (), ["lines"]),
    ],
)
def test_what_was_measured_is_drawn_along_its_axes(axes, more, kinds, language, tmp_path: Path):
    given = tables(*more, **axes)
    assert [each.kind for each in drawings("grid", given, dictionary(language))] == kinds
    path = tmp_path / "grid.svg"
    save_experiment("grid", given, WORDS, FigureSettings(language=language), path)
    text = path.read_text(encoding="utf-8")
    for value in next((axes[name] for name in axes if len(axes[name]) in (2, 3)), ()):
        assert dictionary(language).value("optimizer", value) in text or value in text
    first = path.read_bytes()
    save_experiment("grid", given, WORDS, FigureSettings(language=language), path)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("rest", "wanted"),
    [
        ([], "At the end"),
        (["lr"], "At the end, mean over learning rates"),
        (["schedule", "batch"], "At the end, mean over batch sizes and schedules"),
        (["a", "schedule", "batch"], "At the end, mean over batch sizes and 2 other axes"),
        (["own_axis"], "At the end, mean over Own axis"),
    ],
)
def test_a_title_says_what_is_averaged_and_batch_sizes_always(rest, wanted):
    axes = [*rest, "dataset"]
    table = pd.MultiIndex.from_product([["a", "b"]] * len(axes), names=axes).to_frame(index=False)
    # neither what goes with the data set nor what is always the same
    table = table.assign(target=table["dataset"], optimizer="adam")
    told = _title(dictionary(), "final", table, [*axes, "target", "optimizer"], "dataset", "", "x")
    assert told.en == wanted


def test_a_curve_of_two_points_and_a_race_that_was_not_run_are_left_out():
    given = tables("curves", "rates", batch=["8", "full"])
    given["grid.curves"] = given["grid.curves"].query("update != 4")
    given["grid.rates"] = given["grid.rates"].iloc[:0]
    assert [each.kind for each in drawings("grid", given, dictionary())] == ["arms"]
