"""The words of the report, explained."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from unstuck.errors import ConfigError


@dataclass(frozen=True)
class Entry:
    """A word, its Chinese, and what it means."""

    word: str
    zh: str
    means: str

    @property
    def anchor(self) -> str:
        """Where it stands on the page of the glossary."""
        return re.sub(r"[^a-z0-9]+", "-", self.word.lower()).strip("-")


def load_glossary(path: Path) -> tuple[Entry, ...]:
    """Read the glossary, in alphabetical order.

    Raises
    ------
    ConfigError
        If the file is missing or an entry lacks a field.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        loaded = [Entry(**entry) for entry in entries]
    except (OSError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"{path} is no list of entries with word, zh and means ({reason})."
        ) from error
    return tuple(sorted(loaded, key=lambda entry: entry.word.lower()))
