"""The schema and the page of keys are what the typed model makes."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from unstuck.study import documentation

REPOSITORY = Path(__file__).parents[2]
STUDIES = [REPOSITORY / "config.yaml", *(REPOSITORY / "workflow/studies").glob("*.yaml")]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (documentation.SCHEMA, documentation.schema()),
        (documentation.PAGE, documentation.page()),
    ],
    ids=["schema", "page"],
)
def test_generated_files_have_not_drifted(path: Path, text: str) -> None:
    assert (REPOSITORY / path).read_text(encoding="utf-8") == text, "run `make docs`"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    import json

    return jsonschema.Draft202012Validator(json.loads(documentation.schema()))


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_the_schema_takes_every_study(
    study: Path, validator: jsonschema.Draft202012Validator
) -> None:
    validator.validate(yaml.safe_load(study.read_text()))


@pytest.mark.parametrize(
    ("key", "value"), [("batch_sise", 3), ("activation", "tanhh"), ("momentum", [1.5])]
)
def test_the_schema_refuses_what_the_model_refuses(
    config: dict[str, Any], key: str, value: Any, validator: jsonschema.Draft202012Validator
) -> None:
    validator.validate(config)
    config["experiments"]["grid"][key] = value
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(config)
