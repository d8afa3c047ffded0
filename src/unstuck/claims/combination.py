"""From the findings of contrasts and checks to one verdict, and the words for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

DECISIVE = ("supported", "no effect", "contradicted")
DATASET = "dataset"
EFFECT = "effect"
# so many undecided places are named one by one; decided ones are all named
LISTED = 4
# the words that occur, by dimension: one place is one word of each, a box several
Box = dict[str, frozenset[str]]


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
    refutes
        Whether an exact check of a measured claim failed: what it refutes no contrast can save.
    """

    verdict: str
    where: Mapping[str, str]
    reason: str
    refutes: bool = False

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
    condition changes nothing. Otherwise an undecided finding leaves the claim *inconclusive*,
    unless an exact check has refuted a part of it: that part is *contradicted* whatever becomes of
    the rest, and so is the claim as long as nothing speaks for another part.
    The reason names where each verdict was found, whether or not the claim rests on it.
    """
    settled = _settled(findings)
    verdicts = {findings[index].verdict for index in settled}
    undecided = [finding for finding in findings if finding.verdict not in DECISIVE]
    if len(verdicts) > 1:
        reason = explain(findings)
        if undecided:
            reason += f"; inconclusive {_undecided_places(findings)}"
        return Combined("depends", reason, tuple(settled))
    refuted = [finding for finding in findings if finding.refutes]
    if undecided and refuted:
        decided = [i for i, finding in enumerate(findings) if finding.verdict in DECISIVE]
        agree = {findings[i].verdict for i in decided} == {refuted[0].verdict}
        places = f"inconclusive {_undecided_places(findings)}".strip()
        reason = f"{explain(findings)}: {refuted[0].reason}; {places}: {undecided[0].reason}"
        return Combined("contradicted" if agree else "depends", reason, tuple(decided))
    if undecided:
        return Combined("inconclusive", _undecided(findings, undecided), ())
    first, number = findings[0], len(findings)
    reason = first.reason
    if number > 1:
        reason = f"the same in all {number} comparisons; {first.place}: {first.reason}"
    return Combined(first.verdict, reason, tuple(range(number)))


def explain(findings: Sequence[Finding]) -> str:
    """Say where each decisive verdict was found, leaving none out."""
    parts = []
    for verdict in DECISIVE:
        boxes = _boxes(findings, {verdict})
        if boxes:
            parts.append(f"{verdict} {', and '.join(_words(boxes, findings))}".strip())
    return "; ".join(parts)


def _undecided(findings: Sequence[Finding], undecided: Sequence[Finding]) -> str:
    """Say where a claim is undecided and why, and what is decided elsewhere."""
    first = undecided[0]
    because = f": {first.reason}" if first.place else first.reason
    if len(undecided) == len(findings):
        if len(findings) == 1:
            return f"{first.place}{because}"
        return f"in all {len(findings)} comparisons; {first.place}{because}"
    places = _undecided_places(findings)
    return f"{explain(findings)}, but inconclusive {places}; {first.place}{because}"


def _undecided_places(findings: Sequence[Finding]) -> str:
    """Name the undecided places, or count them where they are many."""
    verdicts = {finding.verdict for finding in findings} - set(DECISIVE)
    words = _words(_boxes(findings, verdicts), findings)
    if len(words) <= LISTED:
        return ", and ".join(words)
    number = sum(finding.verdict in verdicts for finding in findings)
    return f"in {number} of {len(findings)} comparisons, such as {words[0]}"


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


def _boxes(findings: Sequence[Finding], verdicts: Collection[str]) -> list[Box]:
    """Gather the places of some verdicts: two that differ in one dimension alone become one."""
    dimensions = tuple(dict.fromkeys(name for finding in findings for name in finding.where))
    boxes: list[Box] = []
    for finding in findings:
        box = {name: frozenset({finding.where.get(name, "")}) for name in dimensions}
        if finding.verdict in verdicts and box not in boxes:
            boxes.append(box)
    # datasets first, for they are what a condition is repeated over
    for name in reversed(dimensions):
        merged: dict[tuple[frozenset[str], ...], Box] = {}
        for box in boxes:
            others = tuple(box[other] for other in dimensions if other != name)
            known = merged.setdefault(others, box)
            merged[others] = {**known, name: known[name] | box[name]}
        boxes = list(merged.values())
    return boxes


def _words(boxes: Sequence[Box], findings: Sequence[Finding]) -> list[str]:
    """Put each box into words; a dimension goes without saying where it is all that occurs."""
    texts = []
    for box in boxes:
        parts = []
        for name, words in box.items():
            occurring = _occurring(name, box, findings)
            if not words.issuperset(occurring):
                parts.append(_listed([word for word in occurring if word in words]))
        texts.append(" ".join(part for part in parts if part))
    return texts


def _occurring(name: str, box: Box, findings: Sequence[Finding]) -> list[str]:
    """Give the words of a dimension that occur together with the effect of a box."""
    words = (
        finding.where.get(name, "")
        for finding in findings
        if name == EFFECT or finding.where.get(EFFECT, "") in box.get(EFFECT, {""})
    )
    return [word for word in dict.fromkeys(words) if word]


def _listed(words: Sequence[str]) -> str:
    """Join words, saying what all begin with once: ``on digits and mnist1d``."""
    if len(words) < 2:
        return "".join(words)
    split = [word.split(" ") for word in words]
    common = len(list(takewhile(lambda each: len(set(each)) == 1, zip(*split, strict=False))))
    rest = [words[0], *(" ".join(each[common:]) for each in split[1:])]
    return f"{', '.join(rest[:-1])} and {rest[-1]}"
