"""Which function draws which claim."""

import importlib
import pkgutil
from collections.abc import Callable

from matplotlib.figure import Figure

import unstuck.figures
from unstuck.claims.evaluation import SECTIONS
from unstuck.claims.evidence import Evidence
from unstuck.errors import DataError, RegistryError
from unstuck.figures.style import styled

Drawer = Callable[[Evidence], Figure]

_DRAWERS: dict[str, Drawer] = {}


def figure(claim_id: str) -> Callable[[Drawer], Drawer]:
    """Register the decorated function as the one that draws ``claim_id``."""

    def register(drawer: Drawer) -> Drawer:
        known = _DRAWERS.get(claim_id)
        if known is not None and known.__qualname__ != drawer.__qualname__:
            raise RegistryError(
                f"claim {claim_id} is drawn by both {known.__qualname__} and "
                f"{drawer.__qualname__}; keep one @figure({claim_id!r})."
            )
        _DRAWERS[claim_id] = drawer
        return drawer

    return register


def drawer_of(claim_id: str) -> Drawer:
    """Give the function that draws a claim; modules are named as those that measure it.

    Raises
    ------
    RegistryError
        If there is none.
    """
    prefix = SECTIONS.get(claim_id.rsplit(".", 1)[0])
    if prefix is not None and claim_id not in _DRAWERS:
        for module in pkgutil.iter_modules(unstuck.figures.__path__):
            if module.name == prefix or module.name.startswith(f"{prefix}_"):
                importlib.import_module(f"unstuck.figures.{module.name}")
    if claim_id not in _DRAWERS:
        raise RegistryError(
            f"claim {claim_id} has no figure; decorate a function with @figure({claim_id!r}) in "
            f"src/unstuck/figures/{prefix or '<section>'}.py."
        )
    return _DRAWERS[claim_id]


def draw(claim_id: str, evidence: Evidence) -> Figure:
    """Draw a claim's figure from its evidence alone.

    Raises
    ------
    RegistryError
        If no function draws this claim, or the evidence belongs to another one.
    DataError
        If the evidence lacks a table or a column that the figure draws.
    """
    if evidence.claim != claim_id:
        raise RegistryError(
            f"the figure of claim {claim_id} was given the evidence of claim {evidence.claim}."
        )
    drawer = drawer_of(claim_id)
    try:
        with styled():
            return drawer(evidence)
    except KeyError as error:
        raise DataError(
            f"the figure of claim {claim_id} needs {error}, which its evidence lacks; "
            "evaluate the claim again."
        ) from error
