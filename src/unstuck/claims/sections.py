"""The sections of the notes, and the functions that belong to their claims."""

import importlib
import pkgutil
from collections.abc import Callable
from importlib.machinery import FileFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

from unstuck.errors import RegistryError

F = TypeVar("F", bound=Callable[..., Any])


class Section(NamedTuple):
    """A section of the notes."""

    title: str
    module: str  # of a room that serves claims; `<module>_*` belongs to it too


SECTIONS = {
    "1.1": Section("Critical points", "critical_points"),
    "1.2": Section("Batch and momentum", "batch_momentum"),
    "2.1": Section("Adaptive learning rates", "adaptive_rates"),
    "2.2": Section("Classification", "classification"),
    "3.1": Section("Batch normalisation", "batch_normalisation"),
    "3.2": Section("Convolutional networks", "convolution"),
}


class ClaimFunctions(Generic[F]):
    """One function a claim, registered by a decorator, in the modules named after its section.

    Parameters
    ----------
    room
        The package that holds the modules.
    decorator
        Its name, for messages.
    """

    def __init__(self, room: ModuleType, decorator: str) -> None:
        self._room = room
        self._decorator = decorator
        self._functions: dict[str, F] = {}

    def register(self, claim_id: str) -> Callable[[F], F]:
        """Give the decorator that makes a function the one of ``claim_id``.

        Raises
        ------
        RegistryError
            On decoration, if the claim has another function.
        """

        def keep(function: F) -> F:
            known = self._functions.get(claim_id)
            if known is not None and known.__qualname__ != function.__qualname__:
                raise RegistryError(
                    f"claim {claim_id} has two functions, {known.__qualname__} and "
                    f"{function.__qualname__}; keep one @{self._decorator}({claim_id!r})."
                )
            self._functions[claim_id] = function
            return function

        return keep

    def of(self, claim_id: str) -> F:
        """Give the function of a claim.

        Raises
        ------
        RegistryError
            If there is none.
        """
        section = SECTIONS.get(claim_id.rsplit(".", 1)[0])
        names = self._modules(section.module, claim_id) if section else []
        # one after the other, since some are slow to import
        while claim_id not in self._functions and names:
            importlib.import_module(f"{self._room.__name__}.{names.pop(0)}")
        if claim_id not in self._functions:
            raise RegistryError(
                f"claim {claim_id} has no function; decorate one with "
                f"@{self._decorator}({claim_id!r}) in {self._room.__name__}."
                f"{section.module if section else '<section>'}."
            )
        return self._functions[claim_id]

    def _modules(self, prefix: str, claim_id: str) -> list[str]:
        """Give the modules of a section, those first whose text names the claim."""
        found = [
            (f'"{claim_id}"' not in Path(finder.path, f"{name}.py").read_text("utf-8"), name)
            for finder, name, _ in pkgutil.iter_modules(self._room.__path__)
            if isinstance(finder, FileFinder) and (name == prefix or name.startswith(f"{prefix}_"))
        ]
        return [name for _, name in sorted(found)]
