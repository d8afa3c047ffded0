"""Critical points of the gallery of surfaces: their kinds, signs and probes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from unstuck.curvature.critical_points.certificate import RELATIVE_TOLERANCE
from unstuck.curvature.spectra.inertia import inertia_of_eigenvalues
from unstuck.study.analyses.critical_points.signs import (
    ROUNDING,
    by_tolerance,
    said_by_signs,
    seen_by_probes,
)
from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.surface import Surface

GALLERY = ("bowl", "dome", "saddle", "monkey_saddle", "quartic_bowl", "toy")
#: no critical point, though both eigenvalues are positive there
BESIDE = ("bowl", (1.0, 0.0))
PROBES, PROBE_STREAM, RADIUS = 1000, 7101, 0.1
REACH, GRID = 1.5, 31

Array = NDArray[np.float64]


def points() -> pd.DataFrame:
    """Give what `GalleryAnalysis.run` says of the table `points`."""
    return pd.DataFrame([_described(*each) for each in _places()])


def tolerances() -> pd.DataFrame:
    """Give what `GalleryAnalysis.run` says of the table `tolerances`."""
    return pd.DataFrame(
        [
            {"point": _label(name, place)} | row
            for name, place, _, critical in _places()
            if critical
            for row in by_tolerance(_eigenvalues(SURFACES[name], place))
        ]
    )


def heights() -> pd.DataFrame:
    """Give what `GalleryAnalysis.run` says of the table `heights`."""
    axis = torch.linspace(-REACH, REACH, GRID, dtype=torch.float64)
    places = torch.cartesian_prod(axis, axis)
    x, y = places.T.numpy()
    return pd.concat(
        [
            pd.DataFrame(
                {"surface": name, "x": x, "y": y, "height": SURFACES[name].value(places).numpy()}
            )
            for name in GALLERY
        ],
        ignore_index=True,
    )


def _places() -> Iterator[tuple[str, tuple[float, ...], str, bool]]:
    """Give surface, point, kind, and whether it is critical."""
    for name in GALLERY:
        for known in SURFACES[name].critical_points():
            yield name, known.point, known.kind, True
    yield *BESIDE, "slope", False


def _described(name: str, point: tuple[float, ...], kind: str, critical: bool) -> dict[str, Any]:
    surface = SURFACES[name]
    place = torch.tensor(point, dtype=torch.float64)
    values = _eigenvalues(surface, point)
    counts = inertia_of_eigenvalues(values, relative_tolerance=RELATIVE_TOLERANCE).counts
    said = said_by_signs(**counts)
    changes = _probed(surface, place)
    bound = ROUNDING * RADIUS**2
    down, up = int((changes < -bound).sum()), int((changes > bound).sum())
    return {
        "point": _label(name, point),
        "surface": name,
        "x": point[0],
        "y": point[1],
        "critical": critical,
        "kind": kind,
        "said": said,
        "seen": seen_by_probes(down, up),
        "silent": said == "silent",
        "wrong": said not in ("silent", kind),
        "gradient_norm": float(surface.gradient(place).norm()),
        **counts,
        "lambda_min": float(values[0]),
        "lambda_max": float(values[-1]),
        "down": down,
        "up": up,
        "radius": RADIUS,
    }


def _label(name: str, point: tuple[float, ...]) -> str:
    return f"{name.replace('_', ' ')} at ({', '.join(f'{each:g}' for each in point)})"


def _eigenvalues(surface: Surface, point: tuple[float, ...]) -> Array:
    place = torch.tensor(point, dtype=torch.float64)
    values: Array = np.linalg.eigvalsh(surface.hessian(place).numpy())
    return values


def _probed(surface: Surface, place: torch.Tensor) -> Array:
    """Give the changes of height ``[PROBES]`` over steps of one length in random directions."""
    rng = np.random.default_rng([0, PROBE_STREAM])
    steps = torch.from_numpy(rng.standard_normal((PROBES, surface.dimension)))
    steps = RADIUS * steps / steps.norm(dim=1, keepdim=True)
    changes: Array = (surface.value(place + steps) - surface.value(place)).numpy()
    return changes
