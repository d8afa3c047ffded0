"""What a claim's figure shows: a kind, the columns that it draws, and the words of its own.

Typed descriptions alone, so that planning checks them without loading matplotlib. What draws a kind
is the module of its name in ``unstuck.figures.kinds``.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from unstuck.claims.reductions.base import COLUMN, Column
from unstuck.claims.terms import BEST, Frozen, Selection, Text, Words

AxisScale = Literal["linear", "log", "even"]
TableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]

MOST_WORDS = 14  # of a title
VALUES = "claim.values"  # the values that the claim compares, as `values.csv` has them


class ColumnWords(Words):
    """The words of a column, and how its numbers are shown."""

    unit: str = Field("", description="Unit that the axis shows, such as `%`.")
    times: float = Field(1, description="What numbers are multiplied by, such as 100 for `%`.")


class ValueWords(Words):
    """The words of a value of a column, and its colour."""

    color: str = Field("", description="Name of a colour of the palette; by its order if left out.")


class OwnWords(Frozen):
    """Words of columns and of their values; those of a claim go before those of the dictionary."""

    columns: dict[str, ColumnWords] = Field({}, description="Column → its words.")
    values: dict[str, dict[str, ValueWords]] = Field(
        {},
        description="Column → value, as text → its words; of `part`, what a part is called beside.",
    )


class Panel(Frozen):
    """What every kind has."""

    title: Text | None = Field(
        None,
        description="The finding as one sentence of at most 14 words, with placeholders as in the "
        "answer; if left out the answer itself where it is short, or the measure's name. Of a "
        "picture below: its heading, filled likewise.",
    )
    subtitle: Text | None = Field(
        None, description="What is measured; made from the measure's words if left out."
    )
    beside: bool | Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        True,
        description="Whether the comparison stands beside the picture; a list names the parts of "
        "the primary that do.",
    )
    below: "tuple[Drawing, ...]" = Field(
        (), max_length=3, description="More pictures below it, only where they teach."
    )
    words: OwnWords = Field(OwnWords(), description="Words for this picture alone.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        count = len(self.title.en.split()) if self.title else 0
        if count > MOST_WORDS:
            raise ValueError(f"title has {count} words, of at most {MOST_WORDS}")
        if any(panel.below for panel in self.below):
            raise ValueError("below has a picture with pictures below it; list them one by one")
        if any(panel.beside is not True for panel in self.below):
            raise ValueError("below has a picture with beside, which is for the first one alone")
        if BEST in self.selection().values() and not isinstance(self, _OverUnits):
            raise ValueError("where takes the best, which only lines and arms can draw")
        return self

    def drawn(self) -> tuple[str, ...]:
        """Give the tables whose rows are drawn."""
        return ()

    def own_tables(self) -> Iterator[str]:
        """Give the tables of the study that this picture reads."""
        yield from ()

    def columns(self) -> Iterator[str]:
        """Give the columns that are read of them: those of `where`, and of every field `Column`."""
        yield from self.selection()
        for name, field in type(self).model_fields.items():
            if COLUMN in field.metadata:
                given = getattr(self, name)
                names = given if isinstance(given, tuple) else (given,)
                yield from (each for each in names if each and isinstance(each, str))

    def selection(self) -> Selection:
        """Give which rows are drawn."""
        return {}

    def pictures(self) -> "tuple[Panel, ...]":
        """Give it and the pictures below it."""
        return (self, *self.below)

    def tables(self) -> tuple[str, ...]:
        """Give the tables that it and the pictures below it read, each once."""
        return tuple(dict.fromkeys(t for each in self.pictures() for t in each.own_tables()))


class _OfTable(Panel):
    table: TableName | tuple[TableName, ...] = Field(
        alias="from",
        description="Table that is drawn, `<experiment or analysis>.<table>`, or several one below "
        "the other; `claim.values` are the values that the claim compares.",
    )
    where: Selection = Field(
        {},
        description="Rows that are drawn: column → value, list (an order too) or bounds; of lines "
        "and arms also `best`, at each place the value whose mean of y is the least.",
    )
    color: Column = Field("", description="Column whose values have a colour each.")
    panel: Column = Field("", description="Column whose values have a panel each, at most four.")

    def drawn(self) -> tuple[str, ...]:
        """Give the tables whose rows are drawn."""
        return (self.table,) if isinstance(self.table, str) else self.table

    def own_tables(self) -> Iterator[str]:
        """Give the tables of the study that this picture reads."""
        yield from (name for name in self.drawn() if name != VALUES)

    def selection(self) -> Selection:
        """Give which rows are drawn."""
        return self.where


class _OverUnits(_OfTable):
    average: Literal["mean", "median", "geometric"] = Field(
        "mean",
        description="What the units' values are summed up by; `geometric` for factors, of what is "
        "above 0.",
    )
    unit: Column = Field(
        "seed", description="Column that tells the units apart; empty where every row is one."
    )
    units: Text | None = Field(
        None, description="What units are called, such as `starts`; data splits if left out."
    )
    y: Column = Field(description="Column of the vertical axis.")
    y_scale: Literal["linear", "log"] = Field(
        "linear", description="Scale of the vertical axis; `log` shows what is above 0."
    )
    share_y: bool = Field(True, description="Whether all panels have one vertical scale.")
    goal: Annotated[float | str | None, COLUMN] = Field(
        None, description="A level that is marked, as the column of y has it, or the column of it."
    )
    goal_words: Text | None = Field(
        None, description="What the marked level is called at the axis, such as `chance`."
    )


class Lines(_OverUnits):
    """Curves, or values along an axis: a line an arm, over the units' dots or interval."""

    kind: Literal["lines"]
    x: Column = Field(description="Column of the horizontal axis.")
    x_scale: AxisScale = Field(
        "linear", description="`even` puts the values side by side, whatever their distance."
    )
    from_zero: bool = Field(False, description="Whether the vertical axis begins at 0.")
    show: Literal["interval", "dots", "units", "none"] = Field(
        "interval",
        description="What is shown of the units: the 95 % interval of their average as a band (of "
        "a median their middle half), a "
        "dot each, a thin line each, or nothing.",
    )


class Arms(_OverUnits):
    """A dot a unit, side by side by arm, with their average and its 95 % interval."""

    kind: Literal["arms"]
    x: Column = Field(description="Column whose values stand side by side.")
    box: Literal["interval", "deviation"] = Field(
        "interval",
        description="What the box round an average is: its 95 % interval (of a median the middle "
        "half of the units), or one standard deviation of the units to either side.",
    )


class Shares(_OfTable):
    """Stacked bars: which share of the rows is of which kind."""

    kind: Literal["shares"]
    of: Column = Field(description="Column whose values are counted; the colours.")
    only: str = Field(
        "",
        description="The one value of `of` whose share is drawn, as text; the rest of a bar stays "
        "empty.",
    )
    mean_over: Column = Field(
        "",
        description="Column of units that count alike, such as `seed`: a bar is the mean of their "
        "shares; rows count alike if left out.",
    )
    rows: Annotated[tuple[str, ...], COLUMN] = Field(
        min_length=1, max_length=2, description="Columns whose values have a bar each."
    )
    mark: float | None = Field(
        None, gt=0, lt=1, description="The share that the claim says is exceeded, such as 0.5."
    )


class Scatter(_OfTable):
    """A dot a row, one column against another."""

    kind: Literal["scatter"]
    x: Column = Field(description="Column of the horizontal axis.")
    y: Column = Field(description="Column of the vertical axis.")
    x_scale: Literal["linear", "log"] = Field("linear", description="Scale of the x axis.")
    y_scale: Literal["linear", "log"] = Field("linear", description="Scale of the y axis.")
    share_y: bool = Field(True, description="Whether all panels have one vertical scale.")
    most: int = Field(3000, gt=0, description="Dots a panel; more are thinned evenly by rank of x.")


class Heat(_OfTable):
    """A table of averages as coloured cells with their numbers."""

    kind: Literal["heat"]
    x: Column = Field(description="Column whose values are the columns.")
    y: Column = Field(description="Column whose values are the rows.")
    value: Column = Field(description="Column that is averaged in each cell.")
    scale: Literal["linear", "log"] = Field("linear", description="Scale of the colours.")
    numbers: bool = Field(
        True,
        description="Whether cells show their numbers, and the figure says of what unless it has "
        "a `subtitle`; values with `words` show these.",
    )


class Paths(_OfTable):
    """Walkers over a surface of two coordinates, which is drawn in grey."""

    kind: Literal["paths"]
    surface: TableName | None = Field(
        None, description="Table of the surface on a grid, with columns x, y and `height`."
    )
    x: Column = Field("x", description="Column of the first coordinate.")
    y: Column = Field("y", description="Column of the second coordinate.")
    height: str | dict[str, str] = Field(
        "loss", description="Column of the surface's height; by panel, value → column."
    )
    along: Column = Field("update", description="Column that orders the points of a walk.")
    walk: Column = Field("", description="Column that tells the walks of one colour apart.")
    levels: Literal["linear", "log"] = Field("log", description="Scale of the surface's levels.")
    goal: tuple[float, float] | None = Field(None, description="A place that is marked by a star.")

    @model_validator(mode="after")
    def _by_panel(self) -> Self:
        if isinstance(self.height, dict) and not self.panel:
            raise ValueError("height has a column a panel, and there is no `panel`")
        return self

    def own_tables(self) -> Iterator[str]:
        """Give the tables of the study that this picture reads."""
        yield from super().own_tables()
        yield from (name for name in (self.surface,) if name)


class Spectra(_OfTable):
    """Eigenvalues: a row a group, those below zero in a colour of their own."""

    kind: Literal["spectra"]
    values: Column = Field("eigenvalues", description="Column of eigenvalues, a list or one a row.")
    rows: Column = Field(description="Column whose values have a row each.")
    most: int = Field(12, gt=0, description="Rows at most, evenly picked.")
    tolerance: float = Field(
        1e-6, gt=0, lt=1, description="Below this share of the largest |λ|, one counts as zero."
    )


class Effects(Panel):
    """What was judged: a row a comparison, coloured by its outcome, with the margin in grey."""

    kind: Literal["effects"]
    roles: tuple[Literal["primary", "dataset", "scope"], ...] = Field(
        ("primary", "dataset", "scope"), description="Which comparisons are shown."
    )


Drawing = Annotated[
    Lines | Arms | Shares | Scatter | Heat | Paths | Spectra | Effects, Field(discriminator="kind")
]
KINDS = (Lines, Arms, Shares, Scatter, Heat, Paths, Spectra, Effects)
for _kind in KINDS:
    _kind.model_rebuild()
