"""Drawings of single claims that no kind serves: one function each, registered by name."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from unstuck.claims.drawing import Particular
from unstuck.errors import RegistryError
from unstuck.figures.pen import Pen

# gets the description, the pen and the place in the figure's grid
Function = Callable[[Particular, Pen, Any], None]
_FUNCTIONS: dict[str, Function] = {}


def particular(name: str) -> Callable[[Function], Function]:
    """Register the decorated function under a name, for ``figure: {kind: particular, name: …}``."""

    def keep(function: Function) -> Function:
        _FUNCTIONS[name] = function
        return function

    return keep


def function(name: str) -> Function:
    """Give the function of a name.

    Raises
    ------
    RegistryError
        If there is none.
    """
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    if name not in _FUNCTIONS:
        known = ", ".join(sorted(_FUNCTIONS)) or "none yet"
        raise RegistryError(f"figure: no particular drawing is called {name!r}; known: {known}.")
    return _FUNCTIONS[name]
