"""What is wrong with a value or a name, in the words of someone who writes a study."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

LONGEST = 60
#: characters of names that are listed as known
LISTED = 160
#: share of characters in common from which on a name is taken for another that was mistyped
NEAR = 0.61

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "a word",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "finite_number": "a finite number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "a text that is not empty",
    "literal_error": "{expected}",
    "union_tag_invalid": "of a known {discriminator}: {expected_tags}",
}


def shown(value: Any) -> str:
    """Show a value as it would stand in a study, cut where it is long.

    Examples
    --------
    >>> shown(None), shown(True), shown("ful"), shown({"a": 1}), shown(["x"] * 99)
    ('null', 'true', "'ful'", 'a mapping', 'a list of 99')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    text = repr(value)
    if len(text) <= LONGEST:
        return text
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"a list of {len(value)}"
    return f"{text[:LONGEST]}…"


def wanted(error: ErrorDetails, patterns: Mapping[str, str] | None = None) -> str:
    """Say what would be right in place of a wrong value.

    Parameters
    ----------
    error
        As pydantic gives it.
    patterns
        Words for what a regular expression asks of a text.
    """
    context: Mapping[str, Any] = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return (patterns or {}).get(context["pattern"], f"a text like {context['pattern']}")
    if error["type"] in _WANTED:
        return _WANTED[error["type"]].format(**context)
    return error["msg"].removeprefix("Input should be ").partition(", unable")[0]


def complaint(error: ErrorDetails) -> str:
    """Say what is wrong with a value and what would be right, without a full stop."""
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return "it is missing"
    if error["type"] == "extra_forbidden":
        return "the key is unknown"
    return f"{shown(error['input'])} is wrong; it should be {wanted(error)}"


def first_complaint(error: ValidationError) -> str:
    """Say where the first thing wrong is, and what, without a full stop."""
    first = error.errors()[0]
    words = " ".join(complaint(first).split())
    return ": ".join([".".join(map(str, first["loc"])), words] if first["loc"] else [words])


def keys_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Give the keys that a mapping may have, by where pydantic says that it stands in a model."""
    # a model, and how many keys of mappings stand before its own
    here = [(model, 0)]
    for part in location:
        if any(part in each.model_fields and not names for each, names in here):
            fields = [each.model_fields for each, names in here if not names]
            here = [
                found for held in fields if part in held for found in _models(held[part].annotation)
            ]
        elif isinstance(part, str):
            # a name in a mapping, or the kind that a model of several is of
            named = [(each, names) for each, names in here if part in _kinds(each)]
            here = named or [(each, max(0, names - 1)) for each, names in here]
    return sorted({key for each, _ in here for key in each.model_fields})


def _kinds(model: type[BaseModel]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind else ()


def _models(annotation: Any, names: int = 0) -> Iterator[tuple[type[BaseModel], int]]:
    """Give the models in the annotation of a field, and how many mappings each is inside."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, names
    for each in get_args(annotation):
        yield from _models(each, names + (get_origin(annotation) is dict))


def one_of(name: str, known: Iterable[str], *, what: str) -> str:
    """Return ``name`` if it is known.

    Raises
    ------
    ValueError
        If it is not; the message names the nearest known one.
    """
    choices = [str(each) for each in known]
    if name in choices:
        return name
    raise ValueError(f"{what} {shown(name)} is unknown; {hint(name, choices)}")


def hint(name: str, known: Iterable[str], are: str = "known are") -> str:
    """Say which of the known names is near one, or some of what is known."""
    choices = sorted(known)
    by_lower = {each.lower(): each for each in reversed(choices)}
    found = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=NEAR)
    near = [by_lower[each] for each in found]
    text = ", ".join(choices)
    most = len(choices) if len(text) <= LISTED else text[:LISTED].count(", ")
    return f"did you mean {near[0]!r}?" if near else f"{are} {few(choices, most)}"


def few(names: Iterable[str], most: int = 8) -> str:
    """List names, and say how many more there are.

    Examples
    --------
    >>> few("abcd", most=2)
    'a, b and 2 more'
    """
    listed = list(names)
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def stopped(message: str) -> str:
    """Give a message its full stop, unless it ends in a question."""
    return message if message.endswith("?") else f"{message}."
