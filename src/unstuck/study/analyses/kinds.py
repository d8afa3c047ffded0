"""The kinds of analysis that a study may name."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from unstuck.study.analyses.base import AnalysisBase
from unstuck.study.names import one_of

KINDS: dict[str, type[AnalysisBase]] = {}


def parse_analysis(given: Any) -> AnalysisBase:
    """Check one entry of ``analyses`` by the model of its kind.

    Raises
    ------
    ValueError
        With one sentence that names the key, the value and what would be right.
    """
    if not isinstance(given, Mapping) or "kind" not in given:
        raise ValueError(f"an analysis is a mapping with a kind, one of {', '.join(KINDS)}")
    model = KINDS[one_of(str(given["kind"]), KINDS, what="kind")]
    fields = {key: value for key, value in given.items() if key != "kind"}
    for key in fields:
        one_of(key, model.model_fields, what="key")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ValueError(f"{key}: {first['input']!r} is wrong; {first['msg']}") from error


def schema() -> dict[str, Any]:
    """JSON schema of one entry of ``analyses``, its references resolved in place."""
    options = []
    for name, model in KINDS.items():
        content = model.model_json_schema()
        content["properties"] = {"kind": {"const": name}} | content["properties"]
        content["required"] = ["kind", *content.get("required", [])]
        options.append(content)
    return {"anyOf": options} if options else {"not": {}}
