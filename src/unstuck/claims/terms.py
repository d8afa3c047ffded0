"""What several parts of a claim's file have in common: words, and selections of rows."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Scalar = bool | int | float | str
#: words in a selection that stand for values of the table
SMALLEST, LARGEST, BEST = "smallest", "largest", "best"


class Frozen(BaseModel):
    """A part of a file: what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Words(Frozen):
    """A text for readers of both languages."""

    en: str = Field(min_length=1, description="In English.")
    zh: str = Field("", description="In Chinese; the English stands in where it is left out.")

    def words(self, language: str) -> str:
        """The text in a language, or else in English."""
        return (self.zh if language == "zh" else "") or self.en


def _as_text(given: Any) -> Any:
    return {"en": given} if isinstance(given, str) else given


Text = Annotated[Words, BeforeValidator(_as_text)]


class Range(Frozen):
    """Bounds of a number in a selection, ends included."""

    at_least: float | None = Field(None, description="The lower bound.")
    at_most: float | None = Field(None, description="The upper bound.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a range needs `at_least`, `at_most` or both")
        return self


#: column → a value, several values, bounds, or one of the words above
Selection = dict[str, Scalar | list[Scalar] | Range]
