"""Evidence must fit its entry in the registry."""

from collections.abc import Mapping

from unstuck.claims.evidence import Evidence
from unstuck.claims.registry import Claim
from unstuck.errors import RegistryError


def require_declared(claim: Claim, evidence: Evidence) -> None:
    """Refuse evidence that the registry's entry does not announce.

    Raises
    ------
    RegistryError
        If the evidence is another claim's, of the wrong kind, or has an effect, a condition or a
        condition's value that is not declared.
    """
    if evidence.claim != claim.id:
        raise RegistryError(f"claim {claim.id} was given the evidence of claim {evidence.claim}.")
    if claim.kind == "exact" and evidence.contrasts:
        raise RegistryError(f"claim {claim.id} is exact but has contrasts; declare it measured.")
    effects = [each for each in evidence.contrasts if each.role == "effect"]
    if claim.kind == "measured" and not effects:
        raise RegistryError(
            f"claim {claim.id} is measured but its evidence has no effect contrast."
        )
    if claim.kind == "exact" and not any(check.role == "effect" for check in evidence.checks):
        raise RegistryError(f"claim {claim.id} is exact but its evidence has no check.")
    for contrast in evidence.contrasts:
        claim.measure(contrast.measure)
        _require_condition(claim, contrast.name, contrast.condition)
    for check in evidence.checks:
        _require_condition(claim, check.name, check.condition)


def _require_condition(claim: Claim, name: str, condition: Mapping[str, str]) -> None:
    for key, value in condition.items():
        if key not in claim.conditions:
            known = ", ".join(claim.conditions) or "none"
            raise RegistryError(
                f"claim {claim.id}, {name!r}: condition {key!r} is not declared; known: {known}."
            )
        if value not in claim.conditions[key]:
            known = ", ".join(claim.conditions[key])
            raise RegistryError(
                f"claim {claim.id}, {name!r}: condition {key} is {value!r}; declared are {known}."
            )
