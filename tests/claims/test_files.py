"""Every file of a claim: it loads, fits its schema, and asks of the default study what that has."""

import json
import re
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from grid_tables import GridTables

from unstuck.claims import documentation
from unstuck.claims.answer import answer
from unstuck.claims.model import CHOICE, claim_schema, load_claim, load_claims, placeholders
from unstuck.claims.planning import planned_claims
from unstuck.claims.verdict import decide
from unstuck.statistics.rule import Word, said
from unstuck.study.load import load_study
from unstuck.study.plan import Plan
from unstuck.wording import with_interval
from unstuck.yaml_files import read_yaml

REPOSITORY = Path(__file__).parents[2]
CLAIMS = REPOSITORY / "workflow/claims"
FILES = sorted(path for path in CLAIMS.glob("*/*.yaml") if path.parent.name != "drafts")
NOTES = 124  # lines


def test_answers_in_the_readme_are_those_of_the_reference() -> None:
    text = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    shown = re.findall(r"- \*([^*]+)\* ([^:]+): (.+?) \(([0-9.]+)\)\.(?= |$)", text)
    effects = pd.read_csv(REPOSITORY / "reference/effects.csv").set_index("claim")
    assert len(shown) == 3
    for question, word, rest, name in shown:
        (file,) = (each for each in FILES if each.stem.startswith(f"{name}-"))
        row, made = effects.loc[name], load_claim(file)
        (part,) = made.parts.values()
        assert question == made.question.en
        assert word == said(Word(row["word"]), "effect").answer
        # a share is told itself, in whole percent
        numbers = row[["effect", "low", "high"]]
        if part.statistic == "share":
            at, low, high = (f"{each + 50:.0f}" for each in numbers)
        else:
            at, low, high = with_interval(*numbers)
        assert re.search(rf"(?<![\d.]){at} (%|points)", rest)
        assert f"({low} to {high})" in rest


@pytest.fixture(scope="module")
def planned():
    plan = Plan(load_study(REPOSITORY / "config.yaml"))
    return planned_claims("all", CLAIMS, plan)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_says_all_that_a_reader_needs(file: Path) -> None:
    claim = load_claim(file)
    assert file.parent.name == claim.section
    for text in (claim.question, claim.statement, claim.answer, claim.did, claim.regime):
        assert text is not None
        assert text.en
        assert text.zh
    assert claim.question.en.endswith("?")
    assert claim.question.zh.endswith("？")
    assert claim.registered is not None
    assert claim.published
    assert claim.notes or claim.from_lecture
    assert all(1 <= line <= NOTES for line in claim.notes)
    for line in claim.scope.values():
        assert line.words is not None or line.headline is not None or line.holds is not None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_published_finding_has_a_link(file: Path) -> None:
    findings = load_claim(file).published
    assert findings
    assert [each.who for each in findings if not (each.doi or each.arxiv or each.url)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_answer_has_thirty_words_at_most_and_the_same_numbers_in_both_languages(
    file: Path,
) -> None:
    answer = load_claim(file).answer
    one = CHOICE.sub(lambda found: found["more"], answer.en).replace("{S}", "")
    # {V} is a word of its own, numbers are one each
    assert len(re.findall(r"[^\s]*\w[^\s]*", one)) <= 30
    assert placeholders(answer.en) == placeholders(answer.zh)
    assert {"V", "S"} <= placeholders(answer.en)


def test_the_default_study_can_tell_every_line_of_every_claim(planned) -> None:
    assert list(planned) == list(load_claims(FILES))
    assert {name: dict(each.missing) for name, each in planned.items() if each.missing} == {}


def test_the_schema_is_what_the_model_makes_and_takes_every_file() -> None:
    written = json.loads((REPOSITORY / documentation.SCHEMA).read_text(encoding="utf-8"))
    assert written == claim_schema(), "run `make docs`"
    validator = jsonschema.Draft202012Validator(written)
    for file in FILES:
        content = read_yaml(file)
        validator.validate(content)
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({**content, "quesion": "?"})


def test_the_page_is_what_the_model_makes(monkeypatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    written = documentation.PAGE.read_text(encoding="utf-8")
    assert written == documentation.page(), "run `make docs`"


def test_the_example_of_the_page_is_judged_on_the_smoke_study() -> None:
    plan = Plan(load_study(REPOSITORY / "workflow/studies/smoke.yaml"))
    asked = [str(REPOSITORY / documentation.EXAMPLE)]
    planned = planned_claims(asked, CLAIMS, plan)["x.1"]
    found = decide(planned.claim, GridTables(plan))
    assert answer(found, "zh") == answer(found, "en")
    assert "test" in answer(found, "en").text
