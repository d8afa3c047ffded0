"""The examples of the gallery, for tests of kinds and titles."""

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from unstuck.claims.drawing import Drawing
from unstuck.figures.gallery import EXAMPLES, example_data, judged, row, runs
from unstuck.figures.words import Dictionary, load_dictionary

WORDS = Path(__file__).parents[2] / "workflow" / "report" / "words.yaml"
KINDS = EXAMPLES
figure_data, rows = example_data, judged


@cache
def dictionary(language: str = "en") -> Dictionary:
    return load_dictionary(WORDS, language)


def drawing(**keys: Any) -> Any:
    return TypeAdapter(Drawing).validate_python(keys)


__all__ = ["KINDS", "dictionary", "drawing", "figure_data", "row", "rows", "runs"]
