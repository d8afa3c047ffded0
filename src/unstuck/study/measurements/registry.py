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
            if own and issubclass(each, MeasurementBase) and module.name != "base":
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
    The rows of all groups, with all columns, also without any row, as when all runs diverged.

    Raises
    ------
    ValueError
        If the measurement gives a column that it does not declare.
    """
    model = MEASUREMENTS[name]
    columns = list(dict.fromkeys([*endpoints.rows.columns, *model.columns]))
    tables = []
    for group in groups:
        wanted = model.model_validate(group["options"])
        chosen = endpoints.of(group["units"], stalled=wanted.stalled)
        if len(chosen.rows):
            tables.append(wanted.run(chosen, tolerance, progress))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    if unknown := set(map(str, table)) - set(columns):
        raise ValueError(f"{name} gives the columns {sorted(unknown)}, which it does not declare")
    for column in columns:
        if column not in table:
            table[column] = None  # of no kind, so that it fits that of other jobs
    return table[columns]
