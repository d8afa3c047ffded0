"""How a study wants its figures."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Format = Literal["svg", "png", "pdf"]
Scheme = Literal["light", "dark"]
Language = Literal["en", "zh"]


class FigureSettings(BaseModel):
    """The key ``report: {figures: …}`` of a study."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    formats: tuple[Format, ...] = Field(
        ("svg", "png"), min_length=1, description="Files of a figure; `png` has twice the width."
    )
    width: Annotated[int, Field(ge=200, le=4000)] = Field(
        1200, description="Width in pixels; the height follows."
    )
    language: Language = Field("en", description="Language of titles, axes and legends.")
    scheme: Scheme = Field("light", description="Ink on white, or white on black.")
    font: str = Field("", description="Font of Latin letters; matplotlib's own if left out.")
