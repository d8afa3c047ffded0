"""From a claim and its tables to a verdict: the rule of docs/verdicts.md, the same for all."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from unstuck.claims.check import Checked, check, need_met, number
from unstuck.claims.compared import Compared
from unstuck.claims.comparison import Tables, compare
from unstuck.claims.lines import Check, Comparison
from unstuck.claims.model import Claim
from unstuck.claims.terms import Words
from unstuck.errors import NoRowsError
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.race import RESAMPLES, itself
from unstuck.statistics.rule import (
    OPEN,
    ROLES,
    SAID,
    TOLD,
    YES,
    Line,
    Outcome,
    Primary,
    Word,
    at_ceiling,
    beyond,
    combine,
    exact,
    judge,
    outcomes,
    p_value,
    position,
)

_ARMS = ("arm", "reference")


@dataclass(frozen=True, eq=False)
class Judged:
    """A line of a claim with what was found.

    Attributes
    ----------
    name
        Of the part, scope line or control; of one dataset of it, ``<name> on <dataset>``.
    role
        ``primary``, ``scope``, ``dataset`` or ``control``.
    spec
        What was asked.
    word
        Of a part of the primary.
    reason
        Why it was not judged, or what stands behind the word.
    compared, estimate
        Of a comparison that was made.
    checked
        Of a check.
    outcome
        Of a scope line: ``reversal``, ``vanishing``, ``appearing``, ``holds``,
        ``fails`` or nothing.
    which
        What the word names: datasets, or controls.
    left_out
        Places that left the comparison, and why.
    of
        The part of the primary that a line belongs to.
    datasets
        Of a part: its effect on each place, where it has several.
    itself, planted
        Of a part: each of its arms against itself, and the same with two margins planted.
    """

    name: str
    role: str
    spec: Comparison | Check
    word: Word | None = None
    reason: Words | None = None
    compared: Compared | None = None
    estimate: Estimate | None = None
    checked: Checked | None = None
    outcome: str = ""
    which: tuple[str, ...] = ()
    left_out: Mapping[str, Words] = field(default_factory=dict)
    of: str = ""
    datasets: Mapping[str, Estimate] = field(default_factory=dict)
    itself: Mapping[str, Estimate] = field(default_factory=dict)
    planted: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def p(self) -> float:
        """The p-value of what the claim says, from the procedure of the interval."""
        if self.estimate is None or not isinstance(self.spec, Comparison):
            return math.nan
        return p_value(self.estimate, self.spec.threshold, self.spec.claims)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What became of a claim.

    Attributes
    ----------
    claim
        The claim.
    word
        The word over all parts of the primary.
    parts, scope, controls
        What was found, in the order of the file; scope begins with each dataset by itself.
    told
        The scope's outcomes that the headline tells, two at most.
    numbers
        Further numbers of the answer.
    """

    claim: Claim
    word: Word
    parts: tuple[Judged, ...]
    scope: tuple[Judged, ...]
    controls: tuple[Judged, ...]
    told: tuple[tuple[str, Judged], ...]
    numbers: Mapping[str, float]

    @property
    def lines(self) -> tuple[Judged, ...]:
        """All that was found."""
        return (*self.parts, *self.scope, *self.controls)


def decide(
    claim: Claim,
    tables: Tables,
    gates: Mapping[str, Word] | None = None,
    lines: Collection[str] | None = None,
) -> Verdict:
    """Reach the verdict of one claim.

    Parameters
    ----------
    claim
        What its file says.
    tables
        The tables it reads, by name.
    gates
        Words of the claims that parts of it wait for, by id.
    lines
        Names of the scope lines that the study can tell; all if not given.

    Raises
    ------
    DataError
        If a table lacks a column or a value, or units do not pair.
    """
    gates = gates or {}
    parts = tuple(_part(name, spec, tables, gates) for name, spec in claim.parts.items())
    controls = tuple(
        _control(name, claim, tables)
        for name in claim.control_specs
        if lines is None or name in lines
    )
    parts = tuple(_after_controls(part, controls) for part in parts)
    if claim.kind == "exact":
        word = _of_checks(parts)
    else:
        word = combine([part.word for part in parts if part.word is not None])
    first = next(iter(claim.primary))
    told_lines = [
        replace(_scope(name, spec, tables, gates), of=claim.scope[name].of or first)
        for name, spec in claim.lines.items()
        if lines is None or name in lines
    ]
    scope = (*(line for part in parts for line in _datasets(part)), *told_lines)
    scope, told = _outcomes(claim, parts, scope)
    numbers = {name: number(name, spec, tables) for name, spec in claim.numbers.items()}
    return Verdict(claim, word, parts, scope, controls, told, numbers)


def _found(
    name: str, role: str, spec: Comparison | Check, tables: Tables, gates: Mapping[str, Word]
) -> Judged:
    """Compare or check a line; one for which that cannot be has the word that stands then."""
    if spec.gate is not None and gates.get(spec.gate, Word.NOT_TESTED) not in OPEN:
        word = gates.get(spec.gate, Word.NOT_TESTED)
        reason = Words(
            en=f"it asks for more than claim {spec.gate}, which is {word}",
            zh=f"它以 {spec.gate} 成立为前提，而该条{SAID[word].zh}",
        )
        return Judged(name, role, spec, Word.NOT_TESTED, reason)
    for need in spec.needs:
        if not need_met(need, tables):
            return Judged(name, role, spec, Word(need.otherwise), need.reason)
    if isinstance(spec, Check):
        return Judged(name, role, spec, checked=check(spec, tables))
    compared, left_out, why = _tested(spec, tables)
    if why is not None:
        return Judged(name, role, spec, Word.NOT_TESTED, why, left_out=left_out)
    return Judged(name, role, spec, compared=compared, left_out=left_out)


def _part(name: str, spec: Comparison | Check, tables: Tables, gates: Mapping[str, Word]) -> Judged:
    found = _found(name, "primary", spec, tables, gates)
    if found.checked is not None:
        word = Word.SMALL if found.checked.small else exact([found.checked.holds])
        return replace(found, word=word)
    if found.compared is None:
        return found
    made = primary(found.compared)
    judged = judge(made)
    return replace(
        found,
        word=judged.word,
        estimate=made.estimate,
        which=judged.which,
        datasets=made.datasets,
        itself=made.controls,
        planted=made.planted,
    )


def primary(compared: Compared, resamples: int = RESAMPLES) -> Primary:
    """Give a comparison as the rule judges it, with each of its arms against itself."""
    spec = compared.spec
    controls, planted = _itself(compared, resamples)
    return Primary(
        compared.estimate(resamples),
        spec.threshold,
        spec.claims,
        datasets=_by_place(compared, resamples),
        unarrived=compared.unarrived() if spec.scale == "ratio" else 0.0,
        controls=controls,
        planted=planted,
    )


def _tested(spec: Comparison, tables: Tables) -> tuple[Compared, dict[str, Words], Words | None]:
    """Compare, leaving out places with too few units and those at the ceiling.

    Returns
    -------
    The comparison, what was left out and why, and why nothing is left if that is so.
    """
    left_out: dict[str, Words] = {}
    try:
        compared = compare(spec, tables)
    except NoRowsError:
        if "least" not in spec.model_fields_set:
            raise
        return Compared(spec, ()), left_out, _few(0, spec.least)
    if compared.missing > spec.missing:
        share = f"{100 * compared.missing:.0f} %"
        why = Words(en=f"{share} of the pairs lack an arm", zh=f"有 {share} 的配对缺少其中一组")
        return Compared(spec, ()), left_out, why
    for place in compared.places:
        here = compared.at(place)
        if here.units < spec.least:
            left_out[place] = _few(here.units, spec.least)
        elif spec.best is not None and at_ceiling(*here.means(), spec.margin, spec.claims):
            left_out[place] = Words(en="learnt to the end", zh="已学到顶")
    kept = [place for place in compared.places if place not in left_out]
    if kept:
        return compared.at(*kept), left_out, None
    return Compared(spec, ()), left_out, next(iter(left_out.values()))


def _few(units: int, least: int) -> Words:
    return Words(
        en=f"{units} of the {least} units needed", zh=f"只有 {units} 个单元，需要 {least} 个"
    )


def _by_place(compared: Compared, resamples: int) -> dict[str, Estimate]:
    if len(compared.places) < 2:
        return {}
    return {place: compared.at(place).estimate(resamples) for place in compared.places}


def _itself(compared: Compared, resamples: int) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Each arm against itself through the choice of its rate, and with two margins planted."""
    if compared.spec.statistic != "mean" or compared.units < 4:
        return {}, {}
    places = compared.statistics()
    own = [side for side in _ARMS if side == "arm" or places[0].reference is not None]
    nothing, planted = (
        {
            f"the {side} against itself": itself(places, of=side, planted=p, resamples=resamples)
            for side in own
        }
        for p in (0.0, 2 * compared.spec.threshold)
    )
    return nothing, planted


def _control(name: str, claim: Claim, tables: Tables) -> Judged:
    spec = claim.control_specs[name]
    line = claim.controls[name]
    found = Judged(name, "control", spec, of=line.of or next(iter(claim.primary)))
    if isinstance(spec, Check):
        checked = check(spec, tables)
        found, passed = replace(found, checked=checked), checked.holds
    else:
        compared = compare(spec, tables)
        estimate = compared.estimate()
        found = replace(found, compared=compared, estimate=estimate)
        seen = estimate.low > 0
        passed = seen if line.expect == "effect" else not beyond(estimate, spec.threshold)
    return replace(found, outcome="passed" if passed else "failed")


def _after_controls(part: Judged, controls: Sequence[Judged]) -> Judged:
    failed = tuple(c.name for c in controls if c.outcome == "failed" and c.of == part.name)
    if not failed or part.word in (None, Word.NOT_TESTED):
        return part
    return replace(part, word=Word.INVALID, reason=None, which=failed)


def _of_checks(parts: Sequence[Judged]) -> Word:
    if any(part.word is Word.INVALID for part in parts):
        return Word.INVALID
    if len(parts) == 1 and parts[0].word is not None:
        return parts[0].word
    return exact([part.checked.holds for part in parts if part.checked is not None])


def _scope(
    name: str, spec: Comparison | Check, tables: Tables, gates: Mapping[str, Word]
) -> Judged:
    """Judge a line of the scope; one of which there is no row is not tested, and says so."""
    try:
        found = _found(name, "scope", spec, tables, gates)
    except NoRowsError as error:
        reason = Words(en=str(error).rstrip("."))
        return Judged(name, "scope", spec, reason=reason, outcome=str(Word.NOT_TESTED))
    if found.checked is not None:
        return replace(found, outcome="holds" if found.checked.holds else "fails")
    if found.compared is None:
        return replace(found, word=None, outcome=str(found.word))
    return replace(found, estimate=found.compared.estimate())


def _datasets(part: Judged) -> list[Judged]:
    """Each dataset of a part by itself, where it has several."""
    if part.compared is None:
        return []
    return [
        Judged(
            f"{part.name}: on {place}" if part.name else f"on {place}",
            "dataset",
            part.spec,
            compared=part.compared.at(place),
            estimate=estimate,
            of=part.name,
        )
        for place, estimate in part.datasets.items()
    ]


def _outcomes(
    claim: Claim, parts: Sequence[Judged], scope: Sequence[Judged]
) -> tuple[tuple[Judged, ...], tuple[tuple[str, Judged], ...]]:
    """Give the scope with each line's outcome, and those that the headline tells.

    A line with a headline of its own is told by that.
    """
    measured = [
        (line, spec)
        for line in scope
        if line.estimate is not None and isinstance(spec := line.spec, Comparison)
    ]
    found: list[Outcome] = []
    for part in parts:
        if part.estimate is None or part.word is None or not isinstance(part.spec, Comparison):
            continue
        lines = [
            Line(line.name, line.estimate, spec.threshold)
            for line, spec in measured
            if line.of == part.name and line.estimate is not None
        ]
        found += outcomes(part.word, part.estimate, lines, part.spec.claims, len(measured))
    roles: dict[str, str] = {each.line.name: each.role for each in found}
    own = {name for name, line in claim.scope.items() if line.headline is not None}
    yes = {part.name for part in parts if part.word in YES}
    for line, spec in measured:
        if line.name not in own or line.of not in yes or line.estimate is None:
            continue
        # what no other outcome speaks of is said where the line's own claim holds beside a yes
        if position(line.estimate, spec.threshold, spec.claims) is Word.SUPPORTED:
            roles.setdefault(line.name, "holds")
    judged = tuple(replace(line, outcome=roles.get(line.name, line.outcome)) for line in scope)
    by_name = {line.name: line for line in judged}
    # of several parts too: reversals first
    found.sort(key=lambda each: ROLES.index(each.role))
    told = [(each.role, by_name[each.line.name]) for each in found if each.line.name not in own]
    return judged, tuple(told[:TOLD])
