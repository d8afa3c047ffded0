"""Colours that the colour-blind tell apart, on light and on dark paper.

Chosen by search for the largest least distance (CIELAB) of any two under normal sight and under
simulated protanopia, deuteranopia and tritanopia (Machado et al. 2009); the tests hold it above 20.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal[
    "supported",
    "small",
    "direction",
    "no effect",
    "undecided",
    "wrong direction",
    "contradicted",
    "partly",
    "not tested here",
    "invalid",
]


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

    def outcome(self, word: Outcome) -> str:
        """Give the colour of an outcome."""
        return getattr(self, _HUES[word])  # type: ignore[no-any-return]


# an outcome that is open or not the whole answer has a hollow dot of its hue
HOLLOW = frozenset({"direction", "undecided", "wrong direction", "partly", "not tested here"})
_HUES: dict[Outcome, str] = {
    "supported": "yes",
    "small": "yes",
    "direction": "yes",
    "partly": "yes",
    "no effect": "neither",
    "undecided": "neither",
    "not tested here": "neither",
    "wrong direction": "no",
    "contradicted": "no",
    "invalid": "no",
}

LIGHT = Palette(
    paper="#ffffff",
    ink="#1b1f24",
    quiet="#596273",
    grid="#e4e7ec",
    margin="#e4e7ec",
    series={
        "blue": "#0e43c2",
        "orange": "#e8620a",
        "plum": "#7b1679",
        "sky": "#1593e6",
        "slate": "#858b98",
        "ochre": "#5c5207",
    },
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
    series={
        "blue": "#1275f7",
        "orange": "#d76e15",
        "plum": "#d78de6",
        "sky": "#c3e7ec",
        "slate": "#848790",
        "ochre": "#f2e379",
    },
    yes="#15e19b",
    no="#ff3818",
    neither="#72859d",
    surface=("#14181f", "#1f252e", "#333c49", "#515c6b", "#717d8d"),
    heat=("#1a212b", "#1d3f66", "#2469b0", "#6ea6d8", "#d6e6f5"),
)
PALETTES = {"light": LIGHT, "dark": DARK}
