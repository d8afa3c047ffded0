"""How many words change when units are resampled and all is judged anew."""

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.model import Claim
from unstuck.claims.results import how_sound, load_summaries, save
from unstuck.claims.stability import Changes, changes, words_anew
from unstuck.claims.verdict import decide
from unstuck.statistics.rule import Word

UNITS = 20


def claim(**given):
    primary = {
        "from": "e.runs",
        "value": "value",
        "unit": "percentage points",
        "margin": 1,
        "arm": {"arm": "a"},
        "reference": {"arm": "b"},
        "over": {"dataset": "mean"},
    }
    usual = {
        "id": "9.1",
        "slug": "made-up",
        "question": "Is it?",
        "statement": "It is.",
        "answer": "{V}: {e}.",
        "primary": primary,
    }
    return Claim.model_validate(usual | given)


def runs(effect, noise):
    rng = np.random.default_rng([9, 1])
    shape = (2, 2, UNITS)
    places, arms, units = np.meshgrid(["x", "y"], ["a", "b"], range(UNITS), indexing="ij")
    value = 0.5 + effect * (arms == "a") + noise * rng.normal(size=shape)
    columns = {"dataset": places, "arm": arms, "seed": units, "value": value}
    table = pd.DataFrame({name: each.ravel() for name, each in columns.items()})
    cells = table["dataset"] + table["arm"]
    return table.assign(run_id=table.index.astype(str), cell=cells, role="fixed", lr=0.1)


def test_a_word_far_from_every_bound_stays():
    found = words_anew(decide(claim(), {"e.runs": runs(0.1, 0.01)}), times=20)
    assert found == [Word.SUPPORTED] * 20


def test_a_word_near_a_bound_changes_now_and_then_and_alike_every_time():
    verdict = decide(claim(), {"e.runs": runs(0.035, 0.04)})
    found = words_anew(verdict, times=40)
    assert len(set(found)) > 1
    assert words_anew(verdict, times=40) == found


def test_an_exact_claim_has_no_units():
    check = {"from": "e.facts", "value": "x", "reduce": "max", "holds": {"equals": 1}}
    verdict = decide(claim(primary=check, kind="exact"), {"e.facts": pd.DataFrame({"x": [1.0]})})
    assert words_anew(verdict) == []


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([], Changes(0, 0.0, 0, 0)),
        ([("supported", [])], Changes(0, 0.0, 0, 0)),
        (
            [("a", ["a", "b", "b"]), ("c", ["c", "c", "d"]), ("e", [])],
            Changes(2, 1.0, 0, 2),
        ),
    ],
)
def test_changes_are_counted_over_claims_in_every_resample(judged, expected):
    assert changes(judged) == expected


def test_answers_say_how_sound_they_are(tmp_path):
    save(decide(claim(), {"e.runs": runs(0.1, 0.01)}), tmp_path)
    english, chinese, itself, itself_chinese = how_sound(load_summaries([tmp_path]))
    assert "0.0 of 1 words change on average (0 to 0)" in english
    assert "1 个结论中平均有 0.0 个改变（0～0 个）" in chinese
    assert itself == "Of 2 arms held against themselves, 0 differ from zero; up to 1 are chance."
    assert "2 个组与自身比较，有 0 个与零不同" in itself_chinese
    assert how_sound([]) == []
