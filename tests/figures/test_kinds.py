"""Every kind of figure: what its marks, words and colours are, and that its bytes stay."""

import hashlib
import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pictures import KINDS, WORDS, dictionary, drawing, figure_data, row, rows, runs
from pydantic import ValidationError

from unstuck.claims.model import load_claim
from unstuck.errors import DataError, NoRowsError, RegistryError
from unstuck.figures import fonts, gallery
from unstuck.figures.averages import average, by_unit, interval
from unstuck.figures.draw import draw
from unstuck.figures.judged import figure_data as judged_data
from unstuck.figures.lettering import power, tick, width_of, wrapped
from unstuck.figures.output import WIDTH, save
from unstuck.figures.palette import palette
from unstuck.figures.pen import LABEL
from unstuck.study.report import FigureSettings

LIGHT = FigureSettings()
PHONE = 390  # pixels
CLAIMS = WORDS.parents[1] / "claims"
# of a summary that holds no check
CHECKLESS = {"turned": {"en": {}}, "tested": [""], "checks": []}


def drawn(kind: str, settings: FigureSettings = LIGHT, **keys: Any) -> Figure:
    panel = drawing(kind=kind, **{**KINDS[kind], **keys})
    return draw(panel, figure_data(), dictionary(settings.language), settings)


def texts(figure: Figure) -> str:
    found = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return "\n".join(artist.get_text() for artist in found)


def svg(figure: Figure, folder: Path, settings: FigureSettings = LIGHT) -> str:
    path = folder / "figure.svg"
    save(figure, path, settings)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_a_figure_are_the_same_every_time(kind: str, tmp_path: Path) -> None:
    for again in ("one", "other"):
        figure = drawn(kind)
        (tmp_path / again).mkdir()
        for name in ("figure.svg", "figure.png", "figure.pdf"):
            save(figure, tmp_path / again / name, LIGHT)
    for name in ("figure.svg", "figure.png", "figure.pdf"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_an_svg_has_text_as_text_and_each_id_once(kind: str, tmp_path: Path) -> None:
    content = svg(drawn(kind), tmp_path)
    written = "".join(re.findall(r"<text [^>]*>([^<]*)</text>", content))
    assert "13.8" in written
    assert "supported" in written
    identifiers = re.findall(r' id="([^"]+)"', content)
    assert len(identifiers) == len(set(identifiers))
    assert "<dc:date>" not in content
    assert all(each.endswith("sans-serif") for each in re.findall("font-family: ([^;]*)", content))
    assert re.search(r"<dc:title>Small batches gain 13.8 points</dc:title>", content)


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_words_are_read_on_a_phone(kind: str, tmp_path: Path) -> None:
    sizes = [
        float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg(drawn(kind), tmp_path))
    ]
    assert len(sizes) > 5
    assert min(sizes) * PHONE / WIDTH >= 9


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_16_to_9_and_as_wide_as_asked(kind: str, tmp_path: Path) -> None:
    width = 400
    content = svg(drawn(kind), tmp_path, FigureSettings(width=width))
    assert re.search(r'<svg [^>]*width="([0-9.]+)"', content)[1] == str(width)
    assert re.search(r'<svg [^>]*height="([0-9.]+)"', content)[1] == f"{width * 9 / 16:g}"
    assert 'viewBox="0 0 1200 675"' in content


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_dark_screen_a_picture_has_the_colours_of_the_dark_scheme(kind, tmp_path) -> None:
    used = {}
    for scheme in ("auto", "dark"):
        settings = FigureSettings(scheme=scheme)
        save(drawn(kind, settings), tmp_path / f"{scheme}.svg", settings)
        used[scheme] = (tmp_path / f"{scheme}.svg").read_text(encoding="utf-8")
    rules = re.search(r"@media screen and \(prefers-color-scheme:dark\)\{(.*)\}\n", used["auto"])[1]
    turned = dict(re.findall(r'\[style\*="((?:fill|stroke): #\w{6})"\]\{\w+:(#\w{6})!', rules))
    colours = re.compile(r"(?:fill|stroke): #\w{6}")
    found = [
        turned.get(each, each)[-7:] for each in colours.findall(used["auto"].replace(rules, ""))
    ]
    wanted = [each[-7:] for each in colours.findall(used["dark"])]
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert to_rgb(one) == pytest.approx(to_rgb(other), abs=3 / 255)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mark_of_an_effect_has_the_colour_of_its_outcome(kind: str, scheme: str) -> None:
    colours = palette(scheme)
    figure = drawn(kind, FigureSettings(scheme=scheme))
    marks = [line for line in figure.findobj(Line2D) if str(line.get_gid()).startswith("effect-")]
    judged = {str(index): row for index, row in enumerate(rows())}
    seen = set()
    for mark in marks:
        found = re.fullmatch(r"effect-(?:beside|row)-(\d)-(.*?)(-interval)?", str(mark.get_gid()))
        assert found is not None, mark.get_gid()
        row = judged[found[1]]
        seen.add(row.name)
        assert found[2].replace("-", " ") == row.outcome
        assert same_color(mark.get_markeredgecolor(), colours.outcome(row.outcome)) or found[3]
        assert same_color(mark.get_color(), colours.outcome(row.outcome)) or not found[3]
        if not found[3]:
            assert mark.get_xdata()[0] == row.effect
    assert seen == {row.name for row in rows() if kind == "effects" or row.role != "scope"}


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        ({}, ["grey: negligible"]),
        ({"outcome": "direction"}, ["grey: negligible", "hollow: may be"]),
        ({"against": 50.0}, ["grey: about 50\u00a0%"]),
        ({"scale": "exact", "bound": "at least 2"}, []),
    ],
)
def test_what_grey_and_hollow_are_is_said_where_they_are(changes: Any, notes: list[str]) -> None:
    figure = draw(
        drawing(kind="arms", **KINDS["arms"]), figure_data(row(**changes)), dictionary(), LIGHT
    )
    words = figure.axes[-1].get_xlabel().split("\n")
    assert [line for line in words if line.startswith(("grey", "hollow"))] == notes


def test_a_list_names_the_parts_that_stand_beside() -> None:
    parts = [
        row(part="A"),
        row("digits", part="A", role="dataset"),
        row("trend", part="B", unit="decades"),
    ]
    for beside, names in ((True, {"Overall", "Trend"}), (["A"], {"Overall", "digits"})):
        panel = drawing(kind="lines", beside=beside, **{**KINDS["lines"], "panel": "dataset"})
        figure = draw(panel, figure_data(*parts), dictionary(), LIGHT)
        beside_it = {text.get_text() for ax in figure.axes[2:] for text in ax.texts}
        assert names <= beside_it
        assert ("Trend" in beside_it) == (beside is True)


@pytest.mark.parametrize("keys", [{"y_scale": "log"}, {"average": "geometric"}])
def test_logarithms_are_of_what_is_above_0_and_nothing_warns(keys: Any, recwarn: Any) -> None:
    table = runs().assign(train_accuracy=lambda rows: rows["train_accuracy"] - 0.95)
    assert table["train_accuracy"].min() < 0
    panel = drawing(kind="lines", **{**KINDS["lines"], **keys})
    figure = draw(panel, figure_data(tables={"batches.runs": table}), dictionary(), LIGHT)
    drawn_values = np.concatenate([line.get_ydata() for line in figure.axes[0].lines])
    assert np.nanmin(drawn_values) > 0
    assert not [each for each in recwarn if issubclass(each.category, RuntimeWarning)]
    none = figure_data(tables={"batches.runs": table.assign(train_accuracy=0.0)})
    with pytest.raises(NoRowsError, match="no train_accuracy is above 0"):
        draw(panel, none, dictionary(), LIGHT)


def test_a_mean_is_one_of_values_on_a_shared_axis_of_logarithms_too() -> None:
    table = pd.DataFrame({"panel": ["a"] * 4 + ["b"] * 4, "x": [1.0, 1.0, 10.0, 10.0] * 2})
    table = table.assign(seed=[0, 1] * 4, y=[1.0, 100.0, 2.0, 4.0] * 2)
    keys = {"kind": "lines", "from": "some.runs", "x": "x", "y": "y", "panel": "panel"}
    figure = draw(
        drawing(**keys, x_scale="log", y_scale="log"),
        *(figure_data(tables={"some.runs": table}), dictionary(), LIGHT),
    )
    assert [list(ax.lines[0].get_ydata()) for ax in figure.axes[:2]] == [[50.5, 3.0]] * 2


def test_a_row_without_a_number_takes_no_room_beside() -> None:
    nothing = row(outcome="not tested here", effect=math.nan, low=math.nan, high=math.nan)
    figure = draw(drawing(kind="arms", **KINDS["arms"]), figure_data(nothing), dictionary(), LIGHT)
    panels = runs()["dataset"].nunique()
    assert len(figure.axes) == panels
    assert len(drawn("arms").axes) > panels


@pytest.mark.parametrize("kind", ["lines", "effects"])
def test_words_that_look_like_formulas_are_words(kind: str, tmp_path: Path) -> None:
    keys = KINDS[kind] | {"title": {"en": "From $5 to $\\frac{$"}}
    data = figure_data(row(unit="$\\frac{$", measure="$x^2$"))
    figure = draw(drawing(kind=kind, **keys), data, dictionary(), LIGHT)
    written = svg(figure, tmp_path)
    assert "From $5 to $\\frac{$" in written
    assert "$\\frac{$" in texts(figure)
    save(figure, tmp_path / "figure.png", LIGHT)


def test_a_share_is_told_itself_and_not_what_it_differs_by() -> None:
    share = row(effect=-47.8, low=-49.7, high=-41.9, against=50.0)
    figure = draw(drawing(kind="arms", **KINDS["arms"]), figure_data(share), dictionary(), LIGHT)
    words = texts(figure)
    assert "2\u00a0%" in words
    assert "Share (%)" in words
    assert "47.8" not in words
    ticks = [each.get_text() for each in figure.axes[-1].get_xticklabels()]
    assert ticks == ["0", "20", "40"]


def test_differences_on_one_axis_have_as_many_decimals() -> None:
    wide = row("digits", effect=-45.65, low=-49.4, high=-35.1, role="dataset")
    figure = draw(drawing(kind="effects"), figure_data(row(), wide), dictionary(), LIGHT)
    assert "+13.8" in texts(figure)
    assert "−45.6" in texts(figure) or "−45.7" in texts(figure)


@pytest.mark.parametrize(
    ("effect", "margin"), [(1_084_124.0, 10.0), (1.25, 2.0), (0.44, 1.5), (1.3e-8, 3.0)]
)
def test_names_of_ticks_and_of_rows_keep_apart_beside_a_picture(
    effect: float, margin: float
) -> None:
    factor = row(scale="ratio", margin=margin, effect=effect, low=effect / 1.2, high=effect * 1.2)
    long = row("the rank correlation of sharpness and lower test accuracy", part="B")
    figure = draw(
        drawing(kind="arms", **KINDS["arms"]), figure_data(factor, long), dictionary(), LIGHT
    )
    figure.draw_without_rendering()
    assert tuple(figure.get_size_inches() * figure.dpi) == (1200, 675)
    assert "×1" in [each.get_text() for each in figure.axes[-2].get_xticklabels()]
    for ax in figure.axes[-2:]:
        names = [each for each in ax.get_xticklabels() if each.get_text()]
        extents = [name.get_window_extent() for name in names]
        assert len(names) > 1
        assert all(one.x1 < other.x0 for one, other in itertools.pairwise(extents))


def test_lines_that_end_early_are_named_above_and_not_across_others() -> None:
    table = runs()
    early = table[~((table["dataset"] == "digits") & (table["batch"] == "full"))]
    tables = {"batches.runs": early}
    for given, mark in ((figure_data(), "digits"), (figure_data(tables=tables), "● digits")):
        panel = drawing(kind="lines", **{**KINDS["lines"], "color": "dataset"})
        found = draw(panel, given, dictionary(), LIGHT)
        assert mark in texts(found).split("\n")


@pytest.mark.parametrize(("left_out", "mark"), [("8", "digits"), ("full", "● digits")])
def test_lines_are_named_above_where_the_last_panel_lacks_one(left_out: str, mark: str) -> None:
    table = runs()
    lines = table[~((table["dataset"] == "digits") & (table["batch"] == left_out))]
    keys = {**KINDS["lines"], "x": "seed", "panel": "batch", "color": "dataset"}
    found = draw(
        drawing(kind="lines", **keys | {"where": {"batch": ["8", "full"]}}),
        figure_data(tables={"batches.runs": lines}),
        dictionary(),
        LIGHT,
    )
    assert mark in texts(found).split("\n")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("海森矩阵的最大特征值", 18, ["海森矩阵的", "最大特征值"]),
        ("不共享的滤波器", 12, ["不共享的", "滤波器"]),
        ("the largest eigenvalue", 18, ["the largest", "eigenvalue"]),
        ("σ", 5, ["σ"]),
    ],
)
def test_lines_of_chinese_are_even(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width).split("\n") == lines


def test_numbers_on_an_axis_of_arms_are_named() -> None:
    for column, named in (("batch", True), ("dataset", False)):
        figure = drawn("arms", x=column, color="")
        assert bool(figure.axes[0].get_xlabel()) == named


def test_words_come_from_the_claim_before_the_dictionary() -> None:
    own = {
        "columns": {"train_accuracy": {"en": "Learnt", "unit": "%", "times": 100}},
        "values": {"dataset": {"digits": {"en": "handwriting"}}},
    }
    words = texts(drawn("lines", words=own))
    assert "Learnt (%)" in words
    assert "handwriting" in words
    assert "Samples an update" in words  # the dictionary's word of `batch`
    assert "Training accuracy (%)" not in words


def test_all_words_of_a_chinese_figure_are_chinese() -> None:
    words = texts(drawn("lines", FigureSettings(language="zh")))
    assert "训练准确率（%）" in words
    assert "每次更新的样本数" in words
    assert "成立" in words
    assert "Samples" not in words


def test_a_list_in_where_is_an_order() -> None:
    figure = drawn("lines", where={"batch": ["full", "8"]})
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["all", "8"]


@pytest.mark.parametrize(("epochs", "named"), [(4, True), (31, False)])
def test_a_few_numbers_from_zero_are_named_one_by_one_and_many_are_not(
    epochs: int, named: bool
) -> None:
    points = pd.DataFrame([{"epoch": i, "loss": 1 / (i + 1), "seed": 0} for i in range(epochs)])
    data = figure_data(tables={"grid.curves": points})
    panel = drawing(kind="lines", **{"from": "grid.curves"}, x="epoch", y="loss")
    axis = draw(panel, data, dictionary(), FigureSettings()).axes[0].xaxis
    assert (len(axis.get_majorticklocs()) == epochs) is named


def test_the_share_that_is_claimed_is_named_in_the_colour_of_what_it_is_claimed_of() -> None:
    figure = drawn("shares", mark=0.25)
    found = next(text for text in figure.axes[0].texts if "claimed" in text.get_text())
    assert found.get_text() == "claimed: over 25 %"
    assert same_color(found.get_color(), figure.axes[0].patches[0].get_facecolor())


def test_shares_are_those_of_the_rows() -> None:
    table = runs()
    figure = drawn("shares")
    bars = [patch for patch in figure.axes[0].patches]
    digits = table[table["dataset"] == "digits"]["kind"].value_counts(normalize=True)
    first = min(bar.get_y() for bar in bars)
    widths = sorted(bar.get_width() for bar in bars if bar.get_y() == first)
    assert widths == pytest.approx(sorted(digits))


def test_shares_of_units_count_alike_and_their_numbers_keep_clear() -> None:
    # of the first unit nine rows of ten, of the second none of one
    table = pd.DataFrame({"seed": [1] * 10 + [2], "kind": ["saddle"] * 9 + ["minimum"] * 2})
    keys = {"kind": "shares", "from": "some.points", "of": "kind", "rows": ["width"]}
    data = figure_data(tables={"some.points": table.assign(width="one")})
    for over, saddles in (("seed", 0.45), ("", 9 / 11)):
        figure = draw(drawing(**keys, mean_over=over, mark=0.5), data, dictionary(), LIGHT)
        ax = figure.axes[0]
        ends = np.cumsum([0, *(bar.get_width() for bar in ax.patches)])
        assert ends == pytest.approx([0, saddles, 1])
        wide = ax.get_window_extent().width
        told = [text for text in ax.texts if re.fullmatch(r"\d+ %", text.get_text())]
        assert [text.get_text() for text in told] == [
            f"{100 * share:.0f} %" for share in (saddles, 1 - saddles)
        ]
        for text, low, high in zip(told, ends[:-1], ends[1:], strict=True):
            half = width_of(text.get_text(), LABEL, "bold") / 2 / wide
            middle = text.get_position()[0]
            assert low < middle - half < middle + half < high
            assert abs(middle - 0.5) > half


@pytest.mark.parametrize("only", ["saddle", "nothing"])
def test_of_a_value_that_stands_alone_each_bar_tells_its_share_and_none_as_0(only: str) -> None:
    table = runs()[["dataset", "batch", "kind"]]
    empty = {"batches.runs": table.replace({"kind": {"saddle": "none"}})}
    share = 100 * (table["kind"] == only)
    for given, wanted in ((figure_data(), share), (figure_data(tables=empty), 0 * share)):
        panel = drawing(kind="shares", **{**KINDS["shares"], "only": only})
        figure = draw(panel, given, dictionary(), LIGHT)
        words = [text.get_text() for text in figure.axes[0].texts]
        told = [word for word in words if re.fullmatch(r"\d+ %", word)]
        by_set = wanted.groupby(table["dataset"]).mean()
        assert sorted(told) == sorted(f"{value:.0f} %" for value in by_set)
        assert "●" not in texts(figure)


def test_lines_pass_through_the_means_of_units() -> None:
    table = runs()
    means = table[table["dataset"] == "digits"].groupby("batch")["train_accuracy"].mean()
    heights = [
        tuple(line.get_ydata())
        for line in drawn("lines").axes[0].lines
        if line.get_linewidth() == 4
    ]
    assert any(
        height == pytest.approx(tuple(means[["8", "32", "128", "full"]]))
        for height in map(tuple, heights)
    )


def test_an_axis_begins_at_0_where_that_is_wanted() -> None:
    assert drawn("lines", from_zero=True).axes[0].get_ylim()[0] == 0
    assert drawn("lines").axes[0].get_ylim()[0] > 0


def test_a_level_is_named_at_the_axis_in_place_of_ticks_that_it_would_touch() -> None:
    words = {"goal_words": {"en": "target"}, "panel": "dataset", "color": "", "share_y": True}
    figure = drawn("lines", goal=0.8, **words)
    left, right = figure.axes[:2]
    assert [text.get_text() for text in left.get_yticklabels(minor=True)] == ["target"]
    assert not any(text.get_visible() for text in right.get_yticklabels(minor=True))
    shown = [text.get_text() for text in left.get_yticklabels()]
    assert "80" not in shown
    assert "80" in [text.get_text() for text in drawn("lines").axes[0].get_yticklabels()]
    assert [line.get_ydata()[0] for line in right.lines if line.is_dashed()] == [0.8]


def test_a_level_of_a_column_is_that_of_each_panel() -> None:
    table = runs()
    table["level"] = table["dataset"].map({"digits": 0.95, "mnist1d": 0.6})
    panel = drawing(**{"kind": "lines", **KINDS["lines"], "panel": "dataset", "goal": "level"})
    figure = draw(panel, figure_data(tables={"batches.runs": table}), dictionary(), LIGHT)
    levels = [
        line.get_ydata()[0] for ax in figure.axes[:2] for line in ax.lines if line.is_dashed()
    ]
    assert levels == [0.95, 0.6]


@pytest.mark.parametrize(("name", "mark"), [("a name as long as this", "●"), ("short", "")])
def test_long_names_stand_above_several_panels_and_do_not_narrow_them(name: str, mark: str) -> None:
    table = pd.DataFrame({"x": [0, 1, 2] * 4, "y": [0, 1, 2, 9, 8, 7] * 2, "seed": 0})
    table = table.assign(arm=(["a"] * 3 + ["b"] * 3) * 2, half=["one"] * 6 + ["other"] * 6)
    keys = {"from": "some.curves", "x": "x", "y": "y", "color": "arm", "panel": "half"}
    words = {"values": {"arm": {"a": {"en": name}, "b": {"en": "other"}}}}
    panel = drawing(**keys, kind="lines", words=words)
    figure = draw(panel, figure_data(tables={"some.curves": table}), dictionary(), LIGHT)
    assert f"{mark} {name}".strip() in texts(figure)
    assert ("●" in texts(figure)) is bool(mark)


@pytest.mark.parametrize(("up", "side"), [(1, "right"), (-1, "left")])
def test_a_single_line_without_units_has_its_numbers_clear_of_it(up: int, side: str) -> None:
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [2.0**up, 0.51234, 2.0**-up][::-1]})
    keys = {"kind": "lines", "from": "some.line", "x": "x", "y": "y", "unit": "x", "show": "none"}
    figure = draw(drawing(**keys), figure_data(tables={"some.line": table}), dictionary(), LIGHT)
    numbers = [text for text in figure.axes[0].texts if text.get_ha() == side]
    told = [text.get_text() for text in numbers if text.get_text() != "Y"]
    assert told == ["0.5", "0.512", "2"][::up]


def test_of_a_column_of_which_the_best_is_wanted_each_place_has_its_own() -> None:
    # at the second place the lowest rate loses a unit
    table = pd.DataFrame({"x": [1.0] * 4 + [2.0] * 4, "rate": [0.1, 0.1, 0.3, 0.3] * 2})
    table = table.assign(seed=[0, 1] * 4, y=[3.0, 5.0, 6.0, 8.0, 1.0, np.nan, 7.0, 9.0])
    keys = {"kind": "lines", "from": "some.walks", "x": "x", "y": "y", "where": {"rate": "best"}}
    figure = draw(drawing(**keys), figure_data(tables={"some.walks": table}), dictionary(), LIGHT)
    assert [4.0, 8.0] in [list(line.get_ydata()) for line in figure.axes[0].lines]


def test_rows_of_one_unit_are_averaged_as_units_are() -> None:
    table = pd.DataFrame({"x": ["a"] * 4, "unit": [0, 0, 1, 1], "y": [1.0, 4.0, 2.0, 8.0]})
    assert by_unit(table, "x", "unit", "y", "mean").loc["a"].tolist() == [2.5, 5]
    assert by_unit(table, "x", "unit", "y", "geometric").loc["a"].tolist() == pytest.approx([2, 4])


def test_a_walk_is_drawn_in_the_order_of_its_updates() -> None:
    lines = [line for line in drawn("paths").axes[0].lines if len(line.get_xdata()) == 60]
    starts = sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in lines)
    assert starts == [(-1.5, 0.9), (-1.5, 0.9), (1.6, -0.6), (1.6, -0.6)]


def test_cells_are_averages_in_the_unit_of_the_dictionary() -> None:
    means = 100 * runs().groupby(["dataset", "batch"])["train_accuracy"].mean()
    cells = drawn("heat").axes[0].collections[0].get_array()
    expected = [
        [means[name][batch] for batch in ("8", "32", "128", "full")]
        for name in ("digits", "mnist1d")
    ]
    assert np.allclose(cells, expected)


@pytest.mark.parametrize(("least", "palest"), [(-3, 0), (1, 1)])
def test_cells_below_zero_are_as_pale_as_zero(least: int, palest: int) -> None:
    table = pd.DataFrame({"x": [0, 1, 2], "y": [0] * 3, "value": [least, 2, 3]})
    keys = {"kind": "heat", "from": "some.cells", "x": "x", "y": "y", "value": "value"}
    figure = draw(drawing(**keys), figure_data(tables={"some.cells": table}), dictionary(), LIGHT)
    assert figure.axes[0].collections[0].norm.vmin == palest


def test_cells_whose_values_have_names_show_these() -> None:
    table = pd.DataFrame({"x": range(12), "y": [0] * 12, "weight": [0, 1, -1] * 4})
    names = {"weight": {"0": {"en": "a"}, "1": {"en": "b"}}}
    panel = drawing(
        **{"kind": "heat", "from": "some.matrix", "x": "x", "y": "y", "value": "weight"},
        **{"where": {"weight": {"at_least": 0}}, "words": {"values": names}},
    )
    figure = draw(panel, figure_data(tables={"some.matrix": table}), dictionary(), LIGHT)
    cells = {text.get_position()[0] - 0.5: text.get_text() for text in figure.axes[0].texts[:8]}
    # a column without a value that is shown is none
    assert cells == {index: "ab"[index % 2] for index in range(8)}


def test_a_box_of_the_deviation_is_that_of_the_values_themselves() -> None:
    values = np.random.default_rng(0).normal(3, 2, (2, 400))
    table = pd.DataFrame({"x": np.repeat([0, 1], 400), "y": values.ravel()})
    panel = drawing(
        **{"kind": "arms", "from": "some.samples", "x": "x", "y": "y", "unit": ""}, box="deviation"
    )
    figure = draw(panel, figure_data(tables={"some.samples": table}), dictionary(), LIGHT)
    boxes = [each.get_paths()[0].get_extents().intervaly for each in figure.axes[0].collections]
    for box, arm in zip(boxes, values, strict=True):
        assert tuple(box) == pytest.approx((arm.mean() - arm.std(), arm.mean() + arm.std()))
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [100, 100]
    said = " ".join(texts(figure).split())
    assert "Dots: 100 data splits; bar: mean, one standard deviation to either side." in said


def test_a_panel_of_walks_has_the_ground_of_its_own() -> None:
    ground = pd.DataFrame([(x, y, x + 0.0, 5.0 * y) for x in range(9) for y in range(9)])
    ground.columns = ["x", "y", "first", "second"]
    walks = pd.DataFrame({"loss": ["one", "one", "two"], "x": [0, 8, 4], "y": 4, "update": 0})
    tables = {"some.walks": walks, "some.ground": ground}
    keys = {"kind": "paths", "from": "some.walks", "surface": "some.ground", "color": "loss"}
    heights = {"one": "first", "two": "second"}
    panel = drawing(**keys, panel="loss", height=heights, levels="linear")
    figure = draw(panel, figure_data(tables=tables), dictionary(), LIGHT)
    tops = [max(ax.collections[0].levels) for ax in figure.axes[:2]]
    assert tops == pytest.approx([8, 40], rel=0.1)
    # one that never left its start is a dot in a ring
    sizes = [line.get_markersize() for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert sizes[0] > sizes[1]
    # places that nothing leaves have no ring
    places = drawing(**keys, panel="loss", height=heights, walk="x")
    alone = draw(places, figure_data(tables=tables), dictionary(), LIGHT)
    assert [len(ax.lines) for ax in alone.axes[:2]] == [4, 2]
    with pytest.raises(DataError, match="height has no column for loss two; it has one"):
        draw(
            drawing(**keys, panel="loss", height={"one": "first"}),
            *(figure_data(tables=tables), dictionary(), LIGHT),
        )


def test_eigenvalues_have_the_colour_of_their_sign() -> None:
    table = pd.DataFrame({"place": ["a"], "eigenvalues": [np.array([-2.0, -1.0, 1e-9, 3.0])]})
    panel = drawing(kind="spectra", rows="place", **{"from": "some.spectra"})
    figure = draw(panel, figure_data(tables={"some.spectra": table}), dictionary(), LIGHT)
    series = palette("light").series
    shown = {
        line.get_color(): list(np.sign(np.round(line.get_xdata(), 3)))
        for line in figure.axes[0].lines
        if line.get_marker() == "o"
    }
    assert shown == {series["slate"]: [0], series["blue"]: [1], series["orange"]: [-1, -1]}
    assert "67 % lead down" in texts(figure)


def test_the_values_that_a_claim_compares_are_drawn_with_the_names_of_its_arms() -> None:
    values = pd.DataFrame(
        [
            {"line": "", "side": side, "dataset": "digits", "unit": unit, "value": level + unit}
            for side, level in (("arm", 90.0), ("reference", 80.0))
            for unit in range(5)
        ]
    )
    claim = load_claim(CLAIMS / "1.2" / "1.2.5-small-trains-better.yaml")
    summary = {"word": "supported", "texts": {"en": {"e": "10.0"}}, **CHECKLESS}
    found = {
        **{"line": "", "role": "primary", "part": "", "word": "supported", "told": False},
        **{"places": "digits", "effect": 10.0, "low": 9.0, "high": 11.0},
    }
    tables = {"claim.values": values}
    data = judged_data(claim, {**summary, "comparisons": [found]}, tables, dictionary())
    assert [(row.name, row.effect, row.outcome) for row in data.rows] == [
        ("digits", 10.0, "supported")
    ]
    panel = drawing(kind="arms", x="side", y="value", unit="unit", **{"from": "claim.values"})
    figure = draw(panel, data, dictionary(), LIGHT)
    assert [each.get_text() for each in figure.axes[0].get_xticklabels()] == ["8", "all"]
    assert "Training accuracy (%)" in texts(figure)


def test_a_part_is_called_beside_the_picture_as_its_figure_says_and_else_by_its_measure() -> None:
    claim = load_claim(CLAIMS / "3.1" / "3.1.4-placement.yaml")
    found = [
        {
            **{"line": part, "role": "primary", "part": part, "word": "supported", "told": False},
            **{"places": "digits", "effect": 1.0, "low": 0.5, "high": 1.5},
        }
        for part in ("A", "B")
    ]
    summary = {"word": "supported", "texts": {"en": {}}, **CHECKLESS, "comparisons": found}
    assert claim.figure is not None
    named = {"values": {"part": {"A": {"en": "the mean of two"}}}}
    own = drawing(**{**claim.figure.model_dump(by_alias=True), "words": named})
    renamed = claim.model_copy(update={"figure": own})
    rows = judged_data(renamed, summary, {}, dictionary()).rows
    assert [row.name for row in rows] == ["the mean of two", "accuracy with sigmoid"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_dictionary_has_every_phrase_in_both_languages(language: str) -> None:
    common = dictionary(language).common
    for words in (*common.phrases.values(), *common.outcomes.values(), *common.units.values()):
        assert words.zh
        assert set(re.findall(r"\{(\w+)\}", words.en)) == set(re.findall(r"\{(\w+)\}", words.zh))


@pytest.mark.parametrize("file", sorted(CLAIMS.glob("*/*.yaml")), ids=lambda file: file.stem)
def test_parts_of_a_claim_have_chinese_names(file: Path) -> None:
    claim = load_claim(file)
    words = dictionary("zh").with_own(claim.figure.words)
    for line, part in claim.parts.items():
        named = part.name or words.column(str(part.value))
        assert len(claim.parts) == 1 or named.zh, line


def test_without_a_chinese_font_figures_are_in_english_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    assert fonts.language_that_can_be_drawn("zh") == "en"
    assert "No font with Chinese letters" in caplog.text
    assert fonts.language_that_can_be_drawn("en") == "en"


def test_the_picture_of_the_readme_is_the_one_that_the_default_study_draws() -> None:
    repository = CLAIMS.parents[1]
    shown = (repository / "docs/images/stuck-where.svg").read_bytes()
    known = json.loads((repository / "reference/digests.json").read_text(encoding="utf-8"))
    drawn = known["files"]["results/figures/1.1.7.svg"]
    assert hashlib.sha256(shown).hexdigest() == drawn, "run `make picture`"
    assert "docs/images/stuck-where.svg" in (repository / "README.md").read_text(encoding="utf-8")


def test_the_gallery_is_what_it_draws() -> None:
    repository = CLAIMS.parents[1]
    written = (repository / gallery.PAGE).read_text(encoding="utf-8")
    assert written == gallery.page(), "run `make docs`"
    for kind in KINDS:
        assert (repository / gallery.IMAGES / f"{kind}.svg").is_file()


@pytest.mark.parametrize(
    ("kind", "keys", "said"),
    [
        ("lines", {"y": "height"}, "no column height"),
        ("lines", {"where": {"batch": "64"}}, "no row has batch '64'"),
        ("lines", {"from": "other.runs"}, "no table other.runs"),
        ("scatter", {"panel": "seed"}, "10 panels, of at most 4"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(
    kind: str, keys: dict[str, Any], said: str
) -> None:
    panel = drawing(kind=kind, **{**KINDS.get(kind, {}), **keys})
    with pytest.raises((DataError, RegistryError), match=re.escape(said)):
        draw(panel, figure_data(), dictionary(), LIGHT)


@pytest.mark.parametrize(
    "keys",
    [
        {"kind": "pie"},
        {"kind": "lines", "from": "batches.runs", "x": "batch"},
        {"kind": "lines", "from": "runs", "x": "batch", "y": "loss"},
        {"kind": "effects", "color": "dataset"},
        {"kind": "paths", "from": "a.b", "height": {"one": "first"}},
        {"kind": "effects", "title": {"en": "one " * 15}},
        {"kind": "effects", "below": [{"kind": "effects", "below": [{"kind": "effects"}]}]},
    ],
)
def test_wrong_descriptions_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        drawing(**keys)


def test_pictures_below_make_a_figure_taller() -> None:
    figure = drawn("lines", below=[{"kind": "scatter", **KINDS["scatter"]}])
    assert tuple(figure.get_size_inches() * figure.dpi) == pytest.approx((1200, 675 + 470))


def test_a_picture_below_says_what_its_marks_are_where_they_are_others() -> None:
    arms = {"kind": "arms", **KINDS["arms"]}
    for above in ("lines", "scatter"):
        assert "bar: mean" in texts(drawn(above, below=[arms]))
    for by, often in (("mean", 1), ("median", 2)):
        words = " ".join(texts(drawn("arms", below=[{**arms, "average": by}])).split())
        assert words.count("Dots: 10") == often


def test_units_are_counted_arm_by_arm() -> None:
    table = runs()
    fewer = table[(table["batch"] != "8") | (table["seed"] < table["seed"].min() + 4)]
    data = figure_data(tables={"batches.runs": fewer})
    figure = draw(drawing(kind="arms", **KINDS["arms"]), data, dictionary(), LIGHT)
    assert "Dots: 4 to 10 data splits" in " ".join(texts(figure).split())


@pytest.mark.parametrize(("part", "heading"), [("B", "Of B: 13.8"), ("A", "")])
def test_a_heading_tells_of_a_part_that_was_tested_alone(part: str, heading: str) -> None:
    below = {"kind": "arms", **KINDS["arms"], "title": {"en": "Below.[B: Of B: {e}]"}}
    panel = drawing(kind="arms", **KINDS["arms"], below=[below])
    figure = draw(panel, figure_data(row(part=part)), dictionary(), LIGHT)
    assert f"Below. {heading}".strip() in texts(figure).split("\n")


def test_factors_have_an_axis_of_logarithms_and_checks_their_bounds() -> None:
    factor = row(scale="ratio", margin=1.5, effect=3.0, low=2.0, high=4.5)
    check = row(scale="exact", margin=0.0, effect=2.98, bound="at least 2.95")
    figure = draw(drawing(kind="effects"), figure_data(factor, check), dictionary(), LIGHT)
    marks = {str(line.get_gid()): line for line in figure.findobj(Line2D)}
    assert marks["effect-row-0-supported"].get_xdata()[0] == pytest.approx(np.log10(3))
    words = texts(figure)
    assert "×3.0" in words
    assert "at least 2.95" in words
    assert "2.98" in words


@pytest.mark.parametrize(
    ("value", "text"), [(1e-8, "10⁻⁸"), (2.1e-8, "2.1 × 10⁻⁸"), (0.01, "0.01"), (0.0, "0")]
)
def test_a_tick_leaves_out_a_factor_of_one_and_no_other(value: float, text: str) -> None:
    assert tick(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1e-8, "10⁻⁸"), (0.01, "10⁻²"), (10.0, "10"), (3e-4, "3 × 10⁻⁴")]
)
def test_a_power_is_written_as_one_where_others_must_be(value: float, text: str) -> None:
    assert power(value) == text


@pytest.mark.parametrize("by", ["mean", "geometric"])
def test_an_interval_is_drawn_of_five_units_and_of_no_fewer(by: str) -> None:
    values = np.array([1.0, 2.0, 4.0, 5.0, 7.0])
    assert interval(values[:4], by) == (average(values[:4], by),) * 2
    low, high = interval(values, by)
    assert low < average(values, by) < high
