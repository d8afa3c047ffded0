"""When two runs of a study say the same, and when they do not."""

from dataclasses import replace
from typing import Any

import pytest

from unstuck.errors import DataError
from unstuck.files import write_json
from unstuck.report.reference import Reference, setting
from unstuck.report.verification import Comparison, Verification, compare

SETTING = {"machine": "x86_64", "torch": "2.13.0"}


@pytest.fixture
def reference(laid: Any) -> Reference:
    """The small study as a reference."""
    return Reference("a study", SETTING, {"a": "1", "b": "2"}, *laid.verdicts)


def shifted(reference: Reference, claim: str, by: float) -> Reference:
    """The same with the effects of one claim, and their intervals, moved."""
    tables = []
    for table in (reference.verdicts, reference.contrasts):
        moved = table.copy()
        columns = ["effect", "ci_low", "ci_high"]
        moved.loc[moved["id"] == claim, columns] += by
        tables.append(moved)
    return replace(reference, verdicts=tables[0], contrasts=tables[1])


def with_verdict(reference: Reference, claim: str, verdict: str) -> Reference:
    verdicts = reference.verdicts.copy()
    verdicts.loc[verdicts["id"] == claim, "verdict"] = verdict
    return replace(reference, verdicts=verdicts)


def half_width(reference: Reference, claim: str) -> float:
    row = reference.verdicts.set_index("id").loc[claim]
    return float(row["ci_high"] - row["effect"])


def test_every_byte_the_same(reference: Reference) -> None:
    found = compare(reference, reference)
    assert found.identical
    assert found.passed
    assert found.sentences() == ["Identical: 2 files byte by byte, and 4 verdicts."]


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


def test_elsewhere_the_verdicts_and_effects_decide(reference: Reference) -> None:
    elsewhere = replace(reference, setting={**SETTING, "torch": "2.14.0"}, files={})
    found = compare(elsewhere, reference)
    assert found.passed
    assert not found.identical
    assert found.sentences()[0] == "The same: 4 verdicts, their effects within their intervals."
    assert "torch 2.13.0 → 2.14.0" in found.sentences()[1]


@pytest.mark.parametrize("setting_too", [False, True])
def test_another_verdict_fails_everywhere(reference: Reference, setting_too: bool) -> None:
    own = with_verdict(reference, "1.1.6", "contradicted")
    if setting_too:
        own = replace(own, setting={})
    found = compare(own, reference)
    assert not found.passed
    was = reference.verdicts.set_index("id").loc["1.1.6", "verdict"]
    assert f"Claim 1.1.6: its verdict is contradicted, not {was}." in found.sentences()


@pytest.mark.parametrize(("share", "same"), [(0.9, True), (1.1, False), (-0.9, True), (-3, False)])
def test_an_effect_may_move_within_its_interval(
    reference: Reference, share: float, same: bool
) -> None:
    own = shifted(reference, "1.1.6", share * half_width(reference, "1.1.6"))
    found = compare(replace(own, setting={}), reference)
    assert found.passed == same
    assert [each.claim for each in found.different] == ([] if same else ["1.1.6"])


def test_the_comparison_is_of_the_same_contrast_whatever_the_headline(
    reference: Reference,
) -> None:
    # the headline of 1.2.5 moves to another condition, the contrasts stay
    own = replace(reference, verdicts=reference.verdicts.copy(), setting={})
    row = own.verdicts["id"] == "1.2.5"
    own.verdicts.loc[row, ["condition", "effect"]] = ["rate=other", 99.0]
    assert compare(own, reference).passed
    gone = own.contrasts[own.contrasts["id"] != "1.2.5"]
    found = compare(replace(own, contrasts=gone), reference)
    assert [each.claim for each in found.different] == ["1.2.5"]


def test_a_claim_that_only_one_has_is_a_difference(reference: Reference) -> None:
    fewer = replace(reference, verdicts=reference.verdicts[1:], setting={})
    first = reference.verdicts["id"].iloc[0]
    for own, other in ((fewer, reference), (reference, fewer)):
        assert [each.claim for each in compare(own, other).different] == [first]


def test_a_timing_decides_nothing(reference: Reference) -> None:
    own = with_verdict(reference, "1.1.6", "contradicted")
    found = compare(own, reference, timings={"1.1.6"})
    assert found.identical
    assert any("rests on a timing; its verdict differs" in line for line in found.sentences())


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
