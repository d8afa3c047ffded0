"""When two runs of a study say the same, and when they do not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unstuck.errors import DataError
from unstuck.files import write_json
from unstuck.report.reference import COLUMNS, Reference, setting
from unstuck.report.verification import Comparison, Verification, compare, real_differences

SETTING = {"machine": "x86_64", "torch": "2.13.0"}
NOTHING = (np.nan, np.nan, np.nan, "")
LEFT_OUT = "Left out: logs, benchmarks, the report's pages and figures as PNG, and the files of "
EFFECTS = pd.DataFrame(
    [
        ("1.1.3", "supported", "", *NOTHING),
        ("1.1.6", "undecided", "", 0.5, -1.0, 2.0, "percentage points"),
        ("1.2.5", "partly", "A", 3.0, 2.0, 4.5, "times"),
        ("1.2.5", "partly", "B", 1.0, 0.5, 2.0, "times"),
        ("2.1.8", "not tested here", "", *NOTHING),
    ],
    columns=list(COLUMNS),
)


@pytest.fixture
def reference() -> Reference:
    """A small reference."""
    return Reference("a study", SETTING, {"a": "1", "b": "2"}, EFFECTS)


def shifted(reference: Reference, claim: str, by: float, part: str = "") -> Reference:
    """The same with the effect of one claim's part, and its interval, moved."""
    moved = reference.effects.copy()
    row = (moved["claim"] == claim) & (moved["part"] == part)
    moved.loc[row, ["effect", "low", "high"]] += by
    return replace(reference, effects=moved)


def with_word(reference: Reference, claim: str, word: str) -> Reference:
    effects = reference.effects.copy()
    effects.loc[effects["claim"] == claim, "word"] = word
    return replace(reference, effects=effects)


def test_every_byte_the_same(reference: Reference) -> None:
    found = compare(reference, reference)
    assert found.identical
    assert found.passed
    assert found.sentences() == [
        "Identical: 2 files byte by byte, and 4 words.",
        f"{LEFT_OUT}claims that read a timing.",
    ]


def test_a_changed_byte_in_the_same_setting_fails(reference: Reference) -> None:
    found = compare(replace(reference, files={"a": "1", "b": "3"}), reference)
    assert not found.passed
    assert "every byte should be the same" in found.sentences()[0]
    assert "1 of 2 files differ: b." in found.sentences()


@pytest.mark.parametrize("files", [{"a": "1"}, {"a": "1", "b": "2", "c": "3"}])
def test_a_missing_or_further_file_is_a_difference(
    reference: Reference, files: dict[str, str]
) -> None:
    assert len(compare(replace(reference, files=files), reference).changed) == 1


def test_elsewhere_words_and_effects_decide(reference: Reference) -> None:
    elsewhere = replace(reference, setting={**SETTING, "torch": "2.14.0"}, files={})
    found = compare(elsewhere, reference)
    assert found.passed
    assert not found.identical
    assert found.sentences()[0] == "The same: 4 words, their effects within their intervals."
    assert "torch 2.13.0 → 2.14.0" in found.sentences()[1]


@pytest.mark.parametrize("setting_too", [False, True])
def test_another_word_fails_everywhere(reference: Reference, setting_too: bool) -> None:
    own = with_word(reference, "1.1.6", "contradicted")
    if setting_too:
        own = replace(own, setting={})
    found = compare(own, reference)
    assert not found.passed
    assert "Claim 1.1.6: its word is contradicted, not undecided." in found.sentences()


@pytest.mark.parametrize(("by", "same"), [(1.4, True), (1.6, False), (-1.4, True), (-4, False)])
def test_an_effect_may_move_within_its_interval(
    reference: Reference, by: float, same: bool
) -> None:
    found = compare(replace(shifted(reference, "1.1.6", by), setting={}), reference)
    assert found.passed == same
    assert [each.claim for each in found.different] == ([] if same else ["1.1.6"])


def test_every_part_of_a_claim_is_compared(reference: Reference) -> None:
    own = replace(shifted(reference, "1.2.5", 3, part="B"), setting={})
    (different,) = compare(own, reference).different
    assert different.difference == (
        "the effect of part B is 4 (3.5 to 5), where the reference has 1 (0.5 to 2)"
    )
    fewer = replace(own, effects=EFFECTS[EFFECTS["part"] != "B"])
    assert "parts are not the same" in compare(fewer, reference).different[0].difference


def test_an_effect_that_was_not_measured_is_no_effect(reference: Reference) -> None:
    own = shifted(reference, "1.1.6", np.nan)
    (different,) = compare(replace(own, setting={}), reference).different
    assert different.difference.startswith("the effect is not measured, where the reference has")


def test_an_end_without_bound_excludes_nothing(reference: Reference) -> None:
    effects = EFFECTS.copy()
    effects.loc[1, ["low", "high"]] = np.nan
    open_ended = replace(reference, effects=effects, setting={})
    assert compare(shifted(open_ended, "1.1.6", 100), reference).passed


def test_a_real_difference_is_planted_and_found(reference: Reference) -> None:
    word, effect = real_differences(reference)
    assert word == "claim 1.1.3: its word is contradicted, not supported"
    assert effect.startswith("claim 1.1.6: the effect is 6.5 (5 to 8), where the reference has")
    assert real_differences(replace(reference, effects=EFFECTS[:0])) == []


def test_a_claim_that_only_one_has_is_a_difference(reference: Reference) -> None:
    fewer = replace(reference, effects=reference.effects[1:], setting={})
    first = reference.effects["claim"].iloc[0]
    for own, other in ((fewer, reference), (reference, fewer)):
        assert [each.claim for each in compare(own, other).different] == [first]


def test_a_timing_decides_nothing(reference: Reference) -> None:
    own = with_word(reference, "1.1.6", "contradicted")
    found = compare(own, reference, timings={"1.1.6"})
    assert found.identical
    assert any("rests on a timing; its word differs" in line for line in found.sentences())


def test_another_study_is_refused(reference: Reference) -> None:
    with pytest.raises(DataError, match="of another study"):
        compare(replace(reference, study="other"), reference)


def test_it_reads_what_it_wrote(reference: Reference, tmp_path: Any) -> None:
    reference.save(tmp_path)
    assert compare(Reference.load(tmp_path), reference).identical


@pytest.mark.parametrize("content", [[], {}, {"study": "a", "setting": {}, "files": {"a": 1}}])
def test_a_damaged_reference_is_refused(
    reference: Reference, tmp_path: Any, content: object
) -> None:
    reference.save(tmp_path)
    write_json(tmp_path / "digests.json", content)
    with pytest.raises(DataError, match="does not hold the digests"):
        Reference.load(tmp_path)


def test_many_files_are_counted_and_some_are_named() -> None:
    changed = tuple(f"results/{n}" for n in range(8))
    found = Verification((), 9, changed, (Comparison("1.1.1", "", False),))
    assert "8 of 9 files differ" in found.sentences()[1]
    assert "and 3 more" in found.sentences()[1]


def test_the_setting_names_what_computes() -> None:
    here = setting("cpu")
    assert here["device"] == "cpu"
    assert {"machine", "torch", "numpy", "code", "processor"} <= here.keys()
    assert setting("auto").keys() == here.keys()
