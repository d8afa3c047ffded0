"""The schema of the registry is what the typed model makes, and takes every entry."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from unstuck.claims import documentation

REPOSITORY = Path(__file__).parents[2]


def test_the_schema_has_not_drifted() -> None:
    text = (REPOSITORY / documentation.SCHEMA).read_text(encoding="utf-8")
    assert text == documentation.schema(), "run `make docs`"


@pytest.mark.parametrize(
    "file", sorted((REPOSITORY / "workflow/claims").glob("*.yaml")), ids=lambda file: file.name
)
def test_the_schema_takes_the_registry_and_refuses_an_unknown_key(file: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(documentation.schema()))
    # the registry keeps `off` as a word, so it is quoted or plain: both are strings or booleans
    entries = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    for entry in entries:
        for effect in [entry.get("effect"), *entry.get("effects", {}).values()]:
            if effect:
                effect["margin"] = float(effect["margin"])
        for each in entry["published"]:
            each["year"] = int(each["year"])
    validator.validate(entries)
    entries[0]["sllug"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(entries)
