"""From a configuration, as Snakemake or YAML gives it, to a checked ``Study``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from unstuck.complaints import complaint, keys_at, one_of, shown, stopped, wanted
from unstuck.errors import ConfigError
from unstuck.study.config import Study
from unstuck.study.fields import NAME_PATTERN, RESULTS_PATTERN
from unstuck.yaml_files import read_yaml, require_plain

PATTERNS = {
    NAME_PATTERN: "at most 40 lower-case letters, digits and _, a letter first",
    RESULTS_PATTERN: "results, or one folder below it such as results/mine",
}

#: of keys that a study must have
_EXAMPLES = {
    "datasets": "{digits: {source: digits}}",
    "networks": "{small: {hidden: [16]}}",
}


def parse_study(config: Mapping[str, Any], source: str = "config.yaml") -> Study:
    """Check a configuration.

    Parameters
    ----------
    config
        Nested mapping of plain values.
    source
        Name of the file it came from, for messages.

    Raises
    ------
    ConfigError
        With one sentence that names the file, the key, the value and what would be right.
    """
    require_plain(config, source)
    try:
        # as JSON, in which true is no number and "5" is none either
        return Study.model_validate_json(json.dumps(config), strict=True)
    except ValidationError as error:
        # a value may hold line ends
        sentence = " ".join(_sentence(error, config).split())
        raise ConfigError(f"{source}: {sentence}") from error


def load_study(path: str | Path, code: str = "") -> Study:
    """Read and check a configuration file.

    Parameters
    ----------
    path
        The file.
    code
        What of its code may run: files and packages of modules, commas between. A file alone
        allows none.

    Examples
    --------
    >>> import unstuck
    >>> unstuck.read_study("docs/examples/mine.yaml").title
    'Batch size, momentum and curvature'

    Raises
    ------
    ConfigError
        If the file is missing, is no YAML mapping, or says something wrong.
    """
    content = read_yaml(path)
    if "code" in content:
        raise ConfigError(f"{path}: code: only --code can allow code; leave it out of the file.")
    return parse_study(content | ({"code": code} if code else {}), str(path))


def _sentence(error: ValidationError, config: Mapping[str, Any]) -> str:
    """The first thing wrong, as one sentence."""
    errors = error.errors(include_url=False)
    # a key that is missing may be there under a name that is mistyped
    place = errors[0]["loc"][:-1]
    errors.sort(key=lambda each: (each["type"], each["loc"][:-1]) != ("extra_forbidden", place))
    head = _key_path(errors[0], config)
    # pydantic reports every branch of a union: the branch that got furthest is the one meant
    related = [each for each in errors if _key_path(each, config).startswith(head)]
    location = max((_key_path(each, config) for each in related), key=len)
    same = [each for each in related if _key_path(each, config) == location]
    first = next((each for each in same if each["type"] == "value_error"), same[0])
    if first["type"] == "value_error":
        message = complaint(first)
        return stopped(f"{location}: {message}" if location else message)
    if first["type"] == "missing":
        such = f", such as {location}: {_EXAMPLES[location]}" if location in _EXAMPLES else ""
        return f"{location} is missing; it is required{such}."
    if first["type"] == "extra_forbidden":
        parent, _, key = location.rpartition(".")
        try:
            one_of(key, keys_at(Study, first["loc"][:-1]), what="key")
        except ValueError as unknown:
            return stopped(f"{parent}: {unknown}" if parent else str(unknown))
    if first["type"] == "union_tag_not_found":
        return f"{location}.kind is missing; it is required."
    if first["type"] == "union_tag_invalid":
        kind, tag, known = first["ctx"].values()
        key = f"{location}.{kind}".replace("'", "")
        return f"{key}: {tag!r} is wrong; it should be one of {known}."
    right = " or ".join(dict.fromkeys(wanted(each, PATTERNS) for each in same))
    if right == "a list" and type(first["input"]) in (int, float):
        right += f", such as [{first['input']}]"
    return f"{location}: {shown(first['input'])} is wrong; it should be {right}."


def _key_path(error: ErrorDetails, config: Any) -> str:
    """The part of pydantic's location that stands in the config, or is missing there."""
    parts: list[str] = []
    here: Any = config
    for part in error["loc"]:
        inside_list = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if inside_list or (isinstance(here, Mapping) and part in here):
            here = here[part]
        # all others are branches of unions
        elif error["type"] != "missing" or part != error["loc"][-1]:
            continue
        parts.append(str(part))
    return ".".join(parts)
