"""Which function measures which claim, and how it is called."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

import unstuck.claims
from unstuck.claims.conformity import require_declared
from unstuck.claims.evidence import Evidence, Source
from unstuck.claims.registry import Claim
from unstuck.claims.storage import table_digest
from unstuck.errors import RegistryError

Measure = Callable[..., Evidence]

# sections of the notes and the modules that measure their claims; `<module>_*` belongs to it too
SECTIONS: dict[str, str] = {
    "1.1": "critical_points",
    "1.2": "batch_momentum",
    "2.1": "adaptive_rates",
    "2.2": "classification",
    "3.1": "batch_normalisation",
    "3.2": "convolution",
}
_MEASURES: dict[str, Measure] = {}


def claim(claim_id: str) -> Callable[[Measure], Measure]:
    """Register the decorated function as the one that measures ``claim_id``.

    Its arguments are the tables named in the registry under `reads`; it returns `Evidence`.
    """

    def register(measure: Measure) -> Measure:
        known = _MEASURES.get(claim_id)
        if known is not None and known.__qualname__ != measure.__qualname__:
            raise RegistryError(
                f"claim {claim_id} is measured by both {known.__qualname__} and "
                f"{measure.__qualname__}; keep one @claim({claim_id!r})."
            )
        _MEASURES[claim_id] = measure
        return measure

    return register


def measure_of(claim_id: str) -> Measure:
    """Give the function that measures a claim.

    Raises
    ------
    RegistryError
        If there is none.
    """
    section = claim_id.rsplit(".", 1)[0]
    prefix = SECTIONS.get(section)
    if prefix is not None and claim_id not in _MEASURES:
        for module in pkgutil.iter_modules(unstuck.claims.__path__):
            if module.name == prefix or module.name.startswith(f"{prefix}_"):
                importlib.import_module(f"unstuck.claims.{module.name}")
    if claim_id not in _MEASURES:
        raise RegistryError(
            f"claim {claim_id} has no function; decorate one with @claim({claim_id!r}) in "
            f"src/unstuck/claims/{prefix or '<section>'}.py."
        )
    return _MEASURES[claim_id]


def evaluate(claim: Claim, tables: Mapping[str, pd.DataFrame]) -> Evidence:
    """Measure one claim.

    Parameters
    ----------
    claim
        Its entry in the registry.
    tables
        The tables it reads, by argument name (the keys of ``claim.reads``).

    Returns
    -------
    Evidence
        With the sources it was computed from.

    Raises
    ------
    RegistryError
        If the function does not exist, its arguments are not those of `reads`, a table is missing,
        or the evidence uses an effect or a condition that the registry does not declare.
    """
    measure = measure_of(claim.id)
    arguments = set(inspect.signature(measure).parameters)
    if arguments != set(claim.reads):
        raise RegistryError(
            f"claim {claim.id}: the registry reads {sorted(claim.reads)}, but "
            f"{measure.__qualname__} takes {sorted(arguments)}; make them agree."
        )
    missing = sorted(set(claim.reads) - set(tables))
    if missing:
        raise RegistryError(
            f"claim {claim.id}: table {claim.reads[missing[0]]} was not given; "
            f"pass it as {missing[0]!r}."
        )
    given = {name: tables[name] for name in sorted(claim.reads)}
    evidence = measure(**given)
    require_declared(claim, evidence)
    return replace(
        evidence,
        sources=tuple(
            Source(name, claim.reads[name], len(table), table_digest(table))
            for name, table in given.items()
        ),
    )
