"""From the findings of contrasts and checks to one verdict, and the words for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

DECISIVE = ("supported", "no effect", "contradicted")
DATASET = "dataset"
# so many places are named one by one
LISTED = 4


@dataclass(frozen=True)
class Finding:
    """What one contrast, or all checks under one condition, says.

    Attributes
    ----------
    verdict
        One of `DECISIVE`, or ``inconclusive``.
    where
        Words for where it was found, by dimension: each condition, the dataset, the effect.
    reason
        Why.
    """

    verdict: str
    where: Mapping[str, str]
    reason: str

    @property
    def place(self) -> str:
        """All words for where it was found."""
        return " ".join(word for word in self.where.values() if word)


@dataclass(frozen=True)
class Combined:
    """The verdict of several findings, and the findings that it rests on."""

    verdict: str
    reason: str
    rests_on: tuple[int, ...]


def combine(findings: Sequence[Finding]) -> Combined:
    """Combine findings over conditions and datasets.

    They must all agree for a decisive verdict. Findings that are decisive but differ make it
    *depends*: between conditions each of which is settled on all its datasets, an undecided third
    condition changes nothing. Otherwise an undecided finding leaves the claim *inconclusive*.
    """
    settled = _settled(findings)
    verdicts = {findings[index].verdict for index in settled}
    undecided = [finding for finding in findings if finding.verdict not in DECISIVE]
    if len(verdicts) > 1:
        reason = explain([findings[index] for index in settled])
        if undecided:
            reason += f"; inconclusive {_places(undecided, len(findings), _dimensions(findings))}"
        return Combined("depends", reason, tuple(settled))
    if undecided:
        return Combined("inconclusive", _undecided(findings, undecided), ())
    first, number = findings[0], len(findings)
    reason = first.reason
    if number > 1:
        reason = f"the same in all {number} comparisons; {first.place}: {first.reason}"
    return Combined(first.verdict, reason, tuple(range(number)))


def explain(findings: Sequence[Finding]) -> str:
    """Say which verdict holds where, by the fewest dimensions that tell the verdicts apart."""
    dimensions = _telling(findings)
    parts = []
    for verdict in DECISIVE:
        chosen = [finding for finding in findings if finding.verdict == verdict]
        if chosen:
            parts.append(f"{verdict} {_places(chosen, len(findings), dimensions)}".strip())
    return ", ".join(parts)


def _undecided(findings: Sequence[Finding], undecided: Sequence[Finding]) -> str:
    """Say where a claim is undecided and why, and what is decided elsewhere."""
    first = undecided[0]
    because = f": {first.reason}" if first.place else first.reason
    if len(undecided) == len(findings):
        if len(findings) == 1:
            return f"{first.place}{because}"
        return f"in all {len(findings)} comparisons; {first.place}{because}"
    places = _places(undecided, len(findings), _telling(findings))
    return f"{explain(findings)}, but inconclusive {places}; {first.place}{because}"


def _settled(findings: Sequence[Finding]) -> list[int]:
    """Give the indices of findings whose condition is decided on every dataset."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for index, finding in enumerate(findings):
        condition = tuple(item for item in finding.where.items() if item[0] != DATASET)
        groups.setdefault(condition, []).append(index)
    return sorted(
        index
        for group in groups.values()
        if all(findings[member].verdict in DECISIVE for member in group)
        for index in group
    )


def _dimensions(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for finding in findings for name in finding.where))


def _telling(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Give the smallest set of dimensions that determines the verdict."""
    varying = [
        name
        for name in _dimensions(findings)
        if len({finding.where.get(name) for finding in findings}) > 1
    ]
    for size in range(len(varying) + 1):
        for chosen in combinations(varying, size):
            verdicts: dict[tuple[str | None, ...], set[str]] = {}
            for finding in findings:
                place = tuple(finding.where.get(name) for name in chosen)
                verdicts.setdefault(place, set()).add(finding.verdict)
            if all(len(each) == 1 for each in verdicts.values()):
                return chosen
    return tuple(varying)


def _places(findings: Sequence[Finding], total: int, dimensions: Sequence[str]) -> str:
    """Put into words where findings were made: each place, or how many and an example."""
    words = list(
        dict.fromkeys(
            " ".join(finding.where[name] for name in dimensions if finding.where.get(name))
            for finding in findings
        )
    )
    if len(words) > LISTED:
        return f"in {len(findings)} of {total} comparisons, such as {words[0]}"
    if len(words) < 2:
        return "".join(words)
    return f"{'; '.join(words[:-1])} and {words[-1]}"
