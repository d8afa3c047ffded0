"""Code that a study brings: the source of a network of kind `module`, its digest, what it defines.

Reading it runs none of it. It is run by `load`, and only if it is the source that was planned.
"""

import ast
import hashlib
import importlib
import sys
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from unstuck.complaints import hint, stopped
from unstuck.errors import ConfigError
from unstuck.population.spec import NetworkSpec


def source_digest(spec: NetworkSpec) -> str:
    """SHA-256 of the file that holds a module, or of all Python files of the package it is in.

    Raises
    ------
    ConfigError
        If there is no such file or package, or the file is no Python or does not hold the module.
    """
    sha = hashlib.sha256()
    if spec.file is not None:
        sha.update(_read(spec.file))
    else:
        for name, content in _packaged(str(spec.package)).items():
            sha.update(f"{name} {len(content)} ".encode() + content)
    return sha.hexdigest()


def require_defined(spec: NetworkSpec) -> None:
    """Refuse a file that is no Python, or in which nothing has the name of the module.

    Raises
    ------
    ConfigError
        If it is so.
    """
    if spec.file is None:
        return
    try:
        tree = ast.parse(_read(spec.file), spec.file)
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"{spec.file} is no Python that can be read: {error}.") from error
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    if spec.name not in names:
        known = hint(str(spec.name), names, "it defines") if names else "it defines nothing"
        raise ConfigError(stopped(f"{spec.file} defines no {spec.name}; {known}"))


def load(spec: NetworkSpec, source: str) -> Any:
    """Run the source of a module, and give what makes it: a class, as a rule.

    Parameters
    ----------
    spec
        Of kind `module`.
    source
        The digest that its source had when the study was planned.

    Raises
    ------
    ConfigError
        If the source is another by now, or holds no such thing.
    """
    if source_digest(spec) != source:
        raise ConfigError(f"{spec.origin} has changed since this was planned; run snakemake again.")
    try:
        return getattr(_namespace(spec, source), str(spec.name))
    except AttributeError as error:
        raise ConfigError(f"{spec.origin} has no {spec.name}.") from error
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{spec.origin} cannot be run: {said(error)}.") from error


@lru_cache
def _namespace(spec: NetworkSpec, source: str) -> ModuleType:
    if spec.package is not None:
        return importlib.import_module(spec.package)
    module = ModuleType(f"unstuck_foreign_{source[:16]}")
    # dataclasses and the like look their module up
    sys.modules[module.__name__] = module
    exec(compile(_read(str(spec.file)), str(spec.file), "exec"), module.__dict__)
    return module


def said(error: BaseException) -> str:
    """Give the first line of what an error of foreign code says, without its full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _packaged(package: str) -> dict[str, bytes]:
    """Contents of all Python files of a package, by their path within it."""
    top = package.partition(".")[0]
    found = PathFinder.find_spec(top)
    if found is None or found.origin is None:
        raise ConfigError(f"the package {top} is not installed; its name is that of an import.")
    origin = Path(found.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    return {file.relative_to(origin.parent).as_posix(): file.read_bytes() for file in files}


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}).") from error
