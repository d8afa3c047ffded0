"""The registry of claims: what is said, what is measured, and by which margin it is judged."""

import difflib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unstuck.errors import RegistryError


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Frozen):
    """A text for readers of the report."""

    en: str = Field(min_length=1, description="In English.")
    zh: str = Field("", description="In Chinese.")


class Statement(Text):
    """What the notes say, in this project's words."""

    zh: str = Field(min_length=1, description="In Chinese.")


class Effect(_Frozen):
    """A quantity that is measured once per seed, and the margin it is held against."""

    what: str = Field(min_length=1, description="What is measured, signed for the claim.")
    unit: str = Field(min_length=1, description="Unit of the effect and of the margin.")
    margin: float = Field(gt=0, description="δ; a factor above 1 where the scale is `ratio`.")
    scale: Literal["difference", "ratio"] = Field(
        "difference",
        description="`difference`: values are in the unit. `ratio`: values are natural logarithms "
        "of ratios, and the margin is the ratio itself.",
    )
    claims: Literal["effect", "equivalence", "no worse"] = Field(
        "effect",
        description="Whether the claim says that there is an effect, that there is none, or that "
        "it is not below −δ.",
    )

    @model_validator(mode="after")
    def _factor_above_one(self) -> Self:
        if self.scale == "ratio" and self.margin <= 1:
            raise ValueError(f"margin of a ratio is a factor above 1, not {self.margin}")
        return self

    @property
    def threshold(self) -> float:
        """The margin in the unit of the values: δ, or its logarithm for a ratio."""
        return math.log(self.margin) if self.scale == "ratio" else self.margin


class Published(_Frozen):
    """A published number or finding, typed in as a fact."""

    who: str = Field(min_length=1, description="Authors.")
    year: int = Field(ge=1800, le=2100, description="Year of publication.")
    where: str = Field(min_length=1, description="Venue, and the table, figure or section.")
    says: str = Field(min_length=1, description="What it reports.")
    stance: Literal["for", "against"] = Field(description="Whether it speaks for the claim.")


class Claim(_Frozen):
    """One statement of the notes and how it is put to the test."""

    id: str = Field(pattern=r"^\d\.\d\.\d+$", description="Section and number, such as 1.2.5.")
    slug: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="Short readable name.")
    kind: Literal["exact", "measured"] = Field(
        description="`exact` is checked to a tolerance; `measured` is judged over seeds."
    )
    statement: Statement = Field(description="The claim, in English and Chinese.")
    regime: str = Field(min_length=1, description="Where the claim is said to hold.")
    reads: dict[str, str] = Field(
        default_factory=dict,
        description="Tables the claim reads: argument of its function → <experiment>.<table>.",
    )
    effect: Effect | None = Field(None, description="What is measured; only for measured claims.")
    effects: dict[str, Effect] = Field(
        default_factory=dict,
        description="Named effects, where one claim measures several (instead of `effect`).",
    )
    conditions: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Declared conditions: key → value → words such as `with a tuned rate`.",
    )
    published: tuple[Published, ...] = Field(
        min_length=1, description="Published numbers and counter-evidence."
    )
    cost: str = Field(min_length=1, description="What testing the claim adds to a study.")
    did: Text = Field(description="What was done.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "exact" and (self.effect or self.effects):
            raise ValueError("effect belongs to measured claims; this one is exact")
        if self.kind == "measured" and (self.effect is None) == (not self.effects):
            raise ValueError("effect is missing: a measured claim has `effect` or `effects`")
        for argument, table in self.reads.items():
            if not argument.isidentifier() or table.count(".") != 1 or "" in table.split("."):
                raise ValueError(
                    f"reads maps argument names to <experiment>.<table>, not {argument}: {table}"
                )
        for key, values in self.conditions.items():
            if len(values) < 2:
                raise ValueError(f"conditions.{key} needs at least two values to tell apart")
        return self

    @property
    def section(self) -> str:
        """Section of the notes, such as ``1.2``."""
        return self.id.rsplit(".", 1)[0]

    @property
    def order(self) -> tuple[int, ...]:
        """The id as numbers, to sort by."""
        return tuple(int(part) for part in self.id.split("."))

    def measure(self, name: str) -> Effect:
        """Give the effect called ``name``; the name of a single effect is empty.

        Raises
        ------
        RegistryError
            If the claim declares no such effect.
        """
        if name == "" and self.effect is not None:
            return self.effect
        if name in self.effects:
            return self.effects[name]
        known = ", ".join(map(repr, self.effects)) or "the unnamed `effect` alone"
        raise RegistryError(f"claim {self.id}: effect {name!r} is not declared; it has {known}.")


Registry = dict[str, Claim]


def load_registry(folder: str | Path) -> Registry:
    """Read every ``*.yaml`` of a folder, a list of claims each, in the order of ids.

    Raises
    ------
    RegistryError
        If a file is no YAML list, an entry is wrong, or an id or slug occurs twice.
    """
    files = sorted(Path(folder).glob("*.yaml"))
    claims: list[Claim] = []
    homes: dict[str, str] = {}
    for file in files:
        for claim in _load_file(file):
            for name in (claim.id, claim.slug):
                if name in homes:
                    raise RegistryError(
                        f"{file.name}, claim {claim.id}: {name} is taken by {homes[name]}; "
                        "ids and slugs occur once."
                    )
                homes[name] = f"claim {claim.id} of {file.name}"
            claims.append(claim)
    return {claim.id: claim for claim in sorted(claims, key=lambda claim: claim.order)}


class _Loader(yaml.SafeLoader):
    """Safe YAML in which `off`, `on`, `yes`, `no` are words and repeated keys are errors."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} occurs twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:bool"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load_file(file: Path) -> Iterable[Claim]:
    try:
        entries = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise RegistryError(f"{file.name} cannot be read as YAML: {reason}.") from error
    if not isinstance(entries, list):
        raise RegistryError(f"{file.name} must be a list of claims, each with an id.")
    for number, entry in enumerate(entries, start=1):
        name = f"claim {entry['id']}" if _has_id(entry) else f"entry {number}"
        try:
            yield Claim.model_validate(entry)
        except ValidationError as error:
            raise RegistryError(f"{file.name}, {name}: {_sentence(error)}") from error


def _has_id(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "id" in entry


def _sentence(error: ValidationError) -> str:
    """Put the first complaint of pydantic into one sentence."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = sorted({*Claim.model_fields, *Effect.model_fields, *Published.model_fields})
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}."
        return f"key {key!r} is unknown; {hint}"
    if first["type"] == "missing":
        return f"key {key!r} is missing."
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if not key:
        return f"{message}."
    return f"key {key!r} is {first['input']!r}: {message[:1].lower()}{message[1:]}."
