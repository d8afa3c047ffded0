"""YAML read as it is written: no key twice, no word taken for a number, no number for a word.

Keys are words: of a number or of null as a key the spelling would be lost.

The scalars are those of the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema)
less its octal and hexadecimal numbers, so ``off``, ``no``, ``010`` and ``1:30`` stay words and
``1e-3`` is a number.
"""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from yaml.composer import Composer
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from unstuck.complaints import shown
from unstuck.errors import ConfigError

MOST_CHARACTERS = 1_000_000
MOST_LEVELS = 40
LONGEST_KEY = 100
#: values of a file once its aliases are written out
MOST_VALUES = 200_000
#: numbers of a study or a claim beyond this are mistakes
LARGEST = 10**9

_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    "int": (r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    "float": (
        r"^(?:[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
}


class _RefusedError(Exception):
    """What is wrong with a text, in words."""


# libyaml reads the registry in a sixth of the time, which every start of Snakemake waits for
if TYPE_CHECKING or not yaml.__with_libyaml__:
    from yaml import SafeLoader
else:
    from yaml import CSafeLoader as SafeLoader


class _Loader(SafeLoader, Composer):
    """A safe loader with the scalars above and bounds on what a text may become."""

    yaml_implicit_resolvers = {}  # noqa: RUF012
    # that of libyaml would pass by what follows
    get_single_node = Composer.get_single_node

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.anchors: dict[str, Node] = {}  # of the composer
        self._level = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self._level += 1
        if self._level > MOST_LEVELS:
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise _RefusedError(f"line {line} is nested deeper than {MOST_LEVELS} levels")
        node = super().compose_node(parent, index)
        if isinstance(node, ScalarNode) and not node.value.replace("\n", "").isprintable():
            line = node.start_mark.line + 1
            raise _RefusedError(f"line {line} holds characters that cannot be printed")
        if isinstance(node, ScalarNode) and not _is_of_its_tag(node):
            line, kind = node.start_mark.line + 1, node.tag.removeprefix(_TAG)
            raise _RefusedError(f"line {line}: {shown(node.value)} is not of the tag !!{kind}")
        self._level -= 1
        return node

    def values(self, node: Node) -> int:
        """Count the values below a node with every alias written out."""
        if id(node) not in self._sizes:
            # an alias inside its own anchor would never end
            self._sizes[id(node)] = MOST_VALUES + 1
            below = 0
            if isinstance(node, SequenceNode):
                below = sum(self.values(each) for each in node.value)
            elif isinstance(node, MappingNode):
                below = sum(self.values(key) + self.values(each) for key, each in node.value)
            self._sizes[id(node)] = 1 + below
        return self._sizes[id(node)]

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        node: MappingNode = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise _RefusedError(f"the key in line {line} is no plain word")
            if key.tag.removeprefix(_TAG) in _SCALARS:
                raise _RefusedError(
                    f"the key {shown(key.value)} in line {line} is no word; quote it if it is one"
                )
            if len(key.value) > LONGEST_KEY:
                raise _RefusedError(
                    f"the key in line {line} has more than {LONGEST_KEY} characters"
                )
            if key.value in lines:
                raise _RefusedError(
                    f"the key {key.value!r} stands twice, in lines {lines[key.value]} and {line}; "
                    "keep one of them"
                )
            lines[key.value] = line
        return node


def _is_of_its_tag(node: ScalarNode) -> bool:
    """Whether a tag that stands in the text, such as !!int, fits what follows it."""
    pattern = _SCALARS.get(node.tag.removeprefix(_TAG), ("", []))[0]
    return re.match(pattern, node.value) is not None


_MADE: dict[str, Callable[[str], Any]] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    # of `.inf` and `.nan` Python knows the rest
    "float": lambda text: float(re.sub(r"\.(?=[iInN])", "", text)),
}


def _value(loader: SafeLoader, node: ScalarNode) -> Any:
    return _MADE[node.tag.removeprefix(_TAG)](node.value)


for _name, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(_pattern), _first)
    _Loader.add_constructor(f"{_TAG}{_name}", _value)
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"^<<$"), ["<"])


def parse_yaml(text: str, source: str) -> dict[str, Any]:
    """Read a text that holds a mapping.

    Parameters
    ----------
    text
        YAML.
    source
        Name of the file it came from, for messages.

    Raises
    ------
    ConfigError
        If it is no YAML, holds no mapping, has a key twice, or is nested, long or multiplied by
        its aliases beyond what a person writes.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(f"{source} has more than {MOST_CHARACTERS:,} characters; split it.")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None and loader.values(node) > MOST_VALUES:
            raise _RefusedError(
                f"its aliases stand for more than {MOST_VALUES:,} values; write fewer"
            )
        content = None if node is None else loader.construct_document(node)
    except _RefusedError as refused:
        raise ConfigError(f"{source}: {refused}.") from None
    # a date such as 2026-99-99 is no error of YAML to its reader
    except (ValueError, TypeError, AttributeError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split()).replace(' in "<unicode string>",', " at")[:200]
        raise ConfigError(f"{source} is not valid YAML: {reason}.") from error
    if not isinstance(content, Mapping):
        kind = "nothing" if content is None else f"a {type(content).__name__}"
        raise ConfigError(f"{source} must hold a mapping of keys, not {kind}.")
    return dict(content)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a file that holds a mapping.

    Raises
    ------
    ConfigError
        If it cannot be read, and as `parse_yaml`.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); name an existing file.") from error
    return parse_yaml(text, str(path))


def from_words(value: Any) -> Any:
    """Give what a reader that leaves every scalar a word has read, as a file would have it.

    Of ``--config 'a={b: 1}'`` Snakemake makes ``{"a": {"b": "1"}}``.

    Examples
    --------
    >>> from_words({"a": {"b": "1", "c": ["true", "off", "~"]}})
    {'a': {'b': 1, 'c': [True, 'off', None]}}
    """
    if isinstance(value, Mapping):
        return {key: from_words(each) for key, each in value.items()}
    if isinstance(value, list):
        return [from_words(each) for each in value]
    if not isinstance(value, str):
        return value
    kinds = (name for name, (pattern, _) in _SCALARS.items() if re.match(pattern, value))
    return _MADE.get(next(kinds, ""), str)(value)


def require_plain(value: Any, source: str, place: str = "") -> None:
    """Refuse what no field of a study or a claim takes, wherever it stands.

    Parameters
    ----------
    value
        What was read, from YAML or by Snakemake.
    source
        Name of the file it came from, for messages.
    place
        The keys that lead to it, with dots between.

    Raises
    ------
    ConfigError
        If there is a number without end or beyond `LARGEST`, a character that cannot be printed,
        or no value of YAML.
    """
    if isinstance(value, Mapping):
        for key, each in value.items():
            require_plain(key, source, f"{place}.{shown(key)}".lstrip("."))
            require_plain(each, source, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            require_plain(each, source, f"{place}.{number}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{source}: {place}: {value} is wrong; it should be a finite number.")
    elif isinstance(value, int | float) and abs(value) > LARGEST:
        # a whole number may have more digits than a float has room for
        said = f"{value:g}" if abs(value) < 10**300 else "this number"
        raise ConfigError(f"{source}: {place}: {said} is wrong; it should be at most {LARGEST:,}.")
    elif isinstance(value, str) and not value.replace("\n", "").isprintable():
        raise ConfigError(f"{source}: {place} holds characters that cannot be printed.")
    elif not isinstance(value, str | int | float | None):
        raise ConfigError(f"{source}: {place}: {shown(value)} is no value of YAML.")
