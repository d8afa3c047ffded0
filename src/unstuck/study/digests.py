"""Digests of what a result depends on, so that a change reruns just what it touches."""

import ast
import hashlib
import json
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
    places = {place for room in rooms for place in PACKAGE.glob(room)}
    files = {
        file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])
    }
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
