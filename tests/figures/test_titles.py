"""Titles say what the verdict's row says, in few words."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import dictionary, drawing, figure_data, part

from unstuck.claims.drawing import MOST_WORDS
from unstuck.figures.data import FigureData, Part, Row
from unstuck.figures.palette import Outcome
from unstuck.figures.title import make_title

NUMBER = re.compile(r"[+−]?\d[\d,]*(?:\.\d+)?(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
OUTCOMES: tuple[Outcome, ...] = (
    *("supported", "small", "direction", "no effect", "undecided", "wrong direction"),
    *("contradicted", "partly", "not tested here", "invalid"),
)
LONG = "largest change of the gradient along the step that descent takes"
OWN = {"en": "With it, accuracy is {e} points {higher|lower}", "zh": "准确率{高|低} {e} 个百分点"}


def numbers_of(text: str, data: FigureData) -> list[float]:
    """The numbers of a title but for those in the claim's words."""
    own = data.parts[0]
    for word in (own.measure, own.arm, own.reference):
        text = text.replace(word, "") if word else text
    return [float(found.replace(",", "").replace("−", "-")) for found in NUMBER.findall(text)]


@st.composite
def parts(draw: st.DrawFn) -> Part:
    scale = draw(st.sampled_from(["difference", "ratio"]))
    low, middle, high = sorted(draw(st.lists(st.floats(-90, 90), min_size=3, max_size=3)))
    if scale == "ratio":
        low, middle, high = (10 ** (value / 30) for value in (low, middle, high))
    row = Row("all data sets", middle, low, high, draw(st.sampled_from(OUTCOMES)), "primary")
    return part(
        scale=scale,
        margin=draw(
            st.sampled_from([1.5, 2.0, 10.0] if scale == "ratio" else [0.2, 0.5, 1, 5, 10])
        ),
        rows=(row,),
        measure=draw(st.sampled_from(["training accuracy", "updates", LONG])),
        reference=draw(st.sampled_from(["the full batch", ""])),
    )


@settings(max_examples=200, deadline=None)
@given(parts(), st.sampled_from([None, OWN]), st.sampled_from(["en", "zh"]))
def test_any_number_of_a_title_is_the_effect_as_the_verdict_has_it(
    given_part: Part, own: dict[str, str] | None, language: str
) -> None:
    data = figure_data(given_part)
    title = make_title(data, drawing(kind="effects", title=own), dictionary(language))
    row = given_part.primary
    found = numbers_of(title.text, data)
    assert len(found) <= 1
    for value in found:
        size = abs(row.effect) if value >= 0 else row.effect
        rounded = 0.05 * abs(size) if given_part.scale == "ratio" else 0.11 * given_part.margin
        assert value == pytest.approx(size, abs=rounded)
        signed = value if size == row.effect else -value
        assert row.low - 1e-9 <= signed <= row.high + 1e-9
    if not title.numbers:
        assert not found


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("measure", ["training accuracy", LONG])
def test_titles_are_short(outcome: Outcome, measure: str) -> None:
    title = make_title(
        figure_data(part(outcome, measure=measure)), drawing(kind="effects"), dictionary()
    )
    assert len(title.text.split()) <= MOST_WORDS + (8 if measure == LONG else 0)


@pytest.mark.parametrize("outcome", ["no effect", "undecided", "not tested here", "invalid"])
def test_where_nothing_was_found_no_number_is_told(outcome: Outcome) -> None:
    data = figure_data(part(outcome))
    title = make_title(data, drawing(kind="effects", title=OWN), dictionary())
    assert not numbers_of(title.text, data)
    assert "higher" not in title.text


@pytest.mark.parametrize(("sign", "word"), [(1, "higher"), (-1, "lower")])
def test_a_title_tells_the_sign_in_words(sign: int, word: str) -> None:
    row = Row("all data sets", 3.2 * sign, 2.9 * sign, 3.5 * sign, "supported", "primary")
    data = figure_data(part(rows=(row,)))
    for own in (None, OWN):
        title = make_title(data, drawing(kind="effects", title=own), dictionary())
        assert word in title.text
        assert "3.2" in title.text
        assert "−" not in title.text
