"""The rule by which a claim gets its word (docs/verdicts.md), the same for all claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from unstuck.errors import DataError
from unstuck.statistics.estimate import Estimate

Kind = Literal["effect", "equivalence", "no worse"]
Group = Literal["yes", "part", "none", "no", "open"]
Role = Literal["reversal", "appearing", "vanishing"]
#: in the order in which a headline tells them
ROLES: tuple[Role, ...] = ("reversal", "appearing", "vanishing")

SIGNIFICANCE = 0.05
#: share of units in which a factor's denominator may fail to arrive
UNARRIVED = 0.05
#: what the best accuracy is, in points
BEST = 100.0
#: outcomes of the scope that a headline tells at most
TOLD = 2


class Word(StrEnum):
    """A verdict."""

    SUPPORTED = "supported"
    SMALL = "small"
    DIRECTION = "direction"
    NO_EFFECT = "no effect"
    CONTRADICTED = "contradicted"
    WRONG_DIRECTION = "wrong direction"
    UNDECIDED = "undecided"
    PARTLY = "partly"
    NOT_TESTED = "not tested here"
    INVALID = "invalid"


@dataclass(frozen=True)
class Said:
    """How a word reads: its Chinese, what it answers to the claim's question, and which way."""

    zh: str
    answer: str
    answer_zh: str
    group: Group = "open"


SAID = {
    Word.SUPPORTED: Said("成立", "Yes", "是", "yes"),
    Word.SMALL: Said("成立但小", "Yes, but little", "是，但很小", "yes"),
    Word.DIRECTION: Said("成立、大小未定", "Yes, how much is open", "是，大小未定", "yes"),
    Word.NO_EFFECT: Said("无明显差别", "No difference", "没有明显差别", "none"),
    Word.CONTRADICTED: Said("相反", "No, the reverse", "否，相反", "no"),
    Word.WRONG_DIRECTION: Said("倾向相反", "No, if anything the reverse", "否，倾向相反", "no"),
    Word.UNDECIDED: Said("未定", "Not settled", "尚未确定"),
    Word.PARTLY: Said("部分成立", "Partly", "部分成立", "part"),
    Word.NOT_TESTED: Said("此处未测", "Not tested here", "此处未测"),
    Word.INVALID: Said("作废", "No answer: a control failed", "对照未通过，无结论"),
}
#: of a claim that is no effect there is no reverse
_CONTRADICTED = {
    "effect": SAID[Word.CONTRADICTED],
    "equivalence": Said("相反", "No", "否", "no"),
    "exact": Said("相反", "No", "否", "no"),
    "no worse": Said("相反", "No, it is worse", "否，更差", "no"),
}

#: from the strongest to the weakest
_ORDER = (
    *(Word.SUPPORTED, Word.DIRECTION, Word.SMALL, Word.UNDECIDED),
    *(Word.NO_EFFECT, Word.WRONG_DIRECTION, Word.CONTRADICTED),
)
#: by word, as text too
GROUPS: Mapping[str, Group] = {word: each.group for word, each in SAID.items()}
YES = frozenset(word for word in Word if GROUPS[word] == "yes")
_NO = frozenset(word for word in Word if GROUPS[word] in ("none", "no"))
#: words of a gate that is open
OPEN = YES | {Word.PARTLY}


def said(word: Word, kind: Kind | Literal["exact"]) -> Said:
    """Give how a word reads for a claim of a kind."""
    return _CONTRADICTED[kind] if word is Word.CONTRADICTED else SAID[word]


@dataclass(frozen=True)
class Primary:
    """One primary comparison, ready to be judged.

    Attributes
    ----------
    estimate
        Mean over its places; positive in the direction of the sentence. A share above one half is
        an effect of share - 50 points.
    margin
        δ, in the unit of the estimate (of factors, a logarithm).
    kind
        Whether the claim says that there is an effect, that there is none, or that it is not
        negative.
    datasets
        Each dataset by itself, by its name.
    unarrived
        Share of units in which the denominator of a factor does not arrive at its target.
    controls
        Each arm against itself, by name.
    planted
        The same with 2δ planted in one half.
    """

    estimate: Estimate
    margin: float
    kind: Kind = "effect"
    datasets: Mapping[str, Estimate] = field(default_factory=dict)
    unarrived: float = 0.0
    controls: Mapping[str, Estimate] = field(default_factory=dict)
    planted: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """A word and what made it so.

    Attributes
    ----------
    word
        The verdict.
    which
        What it names: datasets of a *partly*, controls of an *invalid*, or of a finding of no
        difference that was barred.
    """

    word: Word
    which: tuple[str, ...] = ()


def judge(primary: Primary) -> Judgement:
    """Judge one primary comparison.

    Raises
    ------
    DataError
        If the margin is not positive.
    """
    margin, kind = primary.margin, primary.kind
    if not margin > 0:
        raise DataError(f"verdict rule: the margin is {margin}; it must be a positive number.")
    failed = tuple(name for name, each in primary.controls.items() if beyond(each, margin))
    if failed:
        return Judgement(Word.INVALID, failed)
    word = position(primary.estimate, margin, kind)
    if primary.unarrived > UNARRIVED and word in YES:
        return Judgement(Word.DIRECTION if word is Word.SUPPORTED else Word.UNDECIDED)
    if _finds_none(word, primary):
        blind = tuple(name for name, each in primary.planted.items() if not each.low > 0)
        if blind:
            return Judgement(Word.UNDECIDED, blind)
    if word is Word.SUPPORTED:
        against = tuple(
            name
            for name, each in primary.datasets.items()
            if position(each, margin, kind) is Word.CONTRADICTED
        )
        return Judgement(Word.PARTLY if against else word, against)
    return Judgement(word)


def _finds_none(word: Word, primary: Primary) -> bool:
    """Tell whether a word rests on no difference having been seen."""
    found = primary.estimate.low > 0 and primary.kind != "equivalence"
    return word in (Word.NO_EFFECT, Word.SUPPORTED) and not found


def position(estimate: Estimate, margin: float, kind: Kind = "effect") -> Word:
    """Give the word of an interval against the margin alone."""
    low, high = estimate.low, estimate.high
    inside = -margin < low and high < margin
    # the first that holds
    cases: dict[Kind, tuple[tuple[bool, Word], ...]] = {
        "effect": (
            (low > margin, Word.SUPPORTED),
            (high < -margin, Word.CONTRADICTED),
            (inside and low > 0, Word.SMALL),
            (inside, Word.NO_EFFECT),
            (low > 0, Word.DIRECTION),
            (high < 0, Word.WRONG_DIRECTION),
        ),
        "equivalence": ((inside, Word.SUPPORTED), (beyond(estimate, margin), Word.CONTRADICTED)),
        "no worse": ((low > -margin, Word.SUPPORTED), (high < -margin, Word.CONTRADICTED)),
    }
    return next((word for holds, word in cases[kind] if holds), Word.UNDECIDED)


def beyond(estimate: Estimate, margin: float) -> bool:
    """Tell whether an interval lies entirely outside ±margin."""
    return estimate.low > margin or estimate.high < -margin


def exact(holds: Sequence[bool]) -> Word:
    """Give the word of the checks that an exact claim rests on."""
    if not holds:
        return Word.NOT_TESTED
    if all(holds):
        return Word.SUPPORTED
    return Word.PARTLY if any(holds) else Word.CONTRADICTED


def combine(words: Sequence[Word]) -> Word:
    """Give the word of co-primaries that must all hold.

    Parts that were not tested are left out; a part whose control failed leaves no answer.
    """
    tested = [word for word in words if word is not Word.NOT_TESTED]
    if not tested:
        return Word.NOT_TESTED
    if Word.INVALID in tested:
        return Word.INVALID
    if Word.PARTLY in tested or (YES.intersection(tested) and _NO.intersection(tested)):
        return Word.PARTLY
    return max(tested, key=_ORDER.index)


def at_ceiling(arm: float, reference: float, margin: float, kind: Kind) -> bool:
    """Tell whether a dataset leaves the primary, as nothing can lie above its mean accuracies.

    Parameters
    ----------
    arm, reference
        Mean accuracies in points.
    margin
        δ, in points.
    """
    height = {"effect": reference, "equivalence": max(arm, reference), "no worse": -BEST}[kind]
    return height > BEST - 2 * margin


def p_value(estimate: Estimate, margin: float, kind: Kind) -> float:
    """Give the p-value of what the claim says, from the procedure of the interval."""
    if kind == "equivalence":
        return estimate.p_inside(margin)
    return estimate.p_not_worse(margin) if kind == "no worse" else estimate.p_zero


def alarms_allowed(arms: int) -> int:
    """Give how many of so many arms may exclude zero against themselves: the 99 % point at 5 %."""
    from scipy import stats

    return int(stats.binom.ppf(0.99, arms, SIGNIFICANCE))


@dataclass(frozen=True)
class Line:
    """A line of the scope: a comparison that is told and never decides."""

    name: str
    estimate: Estimate
    margin: float


@dataclass(frozen=True)
class Outcome:
    """What a line of the scope says against, or beyond, the primary."""

    role: Role
    line: Line


def outcomes(
    word: Word,
    primary: Estimate,
    lines: Sequence[Line],
    kind: Kind = "effect",
    family: int | None = None,
) -> list[Outcome]:
    """Give what the scope says, in the order in which a headline tells it (the first `TOLD`).

    Each line is taken at the level of 5 % over all of the claim's lines (Bonferroni).

    Parameters
    ----------
    word
        The primary's.
    primary
        Its estimate, whose sign says what the other side is.
    lines
        In the order of the claim's file; lines whose control failed are left out.
    kind
        Of the primary.
    family
        How many lines the claim has, where these are those of one of its parts.
    """
    found = []
    for line in lines:
        role = _role(word, primary, line, SIGNIFICANCE / (family or len(lines)), kind)
        if role:
            found.append(Outcome(role, line))

    def order(outcome: Outcome) -> tuple[int, float]:
        size = abs(outcome.line.estimate.effect) / outcome.line.margin
        return ROLES.index(outcome.role), -size if outcome.role == "reversal" else 0.0

    return sorted(found, key=order)


def _role(word: Word, primary: Estimate, line: Line, level: float, kind: Kind) -> Role | None:
    tails, margin = line.estimate.tails, line.margin
    above = 2 * tails(margin)[0] <= level
    below = 2 * tails(-margin)[1] <= level
    inside = 2 * max(tails(-margin)[0], tails(margin)[1]) <= level
    if word in (Word.NO_EFFECT, Word.UNDECIDED):
        return "appearing" if above or below else None
    if word not in {*YES, Word.CONTRADICTED}:
        return None
    if word is Word.CONTRADICTED:
        other = above if primary.effect < 0 else below
    else:  # an effect is the reverse of none
        other = below or (above and kind == "equivalence")
    if other:
        return "reversal"
    # beside a yes that may itself be small, what is small and there has not vanished
    there = word in (Word.SMALL, Word.DIRECTION) and 2 * tails(0.0)[0] <= level
    # where none is claimed, or a gain is no matter, nothing can vanish from a yes
    can = word is Word.CONTRADICTED or kind == "effect"
    return "vanishing" if inside and can and not there else None
