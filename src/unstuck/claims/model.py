"""One claim as its file says it: what is asked, compared, checked, and answered.

A file declares and does not compute. What needs more than a column is a reduction
(`unstuck.claims.reductions`) or an analysis, in Python, with a name and a test.
"""

import datetime
import difflib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from unstuck.claims.drawing import Drawing
from unstuck.claims.lines import (
    CHECK_KEYS,
    COMPARISON_KEYS,
    Check,
    Comparison,
    ControlLine,
    Holds,
    Line,
    Measure,
    Need,
    Number,
    ScopeLine,
    changed,
    known_reduction,
    said,
    sensible,
    table_names,
)
from unstuck.claims.terms import Frozen, Text
from unstuck.complaints import complaint, shown
from unstuck.errors import RegistryError, UnstuckError
from unstuck.yaml_files import read_yaml, require_plain

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


class Published(Frozen):
    """A published number or finding, typed in as a fact."""

    who: str = Field(min_length=1, description="Authors.")
    year: int = Field(ge=1800, le=2100, description="Year of publication.")
    where: str = Field(min_length=1, description="Venue, and the table, figure or section.")
    says: Text = Field(description="What it reports.")
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
    change: Text = Field(description="What, and why.")


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
    from_lecture: Text | None = Field(None, description="What of it only the lecture says.")
    did: Text | None = Field(None, description="What was done; its page tells it.")
    regime: Text | None = Field(
        None, description="Where it was tested; its page tells it below what was done."
    )
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
            known_reduction(number.value, f"numbers.{name}")
        beside = self.figure.beside if self.figure else True
        for name in () if isinstance(beside, bool) else beside:
            if name not in self.primary:
                raise ValueError(f"figure.beside names {name!r}; {self._parts_known}")
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

    def written(self) -> dict[str, Any]:
        """The claim as plain values, from which it can be made again."""
        content: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return content

    @property
    def _parts_known(self) -> str:
        known = ", ".join(filter(None, self.primary)) or "none, for the primary has one part"
        return f"parts of the primary are {known}"

    def _base(self, name: str, line: ScopeLine | ControlLine, where: str) -> Line:
        if line.of and line.of not in self.primary:
            raise ValueError(f"{where}.{name}.of is {line.of!r}; {self._parts_known}")
        return self.primary[line.of] if line.of else next(iter(self.primary.values()))

    def _resolved(self, where: str, name: str, line: Line, base: Line | None) -> Comparison | Check:
        """Give a line with all that it inherits: from the measure, and from its part."""
        is_check = line.holds is not None
        given = {} if is_check or self.measure is None else said(self.measure)
        # a check of another table has columns of its own, so it is written whole
        apart = is_check and base is not None and line.table not in (None, base.table)
        if base is not None and (base.holds is not None) == is_check and not apart:
            given = changed(given, said(base))
        given = changed(given, said(line))
        known = CHECK_KEYS if is_check else COMPARISON_KEYS
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
        given["tables"] = table_names(given.pop("table", ()), where)
        kind: type[Comparison] | type[Check] = Check if is_check else Comparison
        try:
            spec = kind.model_validate(given)
        except ValidationError as error:
            raise ValueError(_sentence(error, where)) from error
        known_reduction(spec.value, where)
        if isinstance(spec, Comparison):
            sensible(spec, where)
        return spec


def placeholders(template: str) -> set[str]:
    """Give the names that a template uses, those of its choices among them."""
    names = {found["name"] for found in PLACEHOLDER.finditer(template)}
    return names | {found["of"] for found in CHOICE.finditer(template) if found["of"]}


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
        require_plain(content, path.name)
    except UnstuckError as error:
        raise RegistryError(str(error)) from error
    if not path.read_bytes().endswith(b"\n"):
        raise RegistryError(
            f"{path.name}: its last line has no line break, as if the file were cut short; see "
            "whether all is there, and end it with one."
        )
    for key, value in found.groupdict().items():
        if str(content.setdefault(key, value)) != value:
            raise RegistryError(
                f"{path.name}: key '{key}' is {shown(content[key])}, but the file's name says "
                f"{value!r}."
            )
        content[key] = value
    try:
        # as JSON, in which true is no number and "5" is none either
        return Claim.model_validate_json(json.dumps(content), strict=True)
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
    return f"key '{key}': {complaint(first)}"


def _is_branch(part: str) -> bool:
    """Whether a part of pydantic's location names a branch of a union, and no key."""
    return part in ("str", "int", "float", "bool", "Range") or "[" in part
