"""The JSON schema of a configuration and the page that explains its keys, made from the model.

Run ``python -m unstuck.study.documentation`` after changing the model; a test compares the files.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from unstuck.data.own import FileSpec
from unstuck.data.spec import DatasetSpec
from unstuck.files import atomic_path
from unstuck.optim.coefficients import OPTIMIZER_DESCRIPTIONS, Coefficients
from unstuck.optim.schedules import SCHEDULE_DESCRIPTIONS, ScheduleSpec
from unstuck.population.spec import NetworkSpec
from unstuck.study import config, experiment, overrides
from unstuck.study.analyses.kinds import KINDS
from unstuck.study.measurements.registry import MEASUREMENTS

SCHEMA = Path("workflow/schemas/config.schema.json")
PAGE = Path("docs/config.md")

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The study", config.Study),
    ("datasets.NAME", DatasetSpec),
    ("datasets.NAME.file", FileSpec),
    ("networks.NAME", NetworkSpec),
    ("optimizers.NAME: fields of an optimizer", Coefficients),
    ("schedules.NAME: fields of a schedule", ScheduleSpec),
    ("tuning", config.Tuning),
    ("tuning.rates.NAME", config.RateGrid),
    ("experiments.NAME", experiment.Experiment),
    ("curvature", config.Curvature),
    ("execution", config.Execution),
)


def schema() -> str:
    """The JSON schema of a configuration, for editors that complete and check YAML."""
    content = config.Study.model_json_schema()
    grid = content["$defs"]["Experiment"]
    for name, model in overrides.OVERRIDES.items():
        given = model.model_json_schema()
        content["$defs"] |= given.get("$defs", {})
        field = dict(given["properties"][name])
        field.pop("default", None)
        grid["properties"][name] = {
            "anyOf": [field, {"type": "array", "items": field, "minItems": 1}],
            "description": f"Replaces the {_COMPONENTS[model]}'s own. {field.get('description')}",
        }
    grid["patternProperties"] = {f"^{re.escape(overrides.ARGUMENT)}": {}}
    grid["additionalProperties"] = False
    content["title"] = "A study of unstuck"
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def page() -> str:
    """The keys of a configuration as a Markdown page."""
    lines = [
        "# Every key of a study",
        "",
        "Made from the typed model in `src/unstuck/study/config.py` by `make docs`; do not edit.",
        "A study is one YAML file. `config.yaml` is the default study; another is chosen by",
        "`snakemake --configfile workflow/studies/NAME.yaml`.",
    ]
    kinds: list[tuple[str, type[BaseModel]]] = [
        *((f"experiments.NAME.{name}", model) for name, model in MEASUREMENTS.items()),
        *((f"analyses.NAME with `kind: {name}`", model) for name, model in KINDS.items()),
    ]
    # what the study holds has sections of its own
    described = set(config.Study.model_json_schema()["$defs"])
    for heading, model in (*_SECTIONS, *kinds):
        lines += ["", f"## {heading}", "", summary(model), ""]
        lines += fields(model, described)
    varied = ", ".join(
        f"`{name}` ({_COMPONENTS[model]})" for name, model in overrides.OVERRIDES.items()
    )
    lines += ["", "## Fields that an experiment may vary on their own", "", varied + "."]
    for heading, names in (
        ("Built-in optimizers", OPTIMIZER_DESCRIPTIONS),
        ("Built-in schedules", SCHEDULE_DESCRIPTIONS),
    ):
        lines += ["", f"## {heading}", "", "| name | what it does |", "| --- | --- |"]
        lines += [f"| `{name}` | {_cell(text)} |" for name, text in names.items()]
    return "\n".join(lines) + "\n"


_COMPONENTS: dict[type[BaseModel], str] = {
    NetworkSpec: "network",
    Coefficients: "optimizer",
    ScheduleSpec: "schedule",
}


def fields(model: type[BaseModel], described: set[str]) -> list[str]:
    """Give a table of a model's fields and then of the models it holds, once on the page."""
    content = model.model_json_schema()
    lines = []
    inner = {
        name: part
        for name, part in content.get("$defs", {}).items()
        if "properties" in part and name not in described
    }
    described |= set(inner)
    for name, part in {"": content, **inner}.items():
        if name:
            lines += ["", f"Fields of {name}:", ""]
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        required = part.get("required", [])
        for key, field in part["properties"].items():
            default = "required" if key in required else _default(field.get("default", ""))
            meaning = _cell(field.get("description", ""))
            lines.append(f"| `{key}` | {_cell(_type(field))} | {default} | {meaning} |")
    return lines


def summary(model: type[BaseModel]) -> str:
    """Give the docstring of a model as one paragraph."""
    return " ".join((model.__doc__ or "").split())


def _default(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`" if value != "" else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _type(field: dict[str, Any]) -> str:
    """A JSON-schema field's type in words."""
    kind = field.get("type", "any")
    if "enum" in field or "const" in field:
        text = " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    elif "anyOf" in field:
        parts = [_type(each) for each in field["anyOf"] if each.get("type") != "null"]
        text = " or ".join(dict.fromkeys(parts))
    elif "$ref" in field:
        text = str(field["$ref"]).rpartition("/")[2]
    elif kind == "array" and field.get("items"):
        text = f"list of {_type(field['items'])}"
    elif kind == "object" and isinstance(field.get("additionalProperties"), dict):
        text = f"mapping to {_type(field['additionalProperties'])}"
    else:
        text = {"array": "list", "object": "mapping"}.get(kind, str(kind))
    return text


def main() -> None:
    """Write the schema and the page."""
    for path, text in ((SCHEMA, schema()), (PAGE, page())):
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
