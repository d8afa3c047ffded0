"""What a YAML text says, read by itself, against what became of it."""

import math
import re
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

import yaml
from pydantic import BaseModel
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from unstuck.study.analyses.base import AnalysisBase

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
ABSENT = object()


def misread(text: str, made: BaseModel) -> list[str]:
    """Say which scalars of a text the model has otherwise, or has not."""
    node = yaml.compose(text, Loader=yaml.CBaseLoader)
    return [f"{place}: {said!r} became {held!r}" for place, said, held in _pairs(node, made, "")]


def spanned(text: str, beside: Collection[str]) -> dict[str, int]:
    """How many cells the lists of every experiment span, but for keys that are no axes."""
    study = dict(_entries(yaml.compose(text, Loader=yaml.CBaseLoader)))
    return {
        name: math.prod(
            len(each.value)
            for key, each in _entries(experiment)
            if isinstance(each, SequenceNode) and key not in beside
        )
        for name, experiment in _entries(study["experiments"])
    }


def _pairs(node: Node, held: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(node, ScalarNode):
        if not _same(node, held):
            yield place, node.value, held
    elif isinstance(node, SequenceNode):
        if not isinstance(held, list | tuple) or len(held) != len(node.value):
            yield place, f"a list of {len(node.value)}", held
            return
        for number, (each, kept) in enumerate(zip(node.value, held, strict=True)):
            yield from _pairs(each, kept, f"{place}.{number}")
    elif isinstance(node, MappingNode):
        for key, each in _entries(node):
            if isinstance(held, AnalysisBase) and key == "kind":
                continue  # it is the model
            kept = _below(held, key)
            if kept is ABSENT:
                yield f"{place}.{key}", "something", "nothing"
            else:
                yield from _pairs(each, kept, f"{place}.{key}")


def _entries(node: MappingNode) -> Iterator[tuple[str, Node]]:
    """Keys and values, those of merged mappings too where no own key replaces them."""
    own = {key.value: each for key, each in node.value if key.value != "<<"}
    yield from own.items()
    for key, merged in node.value:
        if key.value == "<<":
            for part in [merged] if isinstance(merged, MappingNode) else merged.value:
                for name, each in _entries(part):
                    if name not in own:
                        own[name] = each
                        yield name, each


def _below(held: Any, key: str) -> Any:
    if isinstance(held, BaseModel):
        fields = type(held).model_fields
        name = next((name for name, field in fields.items() if key in (name, field.alias)), None)
        return getattr(held, name) if name else (held.__pydantic_extra__ or {}).get(key, ABSENT)
    if isinstance(held, dict):
        # the primary of one part stands for itself
        return held[key] if key in held else _below(held.get("", ABSENT), key)
    return ABSENT


def _same(node: ScalarNode, held: Any) -> bool:
    text, plain = node.value, not node.style and node.tag == "tag:yaml.org,2002:str"
    # a text in one language is that in English
    held = held.en if hasattr(held, "en") else held
    if isinstance(held, bool) or held is None:
        return plain and text.lower() in WORDS and WORDS[text.lower()] is held
    if isinstance(held, int | float):
        return plain and bool(NUMBER.fullmatch(text)) and float(Decimal(text)) == held
    if isinstance(held, dict) and not held:
        return plain and text == ""
    return str(held) == text
