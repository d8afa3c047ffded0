"""Which function measures which claim, and how it is called."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

import unstuck.claims
from unstuck.claims.conformity import require_declared
from unstuck.claims.evidence import Evidence, Source
from unstuck.claims.registry import Claim
from unstuck.claims.sections import ClaimFunctions
from unstuck.claims.storage import table_digest
from unstuck.errors import RegistryError

Measure = Callable[..., Evidence]

_MEASURES: ClaimFunctions[Measure] = ClaimFunctions(unstuck.claims, "claim")


def claim(claim_id: str) -> Callable[[Measure], Measure]:
    """Register the decorated function as the one that measures ``claim_id``.

    Its arguments are the tables named in the registry under `reads`; it returns `Evidence`.
    """
    return _MEASURES.register(claim_id)


def measure_of(claim_id: str) -> Measure:
    """Give the function that measures a claim.

    Raises
    ------
    RegistryError
        If there is none.
    """
    return _MEASURES.of(claim_id)


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
