"""YAML is read as it is written, or refused with one sentence."""

import time
from typing import Any

import pytest
import yaml

from unstuck.errors import ConfigError
from unstuck.yaml_files import from_words, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1e-3", 0.001), ("-1.5E+3", -1500.0), (".5", 0.5), ("3.", 3.0), ("12", 12), ("-4", -4)),
        *(("off", "off"), ("no", "no"), ("y", "y"), ("null", None), ("~", None), ("", None)),
        *(("true", True), ("False", False), ("010", "010"), ("1:30", "1:30"), ("0x10", "0x10")),
        *(("1_000", "1_000"), ("2026-11-29", "2026-11-29"), ("'16'", "16"), ("1e", "1e")),
        *((".inf", float("inf")), ("-.Inf", float("-inf")), ("0", 0), ("-0.0", -0.0)),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: Any) -> None:
    read = parse_yaml(f"a: {text}", "f")["a"]
    assert read == value
    assert type(read) is type(value)


def test_words_of_a_command_line_become_what_a_file_would_hold() -> None:
    words = {"a": ["1", "1e-3", "true", "off", "010", "1_000", {"b": ""}], "c": 4, "d": False}
    held = {"a": [1, 0.001, True, "off", "010", "1_000", {"b": None}], "c": 4, "d": False}
    assert repr(from_words(words)) == repr(held)
    assert str(parse_yaml("a: .NaN", "f")) == "{'a': nan}"


def aliases(levels: int, merge: str) -> str:
    """A short text that stands for 10^levels values."""
    lines = ["a0: &a0 {x: 1}"]
    for level in range(levels):
        many = ", ".join([f"*a{level}"] * 10)
        lines.append(f"a{level + 1}: &a{level + 1} {merge % f'[{many}]'}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", "the key 'a' stands twice, in lines 1 and 3"),
        ("e:\n  updates: 4\n  updates: 5", "'updates' stands twice, in lines 2 and 3"),
        ("[" * 800, "line 1 is nested deeper"),
        (aliases(7, "%s"), "aliases stand for more than"),
        (aliases(7, "{<<: %s}"), "aliases stand for more than"),
        ("a: &a [*a]", "aliases stand for more than"),
        ("- 1", "must hold a mapping of keys, not a list"),
        ("", "must hold a mapping of keys, not nothing"),
        *((f"{key}: 2", "in line 1 is no word; quote it") for key in ("1", "1e-3", "null", "~")),
        ("a:\n  where: {true: 1}", "the key 'true' in line 2 is no word; quote it"),
        ("? [a]\n: 1", "is no plain word"),
        ("a: [1,", "is not valid YAML"),
        ("a: \x00", "is not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("a:\n  - !!bool rate", "line 2: 'rate' is not of the tag !!bool"),
        ("a: !!int 0x10", "line 1: '0x10' is not of the tag !!int"),
        ("a: !!timestamp word", "is not valid YAML"),
        ("a: " + "x" * 1_000_001, "more than 1,000,000 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(text: str, words: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match=r"^f[ :]") as caught:
        parse_yaml(text, "f")
    assert words in str(caught.value)
    assert len(str(caught.value)) <= 400
    assert time.process_time() - began < 5


def test_merged_keys_may_be_replaced() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}"
    assert parse_yaml(text, "f") == yaml.safe_load(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml cannot be read"):
        read_yaml(tmp_path / "none.yaml")
