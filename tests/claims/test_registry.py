"""The registry of claims: what it accepts, and how it complains."""

import json
from pathlib import Path

import pytest
import yaml

from unstuck.claims.evaluation import measure_of
from unstuck.claims.registry import Claim, load_registry, registry_schema
from unstuck.errors import RegistryError
from unstuck.study.load import load_study
from unstuck.study.plan import Plan

REPOSITORY = Path(__file__).parents[2]
# how many statements each section of the notes makes
NOTES = {"1.1": 8, "1.2": 9, "2.1": 12, "2.2": 4, "3.1": 7, "3.2": 6}
IDS = [f"{section}.{n}" for section, size in NOTES.items() for n in range(1, size + 1)]

ENTRY = {
    "id": "1.2.5",
    "slug": "small",
    "kind": "measured",
    "statement": {"en": "Small is better.", "zh": "小的更好。"},
    "regime": "anywhere",
    "reads": {"runs": "batch.runs"},
    "effect": {"what": "accuracy", "unit": "points", "margin": 1},
    "published": [{"who": "A", "year": 2000, "where": "t1", "says": "so", "stance": "for"}],
    "cost": "nothing",
    "did": {"en": "Compared."},
}


def load(tmp_path, *entries):
    text = yaml.safe_dump(list(entries), allow_unicode=True)
    (tmp_path / "1.2-batch.yaml").write_text(text, encoding="utf-8")
    return load_registry(tmp_path)


def test_claims_come_in_the_order_of_their_numbers(tmp_path):
    tenth = {**ENTRY, "id": "1.2.10", "slug": "tenth"}
    assert list(load(tmp_path, tenth, ENTRY)) == ["1.2.5", "1.2.10"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sulg": "x"},
            r"1\.2-batch\.yaml, claim 1\.2\.5: key 'sulg' is unknown; did you mean 'slug'",
        ),
        ({"kind": "guessed"}, "key 'kind' is 'guessed'"),
        ({"statement": {"en": "Only English."}}, "key 'statement.zh' is missing"),
        ({"effect": None}, "effect is missing"),
        ({"kind": "exact"}, "effect belongs to measured claims"),
        ({"effect": {"what": "a", "unit": "b", "margin": -1}}, "key 'effect.margin' is -1"),
        (
            {"effect": {"what": "a", "unit": "b", "margin": 0.5, "scale": "ratio"}},
            "factor above 1, not 0.5",
        ),
        ({"reads": {"runs": "batch"}}, "<experiment>.<table>"),
        ({"conditions": {"rate": {"fixed": "fixed"}}}, "conditions.rate needs at least two"),
        ({"published": []}, "key 'published'"),
        ({"id": "1.2"}, "key 'id' is '1.2'"),
    ],
)
def test_a_wrong_entry_is_named_with_its_file_and_key(tmp_path, changes, message):
    with pytest.raises(RegistryError, match=message):
        load(tmp_path, {**ENTRY, **changes})


def test_ids_and_slugs_occur_once(tmp_path):
    with pytest.raises(RegistryError, match=r"1\.2\.5 is taken by claim 1\.2\.5"):
        load(tmp_path, ENTRY, ENTRY)
    with pytest.raises(RegistryError, match="small is taken by claim"):
        load(tmp_path, ENTRY, {**ENTRY, "id": "1.2.6"})


def test_files_that_are_no_list_of_claims(tmp_path):
    with pytest.raises(RegistryError, match=r"no \*\.yaml file"):
        load_registry(tmp_path)
    (tmp_path / "a.yaml").write_text("id: 1", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"a\.yaml must be a list"):
        load_registry(tmp_path)
    (tmp_path / "a.yaml").write_text("- [", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"a\.yaml cannot be read as YAML"):
        load_registry(tmp_path)
    (tmp_path / "a.yaml").write_text("- {id: 1.2.5, id: 1.2.6}", encoding="utf-8")
    with pytest.raises(RegistryError, match="key 'id' occurs twice"):
        load_registry(tmp_path)
    (tmp_path / "a.yaml").write_text("- {slug: a}", encoding="utf-8")
    with pytest.raises(RegistryError, match="entry 1: key 'id' is missing"):
        load_registry(tmp_path)


def test_off_is_a_word(tmp_path):
    text = yaml.safe_dump([{**ENTRY, "conditions": {"bn": {"OFF": "without", "before": "with"}}}])
    (tmp_path / "a.yaml").write_text(text.replace("'OFF'", "off").replace("OFF", "off"))
    assert list(load_registry(tmp_path)["1.2.5"].conditions["bn"]) == ["off", "before"]


def test_the_effect_of_a_measure():
    claim = Claim.model_validate(ENTRY)
    assert claim.measure("").margin == 1
    assert (claim.section, claim.order) == ("1.2", (1, 2, 5))
    with pytest.raises(RegistryError, match="'speed' is not declared"):
        claim.measure("speed")


def test_every_field_is_described_in_the_schema():
    schema = registry_schema()
    json.dumps(schema)
    for name, definition in schema["$defs"].items():
        for field, content in definition["properties"].items():
            assert content.get("description"), f"{name}.{field}"


def test_the_registry_holds_all_46_claims_and_each_has_its_function():
    registry = load_registry(REPOSITORY / "workflow/claims")
    assert list(registry) == IDS
    assert len(IDS) == 46
    assert all(measure_of(claim) for claim in registry)


@pytest.mark.parametrize("study", ["config.yaml", "workflow/studies/full.yaml"])
def test_a_study_makes_the_tables_of_every_claim(study):
    registry = load_registry(REPOSITORY / "workflow/claims")
    reads = {claim.id: claim.reads.values() for claim in registry.values()}
    assert Plan(load_study(REPOSITORY / study)).claims(reads) == IDS
