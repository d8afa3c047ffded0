"""Colours that the colour-blind tell apart, on light and on dark paper.

Chosen by search for the largest least distance (CIELAB) of any two under normal sight and under
simulated protanopia, deuteranopia and tritanopia (Machado et al. 2009); the tests hold it above 20.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb

from unstuck.statistics.rule import GROUPS, Word

# an outcome that is open or not the whole answer has a hollow dot of its hue
HOLLOW = frozenset(
    {*(Word.DIRECTION, Word.UNDECIDED, Word.WRONG_DIRECTION, Word.PARTLY, Word.NOT_TESTED)}
)


@dataclass(frozen=True)
class Palette:
    """The colours of a figure, as hex words.

    Attributes
    ----------
    series
        Of arms and data sets, by name, in the order in which they are given out.
    yes, no, neither
        Of outcomes: for the claim, against it, and neither.
    surface
        From low to high ground, behind what is drawn.
    heat
        From small to large values.
    """

    paper: str
    ink: str
    quiet: str
    grid: str
    margin: str
    series: Mapping[str, str]
    yes: str
    no: str
    neither: str
    surface: tuple[str, ...]
    heat: tuple[str, ...]

    def outcome(self, word: Word) -> str:
        """Give the colour of an outcome."""
        return {"yes": self.yes, "part": self.yes, "no": self.no}.get(GROUPS[word], self.neither)

    def named(self) -> tuple[str, ...]:
        """Give the colours that are no ramp, in one order for every palette."""
        single = (self.paper, self.ink, self.quiet, self.grid, self.margin)
        return (*single, self.yes, self.no, self.neither, *self.series.values())


def _series(*colours: str) -> dict[str, str]:
    return dict(zip(("blue", "orange", "plum", "sky", "slate", "ochre"), colours, strict=True))


LIGHT = Palette(
    paper="#ffffff",
    ink="#1b1f24",
    quiet="#596273",
    grid="#e5e7ec",
    margin="#dfe1e8",
    series=_series("#0e43c2", "#e8620a", "#7b1679", "#1593e6", "#858b98", "#5c5207"),
    yes="#0d875f",
    no="#b71103",
    neither="#505976",
    surface=("#ffffff", "#e9ecf0", "#c5ccd6", "#98a3b3", "#75818f"),
    heat=("#f3f6fa", "#bcd4ec", "#6ea6d8", "#2469b0", "#0b2f66"),
)
DARK = Palette(
    paper="#14181f",
    ink="#e9ecf1",
    quiet="#a7b0be",
    grid="#2c3440",
    margin="#39424f",
    series=_series("#1275f7", "#d76e15", "#d78de6", "#c3e7ec", "#848790", "#f2e379"),
    yes="#15e19b",
    no="#ff3818",
    neither="#72859d",
    surface=("#14181f", "#1f252e", "#333c49", "#515c6b", "#717d8d"),
    heat=("#1a212b", "#1d3f66", "#2469b0", "#6ea6d8", "#d6e6f5"),
)
# letters on a colour, by what they are on a light and on a dark screen; each differs a little from
# ink and paper, so that the dark scheme knows which it was
_LETTERS = {
    ("light", "light"): ("#fffeff", "#ffffff"),
    ("light", "dark"): ("#feffff", "#1b1f24"),
    ("dark", "dark"): ("#1b1f25", "#1b1f24"),
    ("dark", "light"): ("#1b1e24", "#ffffff"),
}
EVEN = 0.2
SHADES = 256  # of a ramp, that are told apart


def palette(scheme: str) -> Palette:
    """Give the colours of a scheme; those of `auto` are light, and turn on a dark screen."""
    return DARK if scheme == "dark" else LIGHT


def ramp(colours: Sequence[str]) -> LinearSegmentedColormap:
    """Give the colours between some."""
    return LinearSegmentedColormap.from_list("ramp", list(colours), N=SHADES)


def letters_on(colour: str) -> str:
    """Give white or black, whichever reads better on a colour of the light scheme."""
    return _LETTERS[_letters(colour), _letters(in_the_dark(colour))][0]


def in_the_dark(colour: str) -> str:
    """Give what a colour of the light scheme is in the dark one; itself, if it is none of those."""
    return _dark().get(colour, colour)


@functools.cache
def _dark() -> dict[str, str]:
    known: dict[str, str] = {}
    for light, dark in ((LIGHT.heat, DARK.heat), (LIGHT.surface, DARK.surface)):
        for shade in range(SHADES):
            known[to_hex(ramp(light)(shade))] = to_hex(ramp(dark)(shade))
    return known | dict(zip(LIGHT.named(), DARK.named(), strict=True)) | dict(_LETTERS.values())


def _letters(colour: str) -> str:
    values = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in to_rgb(colour)
    ]
    # WCAG's relative luminance, and where white and ink stand out alike
    luminance = sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), values, strict=True))
    return "light" if luminance < EVEN else "dark"
