"""A finished study, held against a reference made from it."""

from dataclasses import replace
from pathlib import Path

import pytest
from checkout import SMOKE, Checkout
from click.testing import CliRunner

from unstuck.command.home import CLAIMS
from unstuck.command.main import cli
from unstuck.errors import DataError
from unstuck.files import CHECKSUM, read_json, write_json
from unstuck.report.reference import TIMESTAMP, Finished, Reference
from unstuck.report.verification import compare, follows

RUNS = "results/smoke/tables/grid.runs.csv"
FIGURES = "results/smoke/figures/"


def of(finished: Checkout) -> Finished:
    return Finished.of(SMOKE, CLAIMS, finished.folder)


def test_the_commands_find_a_finished_study_identical(
    finished: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)

    def said_by(command: str, code: int) -> str:
        done = CliRunner().invoke(cli, [command, SMOKE, "--reference", str(tmp_path)])
        assert done.exit_code == code
        return done.output

    assert "make it by `unstuck reference` first" in said_by("verify", 1)
    said_by("reference", 0)
    said = said_by("verify", 0)
    assert "Identical: " in said
    assert "words follow from the stored values" in said
    assert "A real difference would look like this" in said
    page = finished.folder / "results/smoke/report/index.html"
    content = page.read_bytes()
    try:
        page.write_bytes(content[:-1])
        assert "report/index.html is not what was written" in said_by("verify", 1)
    finally:
        page.write_bytes(content)


def test_every_result_that_is_the_same_again_is_held(finished: Checkout) -> None:
    files = of(finished).digests()
    root = finished.folder / "results/smoke"
    every = {str(path.relative_to(finished.folder)) for path in root.rglob("*") if path.is_file()}
    others = {each for each in every - files.keys() if not each.endswith((TIMESTAMP, CHECKSUM))}
    folders = {Path(each).relative_to("results/smoke").parts[0] for each in others}
    # those of all claims, of which some rest on timings, figures as PNG, and whose folder it is
    decided = {"claims", "answers.csv", "answers.md", "verdicts.csv", "report"}
    decided |= {"answers.schema.json", "verdicts.schema.json"}
    assert folders <= {"logs", "benchmarks", "figures", "study.json", *decided}
    kept = {Path(each).parts[3] for each in files if each.startswith("results/smoke/claims/")}
    assert kept == set(of(finished).judged)
    assert {Path(each).suffix for each in others if each.startswith(FIGURES)} == {".png"}


def test_a_changed_byte_is_found(finished: Checkout) -> None:
    reference = Reference.of(of(finished))
    table = finished.folder / RUNS
    content = table.read_bytes()
    try:
        table.write_bytes(content.replace(b"sgd", b"sgb", 1))
        found = compare(Reference.of(of(finished)), reference)
    finally:
        table.write_bytes(content)
    assert not found.passed
    assert found.changed == (RUNS,)
    elsewhere = replace(reference, setting={**reference.setting, "machine": "arm64"})
    assert compare(reference, elsewhere).identical


def test_a_word_that_does_not_follow_from_its_values_is_found(finished: Checkout) -> None:
    study = of(finished)
    assert follows(study) == []
    claim = next(iter(study.judged))
    verdict = study.claim(claim) / "verdict.json"
    content = verdict.read_text(encoding="utf-8")
    word = read_json(verdict)["word"]
    try:
        write_json(verdict, read_json(verdict) | {"word": "small"})
        (complaint,) = follows(study)
    finally:
        verdict.write_text(content, "utf-8")
    assert complaint == f"Claim {claim}: its word is small; from its values follows {word}."


def test_an_unfinished_study_is_refused(finished: Checkout) -> None:
    table = finished.folder / RUNS
    table.rename(table.with_suffix(".away"))
    try:
        with pytest.raises(DataError, match=r"grid\.runs\.csv is missing; make it by `snakemake`"):
            of(finished).digests()
    finally:
        table.with_suffix(".away").rename(table)
