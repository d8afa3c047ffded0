"""Headlines that follow from the exact checks of a claim."""

from collections.abc import Mapping

from unstuck.claims.evidence import Check, Evidence


def held(evidence: Evidence, words: str, failing: Mapping[str, str] | None = None) -> str:
    """Give a headline that says what the exact checks say: the words, or what speaks against them.

    Parameters
    ----------
    evidence
        What the figure draws.
    words
        The headline where every check of an effect holds.
    failing
        A condition under which the words say that the claim does not hold; there at least one check
        must fail.
    """
    contrary = _contrary(evidence, failing or {})
    return f"Not as said: {_first(evidence, contrary)}" if contrary else words


def checked(evidence: Evidence, words: str, failing: Mapping[str, str] | None = None) -> str:
    """Add to a headline that was computed from tables how many exact checks fail, if any does.

    Parameters
    ----------
    evidence, words, failing
        As `held` takes them; what holds under `failing` adds nothing.
    """
    contrary = [check for check in _contrary(evidence, failing or {}) if not check.holds]
    return f"{words}; but {_first(evidence, contrary)}" if contrary else words


def _contrary(evidence: Evidence, failing: Mapping[str, str]) -> list[Check]:
    """Give the checks of effects that do not come out as a headline says."""
    effects = [check for check in evidence.checks if check.role == "effect"]
    there = [check for check in effects if failing and failing.items() <= check.condition.items()]
    surprising = there if there and all(check.holds for check in there) else []
    return [check for check in effects if check not in there and not check.holds] + surprising


def _first(evidence: Evidence, contrary: list[Check]) -> str:
    number = sum(check.role == "effect" for check in evidence.checks)
    first = contrary[0]
    verb = "come" if len(contrary) > 1 else "comes"
    return (
        f"{len(contrary)} of {number} checks {verb} out otherwise, such as {first.name}: "
        f"{first.value:.3g}, not {first.expected:.3g}"
    )
