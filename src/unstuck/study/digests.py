"""Digests of what a result depends on, so that a change reruns just what it touches."""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
DIGITS = 16


def digest(content: Any) -> str:
    """First 16 hex digits of the SHA-256 of the canonical JSON of ``content``."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGITS]


@cache
def code_digest(*rooms: str) -> str:
    """Digest of the code of some rooms of the package, blind to comments and docstrings.

    Parameters
    ----------
    rooms
        Names of rooms (``"training"``), or patterns of modules (``"claims/batch_momentum*.py"``).
    """
    return _digest_of(_modules(rooms))


@cache
def reached_digest(*rooms: str) -> str:
    """Digest of the code of some rooms and of all that it imports from the package, however far.

    Parameters
    ----------
    rooms
        As `code_digest` takes them.
    """
    return _digest_of(reached_modules(*rooms))


@cache
def reached_modules(*rooms: str) -> frozenset[Path]:
    """Give the files of some rooms and of all that they import from the package, however far."""
    reached: set[Path] = set()
    ahead = _modules(rooms)
    while ahead:
        reached |= ahead
        ahead = frozenset().union(*map(_imported, ahead)) - reached
    return frozenset(reached)


@cache
def _imported(file: Path) -> frozenset[Path]:
    """Give the modules of the package that a file imports, also within functions.

    Importing a module runs the packages that hold it, so they are among them.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = (name.split(".") for name in names)
    paths = {
        PACKAGE.parent.joinpath(*words[:length])
        for words in parts
        if words[0] == PACKAGE.name
        for length in range(1, len(words) + 1)
    }
    files = {file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")}
    return frozenset(file for file in files if file.is_file())


def _modules(rooms: Iterable[str]) -> frozenset[Path]:
    places = {place for room in rooms for place in PACKAGE.glob(room)}
    return frozenset(
        file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])
    )


def _digest_of(files: Iterable[Path]) -> str:
    sha = hashlib.sha256()
    for file in sorted(files):
        sha.update(file.relative_to(PACKAGE).as_posix().encode())
        sha.update(_meaning(file).encode())
    return sha.hexdigest()[:DIGITS]


@cache
def _meaning(file: Path) -> str:
    return ast.dump(_without_docstrings(ast.parse(file.read_text(encoding="utf-8"))))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            head = node.body[0] if node.body else None
            if (
                isinstance(head, ast.Expr)
                and isinstance(head.value, ast.Constant)
                and isinstance(head.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return tree
