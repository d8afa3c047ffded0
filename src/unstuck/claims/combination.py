"""From the findings of contrasts and checks to one verdict, and the words for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

DECISIVE = ("supported", "no effect", "contradicted")
DATASET = "dataset"


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
            reason += f"; inconclusive {_listed(undecided)}"
        return Combined("depends", reason, tuple(settled))
    if undecided:
        decided = [finding for finding in findings if finding.verdict in DECISIVE]
        reason = f"{_listed(undecided)}: {undecided[0].reason}".removeprefix(": ")
        if decided:
            # the undecided ones are passed too, so that the words tell the two apart
            reason = f"{explain([*decided, *undecided])}, but inconclusive {reason}"
        return Combined("inconclusive", reason, ())
    everywhere = tuple(range(len(findings)))
    verdict = findings[0].verdict
    if len(findings) == 1:
        return Combined(verdict, findings[0].reason, everywhere)
    first = findings[0]
    return Combined(
        verdict,
        f"the same in all {len(findings)} comparisons; {first.place}: {first.reason}",
        everywhere,
    )


def explain(findings: Sequence[Finding]) -> str:
    """Say which verdict holds where, by the fewest dimensions that tell the verdicts apart."""
    dimensions = _telling(findings)
    words: dict[str, list[str]] = {}
    for finding in findings:
        place = " ".join(finding.where[each] for each in dimensions if finding.where.get(each))
        places = words.setdefault(finding.verdict, [])
        if place and place not in places:
            places.append(place)
    return ", ".join(
        f"{verdict} {_join(words[verdict])}".strip() for verdict in DECISIVE if verdict in words
    )


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


def _telling(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Give the smallest set of dimensions that determines the verdict."""
    names = list(dict.fromkeys(name for finding in findings for name in finding.where))
    varying = [name for name in names if len({finding.where.get(name) for finding in findings}) > 1]
    for size in range(len(varying) + 1):
        for chosen in combinations(varying, size):
            verdicts: dict[tuple[str | None, ...], set[str]] = {}
            for finding in findings:
                place = tuple(finding.where.get(name) for name in chosen)
                verdicts.setdefault(place, set()).add(finding.verdict)
            if all(len(each) == 1 for each in verdicts.values()):
                return chosen
    return tuple(varying)


def _listed(findings: Sequence[Finding]) -> str:
    return _join(list(dict.fromkeys(finding.place for finding in findings if finding.place)))


def _join(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{'; '.join(words[:-1])} and {words[-1]}"
