"""Which function draws which claim."""

from collections.abc import Callable

from matplotlib.figure import Figure

import unstuck.figures
from unstuck.claims.evidence import Evidence
from unstuck.claims.sections import ClaimFunctions
from unstuck.errors import DataError, RegistryError
from unstuck.figures.style import styled

Drawer = Callable[[Evidence], Figure]

_DRAWERS: ClaimFunctions[Drawer] = ClaimFunctions(unstuck.figures, "figure")


def figure(claim_id: str) -> Callable[[Drawer], Drawer]:
    """Register the decorated function as the one that draws ``claim_id``."""
    return _DRAWERS.register(claim_id)


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
    drawer = _DRAWERS.of(claim_id)
    try:
        with styled():
            return drawer(evidence)
    except KeyError as error:
        raise DataError(
            f"the figure of claim {claim_id} needs {error}, which its evidence lacks; "
            "evaluate the claim again."
        ) from error
