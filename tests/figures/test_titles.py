"""Titles say what the verdict's row says, in few words."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import WORDS, dictionary, drawing, figure_data, row

from unstuck.claims.answer import Filling
from unstuck.claims.drawing import MOST_WORDS, OwnWords
from unstuck.errors import ConfigError
from unstuck.figures.data import Row
from unstuck.figures.title import TOLD, make_title
from unstuck.figures.words import load_dictionary
from unstuck.statistics.rule import Word

NUMBER = re.compile(r"[+−]?\d[\d,]*(?:\.\d+)?")
OWN = {"en": "With it, accuracy is {e} points {higher|lower}", "zh": "准确率{高|低} {e} 个百分点"}
LONG = "{V}: in one of all the cases that were looked at here small batches gain {e} points"


def numbers_of(text: str) -> list[float]:
    return [float(found.replace(",", "").replace("−", "-")) for found in NUMBER.findall(text)]


@st.composite
def judged(draw: st.DrawFn) -> Row:
    scale = draw(st.sampled_from(["difference", "ratio"]))
    low, middle, high = sorted(draw(st.lists(st.floats(-90, 90), min_size=3, max_size=3)))
    if scale == "ratio":
        low, middle, high = (10 ** (value / 30) for value in (low, middle, high))
    return row(
        **{"scale": scale, "effect": middle, "low": low, "high": high},
        margin=2.0 if scale == "ratio" else 1.0,
        outcome=draw(st.sampled_from(list(Word))),
    )


@settings(max_examples=200, deadline=None)
@given(
    judged(),
    st.sampled_from([None, OWN]),
    st.sampled_from([LONG, ""]),
    st.sampled_from(["en", "zh"]),
)
def test_any_number_of_a_title_lies_inside_the_interval_of_the_verdict(
    given_row: Row, own: dict[str, str] | None, answer: str, language: str
) -> None:
    data = figure_data(given_row, answer=answer)
    title = make_title(data, drawing(kind="effects", title=own), dictionary(language))
    found = numbers_of(title)
    assert len(found) == int(data.outcome in TOLD)
    for value in found:
        turned = own is not None and given_row.scale == "difference" and given_row.effect < 0
        signed = -value if turned else value
        assert given_row.low - 1e-9 <= signed <= given_row.high + 1e-9


@pytest.mark.parametrize("outcome", list(Word))
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("answer", [LONG, "{V}: it gains {e} points ({lo} to {hi}). {S}"])
def test_titles_are_short(outcome: Word, language: str, answer: str) -> None:
    data = figure_data(row(outcome=outcome), answer=answer)
    title = make_title(data, drawing(kind="effects"), dictionary(language))
    assert len(title.split()) <= MOST_WORDS
    assert "{" not in title


def test_a_short_answer_is_the_title_without_its_word_and_interval() -> None:
    title = make_title(figure_data(), drawing(kind="effects"), dictionary())
    assert title == "Small batches gain 13.8 points"


def test_a_long_answer_gives_way_to_the_measure() -> None:
    title = make_title(figure_data(answer=LONG), drawing(kind="effects"), dictionary())
    assert title == "Training accuracy: +13.8 points"


@pytest.mark.parametrize("outcome", ["no effect", "undecided", "not tested here", "invalid"])
def test_where_nothing_was_found_no_number_is_told(outcome: Word) -> None:
    data = figure_data(row(outcome=outcome))
    title = make_title(data, drawing(kind="effects", title=OWN), dictionary())
    assert not numbers_of(title)
    assert "higher" not in title


@pytest.mark.parametrize(
    ("arms", "wanted"),
    [
        (("tuned", "fixed"), "Tuned or fixed: no difference in training accuracy that matters"),
        (("8", "all"), "Training accuracy: no difference that matters"),
        (("one " * 9, "two"), "Training accuracy: no difference that matters"),
    ],
)
def test_no_difference_is_one_between_arms(arms: tuple[str, str], wanted: str) -> None:
    sides = dict(zip(("arm", "reference"), ({"en": each} for each in arms), strict=True))
    words = dictionary().with_own(OwnWords.model_validate({"values": {"side": sides}}))
    data = figure_data(row(outcome="no effect"))
    assert make_title(data, drawing(kind="effects"), words) == wanted


@pytest.mark.parametrize(("sign", "word"), [(1, "higher"), (-1, "lower")])
def test_a_title_tells_the_sign_in_words(sign: int, word: str) -> None:
    found = row(
        effect=3.2 * sign, low=min(2.9 * sign, 3.5 * sign), high=max(2.9 * sign, 3.5 * sign)
    )
    title = make_title(figure_data(found), drawing(kind="effects", title=OWN), dictionary())
    assert word in title
    assert "3.2" in title or "3.20" in title
    assert "−" not in title


def test_a_choice_follows_the_sign_of_its_part() -> None:
    texts = {"a": "2.0", "b": "−2.0", "b_lo": "−3.0", "b_hi": "−1.0"}
    found = Filling(texts, {"b": {"b": "2.0", "b_lo": "1.0", "b_hi": "3.0"}})
    own = {"en": "A is {a} {a:up|down}, B is {b} ({b_lo} to {b_hi}) {b:up|down}"}
    title = make_title(figure_data(filling=found), drawing(kind="effects", title=own), dictionary())
    assert title == "A is 2.0 up, B is 2.0 (1.0 to 3.0) down"


def test_an_exact_claim_that_fails_does_not_say_that_it_holds() -> None:
    check = row(scale="exact", effect=3.0, outcome="contradicted", measure="wrong counts")
    own = {"en": "Not one count is wrong"}
    title = make_title(figure_data(check), drawing(kind="effects", title=own), dictionary())
    assert title == "Not so: wrong counts is 3"


def test_a_symbol_at_the_start_of_a_title_stays_small() -> None:
    own = {"en": "σ as a mean adds {e} points"}
    title = make_title(figure_data(row()), drawing(kind="effects", title=own), dictionary())
    assert title.startswith("σ")


def test_a_title_says_why_nothing_was_tested() -> None:
    data = figure_data(
        row(outcome="not tested here"), filling=Filling({"reason": "there is no GPU here"})
    )
    title = make_title(data, drawing(kind="effects", title=OWN), dictionary())
    assert title == "Training accuracy: not tested (there is no GPU here)"


def test_where_parts_disagree_the_title_says_partly() -> None:
    data = figure_data(row(outcome="partly"))
    title = make_title(data, drawing(kind="effects", title=OWN), dictionary())
    assert title == "Partly: With it, accuracy is 13.8 points higher"


def test_a_wrong_entry_of_the_words_is_told_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text(WORDS.read_text(encoding="utf-8") + "shades: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"words\.yaml: shades: the key is unknown\."):
        load_dictionary(file, "en")
