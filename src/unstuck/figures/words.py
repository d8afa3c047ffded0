"""The words of figures, in one language: those of a claim go before those of the dictionary."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from unstuck.claims.drawing import ColumnWords, OwnWords, ValueWords
from unstuck.claims.lines import Comparison
from unstuck.claims.model import Claim
from unstuck.claims.terms import Text
from unstuck.complaints import first_complaint
from unstuck.errors import ConfigError
from unstuck.yaml_files import read_yaml

# where a Chinese letter and a Latin one or a digit meet
_BESIDE = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")


class _File(OwnWords):
    several: dict[str, Text]
    outcomes: dict[str, Text]
    units: dict[str, Text]
    phrases: dict[str, Text]


@dataclass(frozen=True)
class Dictionary:
    """Words of one language.

    Attributes
    ----------
    language
        ``en`` or ``zh``.
    own
        Words of a picture and of its claim, those that go first before the others.
    common
        Words of all.
    """

    language: str
    own: tuple[OwnWords, ...]
    common: _File

    def with_own(self, *own: OwnWords) -> "Dictionary":
        """Give the dictionary with the words of a picture and of its claim before the others."""
        return Dictionary(self.language, own, self.common)

    @property
    def _all(self) -> tuple[OwnWords, ...]:
        return (*self.own, self.common)

    def phrase(self, name: str, **values: object) -> str:
        """Give a phrase with its placeholders filled."""
        text = self.common.phrases[name].words(self.language).format(**values)
        return _BESIDE.sub(" ", text) if self.language == "zh" else text

    def outcome(self, word: str) -> str:
        """Give the word of an outcome."""
        return self.common.outcomes[word].words(self.language)

    def unit(self, name: str) -> str:
        """Give a unit's short word; a unit without one as it is."""
        words = self.common.units.get(name)
        return words.words(self.language) if words else name

    def column(self, name: str) -> ColumnWords:
        """Give how a column is called and shown; a column without words by its name."""
        known = (each.columns[name] for each in self._all if name in each.columns)
        return next(known, ColumnWords(en=name.replace("_", " ").capitalize()))

    def several(self, name: str) -> str:
        """Give what several values of a column are called; how it is called, if it has no word."""
        words = self.common.several.get(name) or self.column(name)
        return words.words(self.language)

    def axis(self, name: str) -> str:
        """Give the title of a column's axis, with its unit."""
        words = self.column(name)
        return with_unit(words.words(self.language), words.unit, self.language)

    def value(self, column: str, value: Any) -> str:
        """Give how a value of a column is called."""
        words = self._value(column, value)
        return words.words(self.language) if words else plain(value)

    def named(self, column: str, value: Any) -> bool:
        """Tell whether a value of a column has a name."""
        return self._value(column, value) is not None

    def told(self, column: str, value: Any) -> str:
        """Give how a value is called where nothing names its column: a number with that."""
        if self._value(column, value):
            return self.value(column, value)
        colon = "：" if self.language == "zh" else ": "
        return f"{self.column(column).words(self.language)}{colon}{plain(value)}"

    def colour(self, column: str, value: Any) -> str:
        """Give the name of a value's colour in the palette, empty if it has none of its own."""
        words = self._value(column, value)
        return words.color if words else ""

    def place(self, column: str, value: Any) -> int:
        """Give where a value stands in the order of the dictionary, last if it is not there."""
        known = (each.values[column] for each in self._all if column in each.values)
        order = list(next(known, {}))
        key = str(value)
        return order.index(key) if key in order else len(order)

    def _value(self, column: str, value: Any) -> ValueWords | None:
        for words in self._all:
            found = words.values.get(column, {}).get(str(value))
            if found is not None:
                return found
        return None


def arms_of(spec: Comparison, words: Dictionary) -> dict[str, str]:
    """Name the arms of a comparison by their values, of what both name if they name anything."""
    chosen = {"arm": spec.arm, "reference": spec.reference}
    sides = {side: each for side, each in chosen.items() if isinstance(each, dict) and each}
    shared = set.intersection(*map(set, sides.values())) if sides else set()
    return {
        side: ", ".join(
            words.value(column, value)
            for column, value in each.items()
            if column in shared or not shared
        )
        for side, each in sides.items()
    }


def told_itself(spec: Comparison) -> bool:
    """Whether a share is held against a number, and so told itself and not what it differs by."""
    return spec.statistic == "share" and not isinstance(spec.reference, dict)


def name_of_part(claim: Claim, line: str, spec: Comparison, words: Dictionary) -> str:
    """Name a part of a primary by its measure, by its arms where another part has that too."""
    others = [each for name, each in claim.parts.items() if name != line]
    arms = arms_of(spec, words)
    same = any(isinstance(each, Comparison) and each.measured == spec.measured for each in others)
    if same and "reference" in arms:
        column, value = next(iter(spec.arm.items()))
        told = words.phrase("against", **arms)
        # numbers alone do not say of what
        return words.told(column, told) if isinstance(value, int | float) else told
    return spec.measured.words(words.language)


def with_unit(text: str, unit: str, language: str) -> str:
    """Append a unit in brackets."""
    if not unit:
        return text
    return f"{text}（{unit}）" if language == "zh" else f"{text} ({unit})"


def plain(value: Any) -> str:
    """Write a value without words of its own."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}".replace("-", "−")
    return f"{value:,}" if isinstance(value, int) else str(value).replace("_", " ")


def load_dictionary(path: str | Path, language: str) -> Dictionary:
    """Read the dictionary of figures.

    Raises
    ------
    ConfigError
        If the file cannot be read or has a wrong entry.
    """
    try:
        return Dictionary(language, (), _File.model_validate(read_yaml(path)))
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_complaint(error)}.") from error
