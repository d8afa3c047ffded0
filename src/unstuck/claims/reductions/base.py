"""What a reduction is, and the register of them."""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, get_type_hints

import pandas as pd

from unstuck.errors import RegistryError

COLUMN = "column"
#: name of a column that the table must have
Column = Annotated[str, COLUMN]
#: the same, along which the rows of one unit are reduced (a rate, say)
Axis = Annotated[str, "axis"]

Result = pd.Series | pd.DataFrame
Reduction = Callable[..., Result]

_REDUCTIONS: dict[str, Reduction] = {}


def register(function: Reduction) -> Reduction:
    """Register a reduction under the name of its function.

    It is called as ``function(rows, runs, **arguments)``. `rows` are those of both arms at one
    place under one condition, with the columns `run` (what one value is wanted for), `side`
    (``arm`` or ``reference``), `unit` and `rate` besides those of the table; `runs` are the runs
    that they belong to, those of the first heat among them, with `side`. It gives the value by
    `run`, or a table with the columns `value` and `arrived`, and with `score` (lower is better)
    where it is the value itself by which a rate is chosen among the finalists.
    """
    name = function.__name__
    if name in _REDUCTIONS:
        raise RegistryError(f"a reduction {name!r} exists already; give it another name.")
    _REDUCTIONS[name] = function
    return function


@cache
def _known() -> Mapping[str, Reduction]:
    """Every reduction: those of this folder, and those that installed packages bring."""
    found = dict(_REDUCTIONS)
    for brought in entry_points(group="unstuck.reductions"):
        if brought.name in found:
            raise RegistryError(
                f"{brought.value}: a reduction {brought.name!r} exists already; give it another "
                "name."
            )
        try:
            found[brought.name] = brought.load()
        except Exception as error:
            raise RegistryError(
                f"the reduction {brought.name!r}, {brought.value}, cannot be loaded: {error}."
            ) from error
    return found


def brought_code() -> str:
    """Give the source of the reductions that installed packages bring: part of what judges."""
    brought = [each for name, each in _known().items() if name not in _REDUCTIONS]
    return "".join(inspect.getsource(sys.modules[each.__module__]) for each in brought)


def reduction(name: str) -> Reduction:
    """Give a reduction by name.

    Raises
    ------
    RegistryError
        If there is none, or one that an installed package brings cannot be had.
    """
    if name not in _known():
        raise RegistryError(f"there is no reduction {name!r}; there are {', '.join(names())}.")
    return _known()[name]


def names() -> tuple[str, ...]:
    """Give the names of all reductions, sorted."""
    return tuple(sorted(_known()))


def arguments(name: str) -> dict[str, inspect.Parameter]:
    """Give the arguments that a file may give a reduction, by name."""
    parameters = inspect.signature(reduction(name)).parameters
    return {key: each for key, each in parameters.items() if each.kind is each.KEYWORD_ONLY}


def columns(name: str, given: dict[str, object]) -> list[str]:
    """Give the columns that a reduction with some arguments reads."""
    return [*_of_type(name, given, Column), *axes(name, given)]


def axes(name: str, given: dict[str, object]) -> list[str]:
    """Give the columns along which a reduction reduces."""
    return _of_type(name, given, Axis)


def _of_type(name: str, given: dict[str, object], kind: object) -> list[str]:
    hints = get_type_hints(reduction(name), include_extras=True)
    found = []
    for key, parameter in arguments(name).items():
        wanted = hints[key]
        if wanted == kind or kind in getattr(wanted, "__args__", ()):
            value = given.get(key, parameter.default)
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, list | tuple):
                found += [str(each) for each in value]
    return found
