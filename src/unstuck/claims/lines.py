"""Lines of a claim's file: what is compared or checked, as written and with all it inherits."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from unstuck.claims import reductions
from unstuck.claims.terms import Frozen, Range, Scalar, Selection, Text, Words
from unstuck.complaints import one_of, shown

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


class _OfTables(Frozen):
    table: str | Annotated[list[str], Field(min_length=1)] = Field(
        alias="from", description="The tables read."
    )
    where: Selection = Field(default_factory=dict, description="Rows that count.")
    value: Annotated[Value | None, BeforeValidator(_one_reduction)] = Field(
        None, description="The column, or a reduction."
    )
    each: list[str] = Field(default_factory=list, description="A value for each of these.")
    reduce: Reduce = Field("only", description="How values become one number.")

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables read."""
        return tuple(listed(self.table))


class Need(_OfTables):
    """What must hold of the tables for a comparison to be judged at all."""

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
    because: Text | None = Field(None, description="Why the margin is what it is.")
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


class Number(_OfTables):
    """A number that the answer names beside the primary's."""

    scale: float = Field(1, description="What it is multiplied by, such as 100 for percent.")


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
    def sides(self) -> dict[str, Selection]:
        """The arms by their side; of one that is compared with a number itself alone."""
        sides = {"arm": self.arm, "reference": self.reference}
        return {side: each for side, each in sides.items() if isinstance(each, dict)}

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
CHECK_KEYS = frozenset(
    {"name", "where", "value", "each", "reduce", "holds", "small", "needs", "gate"}
)
COMPARISON_KEYS = frozenset(Comparison.model_fields) - {"label", "tables"}


def table_names(names: str | list[str], where: str) -> tuple[str, ...]:
    """Give the tables that a line reads; refuse what is none's name."""
    if not names:
        raise ValueError(f"{where}.from is missing: name the table it reads")
    for name in listed(names):
        owner, _, kind = name.partition(".")
        if not (owner and kind) or "." in kind:
            raise ValueError(
                f"{where}.from is {shown(name)}: it should be <experiment or analysis>.<table>, "
                "such as grid.runs"
            )
    return tuple(listed(names))


def known_reduction(value: Any, where: str) -> None:
    """Refuse a reduction that does not exist, or an argument that it does not take or lacks."""
    if not isinstance(value, Mapping):
        return
    ((name, given),) = value.items()
    one_of(name, reductions.names(), what=f"{where}.value: the reduction")
    known = reductions.arguments(name)
    for key in given:
        if key not in known:
            raise ValueError(
                f"{where}.value: {name} takes no argument {shown(key)}; it takes {', '.join(known)}"
            )
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in given:
            raise ValueError(f"{where}.value: {name} needs the argument {key!r}")


def sensible(spec: Comparison, where: str) -> None:
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


def listed(names: str | list[str]) -> list[str]:
    """Give one name or several as a list."""
    return [names] if isinstance(names, str) else list(names)


def said(model: Line | Measure) -> dict[str, Any]:
    """The keys that a file gives; those of the scope alone are left out."""
    own = {"of", "words", "headline", "expect"}
    return {key: getattr(model, key) for key in model.model_fields_set if key not in own}


def changed(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A line with changes: columns of `where` and `over` one by one, all else as a whole."""
    merged = {**base, **change}
    for key in ("where", "over"):
        both = {**(base.get(key) or {}), **(change.get(key) or {})}
        kept = {column: value for column, value in both.items() if value is not None}
        if kept or key in merged:
            merged[key] = kept
    return merged
