"""What the signs of the eigenvalues say of a critical point, and what probes see around it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: tolerances, relative to the largest absolute eigenvalue, below which one counts as zero
TOLERANCES = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
# a change of the loss is a difference of two, so it is known to rounding of the loss
ROUNDING = 1e-12


def said_by_signs(negative: int, zero: int, positive: int) -> str:
    """Say what the numbers of negative, zero and positive eigenvalues tell.

    Eigenvalues of one sign beside zeros tell nothing: `silent`.
    """
    if negative and positive:
        return "saddle"
    if zero:
        return "silent"
    return "maximum" if negative else "minimum"


def seen_by_probes(down: float, up: float) -> str:
    """Say what a point is around which so many probes go down and up."""
    if down and up:
        return "saddle"
    return "maximum" if down else "minimum" if up else "flat"


def by_tolerance(values: NDArray[np.float64]) -> Iterator[dict[str, Any]]:
    """Give a row for each of `TOLERANCES`, with the signs of eigenvalues ``[P]`` at it."""
    from unstuck.curvature.spectra.inertia import inertia_of_eigenvalues

    for tolerance in TOLERANCES:
        counts = inertia_of_eigenvalues(values, relative_tolerance=tolerance).counts
        silent = said_by_signs(**counts) == "silent"
        yield {"tolerance": tolerance} | counts | {"silent": silent}
