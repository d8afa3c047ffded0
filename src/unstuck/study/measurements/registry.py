"""The measurements by name, found in this folder, and their work on one training job."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from unstuck.study.measurements.base import MeasurementBase

if TYPE_CHECKING:
    from unstuck.study.endpoints import Endpoints, Progress

_PACKAGE = __name__.rpartition(".")[0]


def _found() -> dict[str, type[MeasurementBase]]:
    """Import the modules of this folder that hold a measurement, and name it after its module."""
    models = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        content = vars(importlib.import_module(f"{_PACKAGE}.{module.name}"))
        for each in content.values():
            own = isinstance(each, type) and each.__module__ == f"{_PACKAGE}.{module.name}"
            if own and issubclass(each, MeasurementBase) and each is not MeasurementBase:
                models[module.name] = each
    return models


MEASUREMENTS: Mapping[str, type[MeasurementBase]] = _found()


def module_of(name: str) -> str:
    """Give the module of a measurement, below the source of the package."""
    return f"{MEASUREMENTS[name].__module__.partition('.')[2].replace('.', '/')}*"


def measure(
    name: str,
    groups: Iterable[Mapping[str, Any]],
    endpoints: "Endpoints",
    tolerance: float,
    progress: "Progress",
) -> pd.DataFrame:
    """Measure endpoints of a job, group by group.

    Parameters
    ----------
    name
        Key of `MEASUREMENTS`.
    groups
        Mappings with the ``options`` of a measurement, and the ``units`` of each cell measured so:
        the first so many, by the cell's key (`Plan.measured`).
    endpoints
        Those of the whole job.
    tolerance, progress
        As `MeasurementBase.run` takes them.

    Returns
    -------
    The rows of all groups. Without any, as when all runs diverged, the columns are there.
    """
    model = MEASUREMENTS[name]
    empty = pd.DataFrame(columns=list(dict.fromkeys([*endpoints.rows.columns, *model.columns])))
    tables = []
    for group in groups:
        wanted = model.model_validate(group["options"])
        chosen = endpoints.of(group["units"], stalled=wanted.stalled)
        if len(chosen.rows):
            tables.append(wanted.run(chosen, tolerance, progress))
    return pd.concat(tables, ignore_index=True) if tables else empty
