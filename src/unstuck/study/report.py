"""How a study wants its report and figures."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from unstuck.study.fields import Section

Format = Literal["svg", "png", "pdf"]
#: what the pages of the report show
SHOWN: tuple[Format, ...] = ("svg", "png")


class FigureSettings(Section):
    """What figures look like; nothing here changes what they say."""

    formats: tuple[Format, ...] = Field(
        default=SHOWN, description="Files of a figure; `pdf` beside what the report shows."
    )
    width: Annotated[int, Field(ge=200, le=4000)] = Field(
        default=1200, description="Width of an SVG in pixels; a PNG has twice that."
    )
    language: Literal["en", "zh"] = Field(
        default="en",
        description="Language of titles, axes and legends; Chinese needs a font that has it.",
    )
    scheme: Literal["auto", "light", "dark"] = Field(
        default="auto",
        description="Ink on white, or white on black; of `auto` an SVG is as the reader's screen, "
        "and any other file light.",
    )

    @model_validator(mode="after")
    def _shown(self) -> Self:
        missing = [each for each in SHOWN if each not in self.formats]
        if missing:
            raise ValueError(f"formats lacks {missing[0]}, which the report shows; add it")
        return self


class ReportSettings(Section):
    """How the report is written."""

    figures: FigureSettings = Field(default=FigureSettings(), description="What figures look like.")
