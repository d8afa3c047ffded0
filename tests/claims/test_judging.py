"""From a claim and tables to its word, and from that to sentences."""

import math
import re
from copy import deepcopy
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hand_tables import accuracies, cells, runs

from unstuck.claims import results
from unstuck.claims.answer import answer
from unstuck.claims.model import Claim
from unstuck.claims.terms import Words
from unstuck.claims.verdict import decide
from unstuck.errors import DataError
from unstuck.statistics.rule import Word

MINE = {
    "id": "x.1",
    "slug": "mine",
    "question": {"en": "Is a better than b?", "zh": "a 比 b 好吗？"},
    "statement": "a is better than b.",
    "measure": {
        "name": {"en": "accuracy", "zh": "准确率"},
        "value": "test_accuracy",
        "unit": "percentage points",
        "margin": 1,
        "best": 100,
    },
    "primary": {
        "from": "e.runs",
        "arm": {"arm": "a"},
        "reference": {"arm": "b"},
        "over": {"dataset": "mean"},
    },
    "answer": {
        "en": "{V}: a is {e} points {better|worse} ({lo} to {hi}). {S}",
        "zh": "{V}：a 比 b {高|低} {e} 个百分点（{lo}～{hi}）。{S}",
    },
}


def claim(**changes) -> Claim:
    content = deepcopy(MINE)
    for path, value in changes.items():
        *parents, last = path.split("__")
        here = content
        for key in parents:
            here = here.setdefault(key, {})
        here[last] = value
    return Claim.model_validate(content)


@cache
def tables(easy: float, hard: float | None = None, level: float = 0.0, units: int = 40):
    """Runs in which arm a gains so much on each of two data sets, with scatter of 0.2 points.

    Made once: a test that changes a table takes a copy.
    """
    gains = {"easy": easy, "hard": easy if hard is None else hard}
    table = runs(
        cells(dataset=["easy", "hard"], arm=["a", "b"], size=[1]),
        accuracies(lambda place: level + gains[place["dataset"]] * (place["arm"] == "a")),
        units=units,
    )
    noise = np.random.default_rng(5).normal(size=len(table)) * 0.002
    return {"e.runs": table.assign(test_accuracy=table["test_accuracy"] + noise)}


@pytest.mark.parametrize(
    ("easy", "hard", "word"),
    [
        (0.02, 0.02, "supported"),
        (0.005, 0.005, "small"),
        (0.01, 0.01, "direction"),
        (0.0, 0.0, "no effect"),
        (-0.02, -0.02, "contradicted"),
        (-0.01, -0.01, "wrong direction"),
        (0.08, -0.02, "partly"),
    ],
)
def test_the_word_of_an_effect(easy, hard, word):
    assert decide(claim(), tables(easy, hard)).word == word


@pytest.mark.parametrize(
    ("kind", "gain", "word"),
    [
        ("equivalence", 0.003, "supported"),
        ("equivalence", 0.03, "contradicted"),
        ("no worse", 0.03, "supported"),
        ("no worse", -0.005, "supported"),
        ("no worse", -0.03, "contradicted"),
    ],
)
def test_the_word_of_other_claims(kind, gain, word):
    assert decide(claim(measure__claims=kind), tables(gain)).word == word


def test_a_data_set_at_the_ceiling_leaves_and_is_named():
    table = tables(0.02, level=0.385)["e.runs"].copy()
    hard = table["dataset"] == "hard"
    table.loc[hard, "test_accuracy"] -= 0.3
    found = decide(claim(), {"e.runs": table})
    assert found.word == "supported"
    assert found.parts[0].compared.places == ("hard",)
    assert "Left out: easy, learnt to the end." in answer(found, "en").headline
    assert "未计入 易：已学到顶。" in answer(found, "zh", {"easy": Words(en="e", zh="易")}).headline


def test_nothing_left_is_not_tested():
    found = decide(claim(), tables(0.005, level=0.385))
    assert found.word == "not tested here"
    assert answer(found, "en").text == "Not tested here: learnt to the end."


def test_a_need_that_does_not_hold_gives_its_word_and_reason():
    need = {
        "from": "e.runs",
        "where": {"size": {"at_least": 2}},
        "reduce": "count",
        "holds": {"at_least": 1},
        "reason": {"en": "there is no large one", "zh": "没有大的"},
    }
    found = decide(claim(primary__needs=[need]), tables(0.02))
    assert found.word == "not tested here"
    assert answer(found, "en").text == "Not tested here: there is no large one."
    assert answer(found, "zh").text == "此处未测：没有大的。"


@pytest.mark.parametrize(
    ("word", "expected"), [("supported", "supported"), ("no effect", "not tested here")]
)
def test_a_gate_opens_for_a_yes(word, expected):
    gated = claim(primary__gate="1.2.6")
    assert decide(gated, tables(0.02), {"1.2.6": Word(word)}).word == expected
    assert decide(gated, tables(0.02)).word == "not tested here"


def test_too_few_units_are_not_judged():
    found = decide(claim(primary__least=50), tables(0.02))
    assert found.word == "not tested here"
    assert "40 of the 50 units needed" in answer(found, "en").text


def test_a_place_without_a_row_is_refused_unless_units_are_counted():
    where = {"size": {"at_least": 2}}
    with pytest.raises(DataError, match="no row has size"):
        decide(claim(primary__where=where), tables(0.02))
    found = decide(claim(primary__where=where, primary__least=10), tables(0.02))
    assert found.word == "not tested here"


def test_what_the_scope_and_numbers_have_no_row_of_is_said():
    large = {"size": {"at_least": 2}}
    counted = {"from": "e.runs", "where": large, "value": "size", "reduce": "mean"}
    asked = claim(
        scope={"large": {"where": large}}, numbers={"k": counted}, answer="{V}: {e}, {k}."
    )
    found = decide(asked, tables(0.02))
    line = next(line for line in found.scope if line.name == "large")
    assert (line.outcome, found.word) == ("not tested here", "supported")
    assert "no row has size" in line.reason.en
    assert answer(found, "en").text.endswith(", none.")


@pytest.mark.parametrize(
    ("holds", "word"), [({"at_most": 40}, "invalid"), ({"at_least": 2}, "supported")]
)
def test_a_control_of_the_primary_that_fails_leaves_no_answer(holds, word):
    check = {"from": "e.runs", "reduce": "count", "holds": holds}
    found = decide(claim(controls={"so many runs": check}), tables(0.02))
    assert found.word == word
    if word == "invalid":
        assert answer(found, "en").text == "No answer: the control “so many runs” failed."


def test_a_control_that_must_find_nothing_and_one_that_must_find_something():
    nothing = claim(controls={"c": {}})
    something = claim(controls={"c": {"expect": "effect"}})
    assert decide(nothing, tables(0.02)).word == "invalid"
    assert decide(something, tables(0.02)).word == "supported"
    assert decide(something, tables(0.0)).word == "invalid"


def test_co_primaries_must_all_hold_and_a_gated_one_is_left_out():
    part = MINE["primary"]
    turned = part | {"arm": {"arm": "b"}, "reference": {"arm": "a"}}
    both = {"A": part, "B": turned}
    text = "{V}: {a} points ({a_lo} to {a_hi})[B:; the reverse {b}]. {S}"
    found = decide(claim(primary=both, answer=text), tables(0.02))
    assert found.word == "partly"
    assert answer(found, "en").sentence.startswith("Partly (A supported; B contradicted): ")
    # without a part's name a choice is that of the part that {e} tells of
    found = decide(claim(primary=both), tables(-0.02))
    assert "a is 2.06 points worse" in answer(found, "en").sentence
    gated = {"A": part, "B": turned | {"gate": "1.2.6"}}
    found = decide(claim(primary=gated, answer=text), tables(0.02))
    assert found.word == "supported"
    assert "the reverse" not in answer(found, "en").sentence
    assert "Part B is not tested" in answer(found, "en").headline


def test_exact_claims():
    check = {"from": "e.runs", "value": "size", "reduce": "max"}
    text = "{V}: {a}."

    def word(*holds):
        primary = {name: check | {"holds": each} for name, each in zip("AB", holds, strict=False)}
        exact = claim(kind="exact", primary=primary, answer=text)
        return str(decide(exact, tables(0.02)).word)

    one, two = {"equals": 1}, {"equals": 2}
    assert word(one) == word(one, one) == "supported"
    assert word(two) == word(two, two) == "contradicted"
    assert word(one, two) == "partly"
    small = check | {"holds": {"at_least": 2}, "small": {"at_least": 1}}
    exact = claim(kind="exact", primary=small, answer="{V}: {e}.")
    assert decide(exact, tables(0.02)).word == "small"
    assert answer(decide(exact, tables(0.02)), "en").text == "Yes, but little: 1."


def scope_of(effect: float, other: float, **line):
    made = tables(effect)
    late = tables(other)["e.runs"]
    return decide(claim(scope={"late": {"from": "late.runs", **line}}), made | {"late.runs": late})


@pytest.mark.parametrize(
    ("effect", "other", "outcome", "words"),
    [
        (0.03, -0.03, "reversal", "But not late: there it reverses (−3.0"),
        (0.03, 0.0, "vanishing", "But not late: there it hardly matters."),
        (0.0, 0.03, "appearing", "Late there is a difference ("),
        (0.03, 0.03, "", ""),
    ],
)
def test_the_scope_is_told_and_never_decides(effect, other, outcome, words):
    found = scope_of(effect, other)
    assert found.word == decide(claim(), tables(effect)).word
    line = next(line for line in found.scope if line.name == "late")
    assert line.outcome == outcome
    headline = answer(found, "en").headline
    assert words in headline if words else not headline


def test_a_line_with_a_headline_is_told_by_that_alone():
    headline = {"when": ["vanishing"], "en": "Late it is gone ({e}).", "zh": "以后就没有了。"}
    assert answer(scope_of(0.03, 0.0, headline=headline), "en").headline.startswith(
        "Late it is gone ("
    )
    assert answer(scope_of(0.03, 0.03, headline=headline), "en").headline == ""
    holding = {"when": ["holds"], "en": "Late as well."}
    assert answer(scope_of(0.03, 0.03, headline=holding), "en").headline == "Late as well."
    assert answer(scope_of(0.03, 0.0, headline=holding), "en").headline == ""
    assert answer(scope_of(0.0, 0.0, headline=holding), "en").headline == ""


def test_two_that_vanish_share_a_sentence():
    made = tables(0.03) | {"late.runs": tables(0.0)["e.runs"]}
    lines = {name: {"from": "late.runs", "words": f"in {name}"} for name in ("May", "June")}
    found = answer(decide(claim(scope=lines), made), "en").headline
    assert found == "But not in May nor in June: there it hardly matters."


def test_the_scope_has_room_for_so_many_words():
    made = tables(0.03) | {"late.runs": tables(-0.03)["e.runs"]}
    words = "where everything that could be otherwise is otherwise and late"
    lines = {name: {"from": "late.runs", "words": f"{words} {name}"} for name in "abc"}
    headline = answer(decide(claim(scope=lines), made), "en").headline
    assert len(headline.split()) <= 25
    assert headline.count("But not") == 1


def test_no_headline_takes_the_room_of_a_reversal():
    made = tables(0.03) | {"late.runs": tables(-0.03)["e.runs"], "even.runs": tables(0.0)["e.runs"]}
    lines = {
        "own": {"from": "even.runs", "headline": {"en": " ".join(["word"] * 20)}},
        "late": {"from": "late.runs", "words": "late"},
    }
    assert answer(decide(claim(scope=lines), made), "en").headline.startswith("But not late")


NUMBER = re.compile(r"[−-]?\d[\d,]*(?:\.\d+)?")


@pytest.mark.parametrize("effect", [-0.05, -0.011, -0.004, 0.0, 0.002, 0.0101, 0.013, 0.2])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_number_of_an_answer_lies_in_the_interval(effect, language):
    found = decide(claim(), tables(effect, units=12))
    part = found.parts[0].estimate
    sentence = answer(found, language).sentence
    for text in NUMBER.findall(sentence.replace("−", "-").split("；")[0].split(";")[0]):
        value = abs(float(text.replace(",", "")))
        ends = sorted((abs(part.low), abs(part.high)))
        low = 0.0 if part.low <= 0 <= part.high else ends[0]
        assert low - 0.06 <= value <= ends[1] + 0.06 or value == 1, (text, part)
    if found.word == "contradicted":
        assert "−" not in sentence
        assert ("worse" if language == "en" else "低") in sentence


def test_a_factor_below_the_last_digit_is_told_as_less_than_that():
    table = tables(0.2)["e.runs"].copy()
    table.loc[table["arm"] == "a", "test_accuracy"] *= 1e-9
    factor = {"measure__scale": "ratio", "measure__unit": "times", "measure__margin": 2}
    own = {"en": "{V}: {e} times.", "zh": "{V}：{e} 倍。"}
    found = decide(claim(**factor, measure__best=None, answer=own), {"e.runs": table})
    assert answer(found, "en").sentence.endswith(": less than 0.0001 times.")
    assert answer(found, "zh").sentence.endswith("：不到 0.0001 倍。")


@pytest.mark.parametrize(
    ("missing", "units", "said"),
    [("a", 1, True), ("b", 1, False), ("", 0, False), ("ab", 40, False)],
)
def test_a_factor_over_runs_that_did_not_arrive_is_a_lower_bound(tmp_path, missing, units, said):
    table = runs(
        cells(dataset=["easy", "hard"], arm=["a", "b"]),
        lambda place: {"updates": 30.0 if place["arm"] == "a" else 10.0},
    ).assign(budget=30.0)
    missed = table["arm"].isin([*missing]) & (table["seed"] < table["seed"].min() + units)
    table["there"] = table["updates"].mask(missed)
    factor = claim(
        measure={
            "value": {"updates_until": {"arrived": "there", "budget": "budget"}},
            **{"unit": "times", "scale": "ratio", "margin": 1.2},
        },
        answer={"en": "{V}: {e} times ({lo} to {hi}).", "zh": "{V}：是 {e} 倍（{lo}～{hi}）。"},
    )
    found = decide(factor, {"e.runs": table})
    assert ("at least" in answer(found, "en").sentence) == said
    assert ("是至少 " in answer(found, "zh").sentence) == said
    results.save(found, tmp_path)
    rows = pd.read_csv(tmp_path / "comparisons.csv")
    assert rows[rows["role"] == "primary"]["at_least"].tolist() == [said]


def test_results_hold_what_was_judged_factors_as_factors(tmp_path):
    table = runs(
        cells(dataset=["easy", "hard"], arm=["a", "b"]),
        lambda place: {"updates": 30.0 if place["arm"] == "a" else 10.0},
    )
    factor = claim(
        measure={"value": "updates", "unit": "times", "scale": "ratio", "margin": 2},
        answer="{V}: {e} times ({lo} to {hi}). {S}",
    )
    found = decide(factor, {"e.runs": table})
    results.save(found, tmp_path)
    assert results.word_of(tmp_path) == ("x.1", "supported")
    rows = pd.read_csv(tmp_path / "comparisons.csv", keep_default_na=False)
    primary = rows[rows["role"] == "primary"].iloc[0]
    assert float(primary["effect"]) == pytest.approx(3, rel=1e-3)
    assert float(primary["margin"]) == 2
    assert list(rows["role"]) == [
        "primary",
        "dataset",
        "dataset",
        *["itself"] * 2,
        *["planted"] * 2,
    ]
    values = pd.read_csv(tmp_path / "values.csv")
    logs = values.assign(log=values["value"].map(math.log)).groupby("side")["log"].mean()
    assert math.exp(logs["arm"] - logs["reference"]) == pytest.approx(float(primary["effect"]))
    assert values["run_id"].notna().all()
    summaries = results.load_summaries([tmp_path])
    assert summaries[0]["answer"]["en"].startswith("Yes: 3.0")
    assert results.verdicts(summaries)["q"].iloc[0] <= 1
    assert results.answers(summaries)["answer_zh"].iloc[0] == summaries[0]["answer"]["en"]
    assert "**x.1 Is a better than b?** Yes: 3.0" in results.answers_page(summaries)


def test_a_claim_is_the_same_when_read_from_what_it_says_of_itself():
    given = claim(scope={"late": {"where": {"size": None}, "from": "late.runs"}})
    again = Claim.model_validate(given.written())
    assert again == given
    assert again.lines == given.lines
