"""One claim as its file says it: what is asked, compared, checked, and answered.

A file declares and does not compute. What needs more than a column is a reduction
(`unstuck.claims.reductions`) or an analysis, in Python, with a name and a test.
"""

import datetime
import difflib
import math
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from unstuck.claims import reductions
from unstuck.claims.drawing import Drawing
from unstuck.claims.terms import Frozen, Range, Scalar, Selection, Text, Words
from unstuck.errors import RegistryError, UnstuckError
from unstuck.yaml_files import read_yaml

PARTS = ("A", "B", "C")
#: in an answer: words by the sign of an effect
CHOICE = re.compile(r"\{(?:(?P<of>[a-z0-9_]+):)?(?P<more>[^{}|]*)\|(?P<less>[^{}|]*)\}")
#: what is said only where a part was tested: [B:; …]
CLAUSE = re.compile(r"\[(?P<of>[A-C]):(?P<text>[^\[\]]*)\]")
#: and names of numbers
PLACEHOLDER = re.compile(r"\{(?P<name>[A-Za-z][A-Za-z0-9_]*)\}")
#: what an answer may always name, and what it may of each part
ALWAYS = frozenset({"V", "S", "e", "lo", "hi", "n", "arm", "ref", "s", "s_lo", "s_hi", "e_n"})
OF_PART = ("", "_lo", "_hi", "_n", "_arm", "_ref", "_s", "_s_lo", "_s_hi")
FILE_NAME = re.compile(r"^(?P<id>[a-z0-9]+(?:\.[a-z0-9]+)+)-(?P<slug>[a-z0-9]+(?:-[a-z0-9]+)*)$")


#: the same as a change to another: null takes a column's condition away
Change = dict[str, Scalar | list[Scalar] | Range | None]
#: a column, or one reduction with its arguments
Value = str | dict[str, dict[str, Any]]


def _one_reduction(given: Any) -> Any:
    if isinstance(given, Mapping):
        if len(given) != 1:
            raise ValueError(
                f"is one reduction with its arguments, such as {{loglog_slope: {{x: …}}}}, "
                f"and not {len(given)} keys"
            )
        return {key: {} if value is None else value for key, value in given.items()}
    return given


class Holds(Frozen):
    """What a checked number must be."""

    equals: float | None = Field(None, description="What it must be, within `tolerance`.")
    tolerance: float = Field(0, ge=0, description="How far it may be from `equals`.")
    relative: bool = Field(False, description="Whether the tolerance is a share of `equals`.")
    at_least: float | None = Field(None, description="The least it may be.")
    at_most: float | None = Field(None, description="The most it may be.")

    @model_validator(mode="after")
    def _said(self) -> Self:
        bounds = (self.at_least, self.at_most)
        if (self.equals is None) == (bounds == (None, None)):
            raise ValueError("needs either `equals` or `at_least`, `at_most` or both of these")
        if self.tolerance and self.equals is None:
            raise ValueError("`tolerance` belongs to `equals`")
        return self

    def of(self, value: float) -> bool:
        """Tell whether a number holds; NaN never does."""
        if self.equals is not None:
            room = self.tolerance * (abs(self.equals) if self.relative else 1)
            return abs(value - self.equals) <= room
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= value <= high


Reduce = Literal["max", "min", "mean", "median", "sum", "count", "share", "farthest", "only"]
Statistic = Literal["mean", "share", "correlation"]


class Need(Frozen):
    """What must hold of the tables for a comparison to be judged at all."""

    table: str | list[str] = Field(alias="from", description="The tables read.")
    where: Selection = Field(default_factory=dict, description="Rows that count.")
    value: Annotated[Value | None, BeforeValidator(_one_reduction)] = Field(
        None, description="The column, or a reduction."
    )
    each: list[str] = Field(default_factory=list, description="A number for each of these.")
    reduce: Reduce = Field("only", description="How rows become one number.")
    holds: Holds = Field(description="What the number must be.")
    otherwise: Literal["not tested here", "undecided"] = Field(
        "not tested here", description="The word that stands where it does not hold."
    )
    reason: Text = Field(description="What is said then.")


class Measure(Frozen):
    """What is measured, once a unit, and the margin it is held against."""

    name: Text | None = Field(None, description="What is measured, for sentences.")
    value: Annotated[Value | None, BeforeValidator(_one_reduction)] = Field(
        None, description="A column, or one reduction with its arguments."
    )
    unit: str | None = Field(
        None,
        description="Unit of the effect and its margin. In `percentage points` the shares of the "
        "tables are told in percent; a factor has the unit `times`.",
    )
    scale: Literal["difference", "ratio"] | None = Field(
        None, description="`difference`: arm − reference. `ratio`: arm / reference."
    )
    margin: float | None = Field(
        None, gt=0, description="δ in that unit; a factor above 1 where the scale is `ratio`."
    )
    because: str | None = Field(None, description="Why the margin is what it is.")
    claims: Literal["effect", "equivalence", "no worse"] | None = Field(
        None, description="Whether an effect, none, or none below −δ is claimed."
    )
    statistic: Statistic | None = Field(
        None,
        description="`mean` of the values, `share` of units whose value is true (of a single arm: "
        "less 50 points), or rank `correlation` of `value` and `against` over units.",
    )
    against: str | None = Field(None, description="The other column of a correlation.")
    sign: Literal[-1, 1] | None = Field(None, description="−1 turns a correlation round.")
    best: float | None = Field(
        None, description="The best value there can be, in the unit: the ceiling of accuracies."
    )


class Line(Measure):
    """A comparison or an exact check, or how a scope line differs from the primary."""

    table: str | list[str] | None = Field(
        None,
        alias="from",
        description="Tables read, `<experiment or analysis>.<table>`; several are put one below "
        "the other, with their owner in the column `owner`.",
    )
    arm: Selection | None = Field(None, description="What the sentence makes large.")
    reference: Selection | float | None = Field(
        None, description="What it is compared with: another arm, or a number."
    )
    where: Change | None = Field(None, description="What both arms have in common.")
    over: dict[str, Literal["mean"] | None] | None = Field(
        None,
        description="Columns over whose values the effect is averaged; `dataset` is a place. In a "
        "scope line null takes one away.",
    )
    units: str | None = Field(None, description="Column of the unit that is resampled.")
    missing: float | None = Field(
        None, ge=0, le=1, description="The share of pairs that may be left out for want of an arm."
    )
    least: int | None = Field(
        None, ge=1, description="Units that a place must have; else *not tested here*."
    )
    needs: list[Need] | None = Field(None, description="What must hold to judge at all.")
    gate: str | None = Field(None, description="The claim that must be so for this to be asked.")
    each: list[str] | None = Field(None, description="Of a check: a value for each of these.")
    reduce: Reduce | None = Field(None, description="Of a check: how values become one number.")
    holds: Holds | None = Field(None, description="What makes this an exact check.")
    small: Holds | None = Field(
        None, description="Of a check that fails: what still makes it `small`."
    )


class Headline(Frozen):
    """A second sentence of the answer."""

    en: str = Field(min_length=1, description="In English; {e}, {lo} and {hi} are the line's.")
    zh: str = Field("", description="In Chinese.")
    when: list[Literal["reversal", "vanishing", "appearing", "holds", "fails"]] | None = Field(
        None, description="The outcomes of the line that call for it; all if left out."
    )


class ScopeLine(Line):
    """A line of the scope: told, never deciding."""

    of: str = Field(
        "", description="The part of the primary it is a change of; the first if not said."
    )
    words: Text | None = Field(None, description="The line in words; its name if left out.")
    headline: Headline | None = Field(None, description="A sentence of its own in the answer.")


class ControlLine(Line):
    """A comparison that must find nothing, or a known effect; or a check that must hold."""

    of: str = Field("", description="The part of the primary it is a change of.")
    expect: Literal["none", "effect"] = Field("none", description="What must be found.")


class Number(Frozen):
    """A number that the answer names beside the primary's."""

    line: str | None = Field(None, description="The line whose number it is.")
    give: Literal["effect", "arm", "reference", "low", "high", "units"] = Field(
        "effect", description="Which of that line's."
    )
    table: str | list[str] | None = Field(None, alias="from", description="Or: the table read.")
    where: Selection = Field(default_factory=dict, description="Rows that count.")
    value: Annotated[Value | None, BeforeValidator(_one_reduction)] = Field(
        None, description="The column, or a reduction."
    )
    each: list[str] = Field(default_factory=list, description="A value for each of these.")
    reduce: Reduce = Field("only", description="How values become one number.")
    scale: float = Field(1, description="What it is multiplied by, such as 100 for percent.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.line is None) == (self.table is None):
            raise ValueError("a number comes either from a `line` or `from` a table")
        return self


class Published(Frozen):
    """A published number or finding, typed in as a fact."""

    who: str = Field(min_length=1, description="Authors.")
    year: int = Field(ge=1800, le=2100, description="Year of publication.")
    where: str = Field(min_length=1, description="Venue, and the table, figure or section.")
    says: str = Field(min_length=1, description="What it reports.")
    stance: Literal["for", "against"] = Field(description="Whether it speaks for the claim.")
    doi: str | None = Field(None, pattern=r"^10\.\d{4,}/\S+$", description="Its DOI.")
    arxiv: str | None = Field(
        None, pattern=r"^(\d{4}\.\d{4,5}|[a-z-]+/\d{7})$", description="Its number on arXiv."
    )
    url: str | None = Field(None, pattern=r"^https?://\S+$", description="Its address.")
    checked: bool = Field(False, description="Whether the number was looked up in the source.")


class Dated(Frozen):
    """A change of a primary after it was registered."""

    date: datetime.date = Field(description="When.")
    change: str = Field(min_length=1, description="What, and why.")


class Comparison(Measure):
    """A complete comparison: what a line comes to with all that it inherits."""

    label: str
    tables: tuple[str, ...]
    value: Value
    unit: str
    margin: float = Field(gt=0)
    scale: Literal["difference", "ratio"] = "difference"
    claims: Literal["effect", "equivalence", "no worse"] = "effect"
    statistic: Statistic = "mean"
    sign: Literal[-1, 1] = 1
    arm: Selection = Field(default_factory=dict)
    reference: Selection | float
    where: Selection = Field(default_factory=dict)
    over: dict[str, Literal["mean"]] = Field(default_factory=dict)
    units: str = "seed"
    missing: float = 0
    least: int = 1
    needs: tuple[Need, ...] = ()
    gate: str | None = None

    @property
    def threshold(self) -> float:
        """δ in the unit of the values: its logarithm where the scale is `ratio`."""
        return math.log(self.margin) if self.scale == "ratio" else self.margin

    @property
    def measured(self) -> Words:
        """What is measured, in words; that of its value where the file gives none."""
        value = self.value if isinstance(self.value, str) else next(iter(self.value))
        return self.name or Words(en=value.replace("_", " "))

    @property
    def percent(self) -> bool:
        """Whether values are shares in the tables and points in the effect."""
        return self.unit == POINTS


class Check(Frozen):
    """A complete exact check."""

    label: str
    tables: tuple[str, ...]
    name: Words | None = None
    where: Selection = Field(default_factory=dict)
    value: Value | None = None
    each: tuple[str, ...] = ()
    reduce: Reduce = "only"
    holds: Holds
    small: Holds | None = None
    needs: tuple[Need, ...] = ()
    gate: str | None = None


POINTS = "percentage points"
_CHECK_KEYS = frozenset(
    {"name", "where", "value", "each", "reduce", "holds", "small", "needs", "gate"}
)
_COMPARISON_KEYS = frozenset(Comparison.model_fields) - {"label", "tables"}


class Claim(Frozen):
    """One statement, and all that is particular to putting it to the test."""

    id: str = Field(description="Section and number, such as 1.2.5; from the file's name.")
    slug: str = Field(description="Short readable name; from the file's name.")
    kind: Literal["exact", "measured"] = Field(
        "measured", description="`exact` is checked to a tolerance; `measured` judged over units."
    )
    question: Text = Field(description="The question, put so that *supported* means yes.")
    statement: Text = Field(description="What is said.")
    notes: list[int] = Field(
        default_factory=list, description="Lines of the notes that it stands for."
    )
    from_lecture: str | None = Field(None, description="What of it only the lecture says.")
    did: Text | None = Field(None, description="What was done.")
    regime: str | None = Field(None, description="Where it is said to hold.")
    cost: str | None = Field(None, description="What testing it adds to a study.")
    measure: Measure | None = Field(None, description="What all comparisons have in common.")
    primary: dict[str, Line] = Field(
        description="The comparison or check that decides, or up to three named A, B, C."
    )
    scope: dict[str, ScopeLine] = Field(
        default_factory=dict, description="What is told beside, in the order in which it is told."
    )
    controls: dict[str, ControlLine] = Field(
        default_factory=dict, description="What must come out as it is known to be."
    )
    numbers: dict[str, Number] = Field(
        default_factory=dict, description="Further placeholders of the answer."
    )
    registered: datetime.date | None = Field(None, description="When the primary was fixed.")
    changes: list[Dated] = Field(default_factory=list, description="Changes after that.")
    published: list[Published] = Field(default_factory=list, description="Findings of others.")
    figure: Drawing | None = Field(None, description="How it is drawn: a kind and its columns.")
    answer: Text = Field(
        description="The answer's sentence: {V} the word, {e} {lo} {hi} the effect and interval "
        "({a} {a_lo} {a_hi} of part A …), {S} the scope's headline, {more|less} by its sign, "
        "[B:; …] what is said only where part B was tested."
    )

    @field_validator("primary", mode="before")
    @classmethod
    def _parts(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given and set(given) <= {"", *PARTS}:
            return given
        return {"": given}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        # resolving a line complains of what it lacks
        comparisons = [spec for spec in self.parts.values() if isinstance(spec, Comparison)]
        if self.kind == "exact" and comparisons:
            raise ValueError("primary of an exact claim is a check: give it `holds`")
        if self.kind == "measured" and not comparisons:
            raise ValueError("primary of a measured claim is a comparison: give it `arm`")
        _ = self.lines, self.control_specs
        for name, number in self.numbers.items():
            _known_reduction(number.value, f"numbers.{name}")
            if number.line is not None and number.line not in {*self.parts, *self.lines}:
                raise ValueError(f"numbers.{name}.line is {number.line!r}, which is no line here")
        known = ALWAYS | self.numbers.keys()
        known |= {f"{part.lower()}{end}" for part in self.parts for end in OF_PART if part}
        for language in ("en", "zh"):
            for name in placeholders(self.answer.words(language)) - known:
                raise ValueError(
                    f"answer.{language} names {{{name}}}, which is no number here; there are "
                    f"{', '.join(sorted(known))}"
                )
        return self

    @property
    def section(self) -> str:
        """What stands before the last dot of the id, such as ``1.2``."""
        return self.id.rpartition(".")[0]

    @property
    def order(self) -> tuple[tuple[int, int | str], ...]:
        """The id to sort by: numbers as numbers, before words."""
        return tuple((0, int(part)) if part.isdigit() else (1, part) for part in self.id.split("."))

    @cached_property
    def parts(self) -> dict[str, Comparison | Check]:
        """The primary's parts by name; the name of a single one is empty."""
        return {
            name: self._resolved(f"primary.{name}" if name else "primary", name, line, None)
            for name, line in self.primary.items()
        }

    @cached_property
    def lines(self) -> dict[str, Comparison | Check]:
        """The scope by name, in the order in which it is told."""
        return {
            name: self._resolved(f"scope.{name}", name, line, self._base(name, line, "scope"))
            for name, line in self.scope.items()
        }

    @cached_property
    def control_specs(self) -> dict[str, Comparison | Check]:
        """The controls by name."""
        return {
            name: self._resolved(f"controls.{name}", name, line, self._base(name, line, "controls"))
            for name, line in self.controls.items()
        }

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Every table that is named, sorted."""
        specs = [*self.parts.values(), *self.lines.values(), *self.control_specs.values()]
        named = {table for spec in specs for table in spec.tables}
        named |= {table for spec in specs for need in spec.needs for table in _listed(need.table)}
        named |= {
            table
            for number in self.numbers.values()
            if number.table is not None
            for table in _listed(number.table)
        }
        return tuple(sorted(named))

    def written(self, *but: str) -> dict[str, Any]:
        """The claim as plain values, from which it can be made again, but for some keys."""
        content: dict[str, Any] = self.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude=set(but)
        )
        return content

    def _base(self, name: str, line: ScopeLine | ControlLine, where: str) -> Line:
        if line.of and line.of not in self.primary:
            known = ", ".join(filter(None, self.primary)) or "none, for the primary has one part"
            raise ValueError(f"{where}.{name}.of is {line.of!r}; parts of the primary are {known}")
        return self.primary[line.of] if line.of else next(iter(self.primary.values()))

    def _resolved(self, where: str, name: str, line: Line, base: Line | None) -> Comparison | Check:
        """Give a line with all that it inherits: from the measure, and from its part."""
        is_check = line.holds is not None
        given = {} if is_check or self.measure is None else _said(self.measure)
        # a check of another table has columns of its own, so it is written whole
        apart = is_check and base is not None and line.table not in (None, base.table)
        if base is not None and (base.holds is not None) == is_check and not apart:
            given = _changed(given, _said(base))
        given = _changed(given, _said(line))
        known = _CHECK_KEYS if is_check else _COMPARISON_KEYS
        for key in sorted(given.keys() - known - {"table"}):
            raise ValueError(
                f"{where}.{key} belongs to a comparison, but `holds` makes it a check"
                if is_check
                else f"{where}.{key} belongs to a check, which has `holds`"
            )
        if not is_check:
            usual = {"share": 50.0, "correlation": 0.0}.get(given.get("statistic", ""))
            if usual is not None:
                given.setdefault("reference", usual)
        given["label"] = f"{self.id}, {where}"
        given["tables"] = _table_names(given.pop("table", ()), where)
        kind: type[Comparison] | type[Check] = Check if is_check else Comparison
        try:
            spec = kind.model_validate(given)
        except ValidationError as error:
            raise ValueError(_sentence(error, where)) from error
        _known_reduction(spec.value, where)
        if isinstance(spec, Comparison):
            _sensible(spec, where)
        return spec


def _table_names(names: str | list[str], where: str) -> tuple[str, ...]:
    if not names:
        raise ValueError(f"{where}.from is missing: name the table it reads")
    for name in _listed(names):
        owner, _, kind = name.partition(".")
        if not (owner and kind) or "." in kind:
            raise ValueError(
                f"{where}.from is {name!r}: it should be <experiment or analysis>.<table>, such as "
                "grid.runs"
            )
    return tuple(_listed(names))


def placeholders(template: str) -> set[str]:
    """Give the names that a template uses, those of its choices among them."""
    names = {found["name"] for found in PLACEHOLDER.finditer(template)}
    return names | {found["of"] for found in CHOICE.finditer(template) if found["of"]}


def _known_reduction(value: Any, where: str) -> None:
    """Refuse a reduction that does not exist, or an argument that it does not take or lacks."""
    if not isinstance(value, Mapping):
        return
    ((name, given),) = value.items()
    if name not in reductions.names():
        raise ValueError(
            f"{where}.value: there is no reduction {name!r}; there are "
            f"{', '.join(reductions.names())}"
        )
    known = reductions.arguments(name)
    for key in given:
        if key not in known:
            raise ValueError(
                f"{where}.value: {name} takes no argument {key!r}; it takes {', '.join(known)}"
            )
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in given:
            raise ValueError(f"{where}.value: {name} needs the argument {key!r}")


def _sensible(spec: Comparison, where: str) -> None:
    """Refuse what can be read and makes no sense."""
    if spec.scale == "ratio" and spec.margin <= 1:
        raise ValueError(f"{where}: the margin of a ratio is a factor above 1, not {spec.margin:g}")
    if spec.scale == "ratio" and spec.percent:
        raise ValueError(f"{where}: the unit of a ratio is times, not {POINTS}")
    if spec.scale == "ratio" and not isinstance(spec.reference, dict) and spec.reference <= 0:
        raise ValueError(f"{where}: a ratio has a reference above 0, not {spec.reference:g}")
    if spec.statistic == "share" and not spec.percent:
        raise ValueError(f"{where}: the unit of a share is {POINTS}, not {spec.unit!r}")
    if (spec.statistic == "correlation") != (spec.against is not None):
        raise ValueError(f"{where}: `against` and statistic `correlation` belong together")
    if isinstance(spec.reference, dict):
        if spec.reference == spec.arm:
            raise ValueError(f"{where}: arm and reference are the same")
        if not spec.arm:
            raise ValueError(f"{where}.arm is missing: say what is compared with the reference")


def load_claim(file: str | Path) -> Claim:
    """Read the file of one claim; its id and slug are those of the file's name.

    Raises
    ------
    RegistryError
        With one sentence that names the file, the key, the value and what would be right.
    """
    path = Path(file)
    found = FILE_NAME.match(path.stem)
    if found is None:
        raise RegistryError(
            f"{path.name}: the file of a claim is called <id>-<slug>.yaml, such as "
            "1.2.5-small-batches.yaml or x.1-mine.yaml, in lower-case letters and digits."
        )
    try:
        content = read_yaml(path)
    except UnstuckError as error:
        raise RegistryError(str(error)) from error
    for key, value in found.groupdict().items():
        if str(content.setdefault(key, value)) != value:
            raise RegistryError(
                f"{path.name}: key '{key}' is {content[key]!r}, but the file's name says {value!r}."
            )
        content[key] = value
    try:
        return Claim.model_validate(content)
    except ValidationError as error:
        raise RegistryError(f"{path.name}: {_sentence(error)}.") from error


def load_claims(files: list[Path] | tuple[Path, ...]) -> dict[str, Claim]:
    """Read files of claims, in the order of ids.

    Raises
    ------
    RegistryError
        If one is wrong, or an id or slug occurs twice.
    """
    homes: dict[str, Path] = {}
    claims = []
    for file in files:
        claim = load_claim(file)
        for name in (claim.id, claim.slug):
            if name in homes:
                raise RegistryError(f"{file}: {name} is taken by {homes[name]}; use another.")
            homes[name] = file
        claims.append(claim)
    return {claim.id: claim for claim in sorted(claims, key=lambda each: each.order)}


def claim_schema() -> dict[str, Any]:
    """Give the JSON schema of a claim's file."""
    schema = Claim.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A claim"
    # from the file's name
    schema["required"] = [key for key in schema["required"] if key not in ("id", "slug")]
    schema["properties"]["primary"] = {
        "description": schema["properties"]["primary"]["description"],
        "anyOf": [
            {"$ref": "#/$defs/Line"},
            {
                "type": "object",
                "properties": {part: {"$ref": "#/$defs/Line"} for part in PARTS},
                "additionalProperties": False,
            },
        ],
    }
    text = schema["$defs"].pop("Words")
    schema["$defs"]["Text"] = {"anyOf": [{"type": "string", "minLength": 1}, text]}
    renamed: dict[str, Any] = _renamed(schema)
    return renamed


def _renamed(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _renamed(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_renamed(value) for value in schema]
    return "#/$defs/Text" if schema == "#/$defs/Words" else schema


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _said(model: Line | Measure) -> dict[str, Any]:
    """The keys that a file gives; those of the scope alone are left out."""
    own = {"of", "words", "headline", "expect"}
    return {key: getattr(model, key) for key in model.model_fields_set if key not in own}


def _changed(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A line with changes: columns of `where` and `over` one by one, all else as a whole."""
    merged = {**base, **change}
    for key in ("where", "over"):
        both = {**(base.get(key) or {}), **(change.get(key) or {})}
        kept = {column: value for column, value in both.items() if value is not None}
        if kept or key in merged:
            merged[key] = kept
    return merged


def _sentence(error: ValidationError, where: str = "") -> str:
    """Put the first complaint of pydantic into one sentence, without a full stop."""
    errors = error.errors()
    # of a union pydantic reports every branch; our own words say most
    first = next((each for each in errors if each["type"] == "value_error"), errors[0])
    location = [str(part) for part in first["loc"]]
    key = ".".join(part for part in [where, *location] if part and not _is_branch(part))
    if first["type"] == "value_error":
        message = str(first["msg"]).removeprefix("Value error, ")
        return f"{key}: {message}" if key and not where else message
    if first["type"] == "extra_forbidden":
        known = sorted(
            {
                field.alias or name
                for model in (Claim, ScopeLine, ControlLine, Number, Published, Holds, Need)
                for name, field in model.model_fields.items()
            }
        )
        near = difflib.get_close_matches(location[-1], known, n=1)
        return f"key '{key}' is unknown" + (f"; did you mean '{near[0]}'?" if near else "")
    if first["type"] == "missing":
        return f"key '{key}' is missing"
    message = str(first["msg"]).rstrip(".")
    return f"key '{key}' is {first['input']!r}: {message[:1].lower()}{message[1:]}"


def _is_branch(part: str) -> bool:
    """Whether a part of pydantic's location names a branch of a union, and no key."""
    return part in ("str", "int", "float", "bool", "Range") or "[" in part
