"""Digests of what a result depends on, so that a change reruns just what it touches."""

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
DIGITS = 16

#: where imports are not followed: these read a study, name its paths, or say what is wrong; what
#: they decide of a result stands in the other parameters of its rule. A module that is missing here
#: reruns too much; one that is here by mistake reruns too little.
SETTLED = (
    *("__init__.py", "errors.py", "logs.py"),
    *("study/config.py", "study/digests.py", "study/experiment.py", "study/fields.py"),
    *("study/grid.py", "study/load.py", "study/overrides.py", "study/paths.py", "study/plan.py"),
)
#: likewise, for the rows that a training job takes over from an earlier call: how they were written
#: is no part of them
SETTLED_OF_ROWS = (*SETTLED, "files.py")


def digest(content: Any) -> str:
    """First 16 hex digits of the SHA-256 of the canonical JSON of ``content``."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGITS]


#: of a C++ source, whose strings hold none
_COMMENT = re.compile(r"//[^\n]*")


@cache
def reached_digest(*starts: str | Path, ends: tuple[str, ...] = SETTLED) -> str:
    """Digest of the code that is reached by imports, blind to comments and docstrings.

    Parameters
    ----------
    starts
        Scripts of rules, as paths, and patterns of modules of the package
        (``"figures/kinds/*.py"``).
    ends
        Modules that are left out, and not followed.
    """
    scripts = sorted(start for start in starts if isinstance(start, Path))
    modules = _digest_of(reached_modules(*starts, ends=ends))
    return digest([modules, *(_read(script)[1] for script in scripts)])


@cache
def package_digest(*but: str) -> str:
    """Digest of the code of the package but some rooms and modules, as `reached_digest` sees it."""
    return _digest_of(_modules(["*"]) - _modules(but))


@cache
def reached_modules(*starts: str | Path, ends: tuple[str, ...] = SETTLED) -> frozenset[Path]:
    """Give the modules that some scripts and modules import, however far, and these themselves.

    Parameters
    ----------
    starts, ends
        As `reached_digest` takes them.
    """
    scripts = [start for start in starts if isinstance(start, Path)]
    reached: set[Path] = set()
    modules = _modules(start for start in starts if isinstance(start, str))
    ahead = modules.union(*(_packages(file) for file in modules))
    ahead = ahead.union(*(_read(script)[0] for script in scripts))
    while ahead := ahead - reached - _modules(ends):
        reached |= ahead
        ahead = frozenset().union(*(_read(file)[0] for file in ahead))
    return frozenset(reached)


@cache
def _read(file: Path) -> tuple[frozenset[Path], str]:
    """Give the modules of the package that a file imports, also in functions, and what it means.

    What lies beside it to be compiled is part of what it means.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    sources = [each.read_text(encoding="utf-8") for each in sorted(file.parent.glob("*.cpp"))]
    compiled = [_COMMENT.sub("", source).split() for source in sources]
    return _imported(tree), digest([ast.dump(_without_docstrings(tree)), *compiled])


def _imported(tree: ast.Module) -> frozenset[Path]:
    """Give the modules of the package that a module imports.

    Importing a module runs the packages that hold it, so they are among them.
    """
    names: set[str] = set()
    for node in _blocks(tree):
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
        file
        for place in places
        for file in (place.rglob("*.py") if place.is_dir() else [place])
        if file.suffix == ".py"
    )


def _packages(file: Path) -> frozenset[Path]:
    """Give the ``__init__.py`` of every package that holds a module; importing it runs them."""
    folders = [folder for folder in file.parents if folder.is_relative_to(PACKAGE)]
    return frozenset(init for folder in folders if (init := folder / "__init__.py").is_file())


def _digest_of(files: Iterable[Path]) -> str:
    return digest(
        [[file.relative_to(PACKAGE).as_posix(), _read(file)[1]] for file in sorted(files)]
    )


def _blocks(tree: ast.Module) -> Iterator[ast.AST]:
    """Give a module and all its statements; expressions hold no import and no docstring."""
    ahead: list[ast.AST] = [tree]
    while ahead:
        node = ahead.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            ahead += getattr(node, name, ())


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in _blocks(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            head = node.body[0] if node.body else None
            if (
                isinstance(head, ast.Expr)
                and isinstance(head.value, ast.Constant)
                and isinstance(head.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return tree
