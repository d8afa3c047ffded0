"""Colours are told apart by everybody, on light and on dark paper."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.colors import to_hex, to_rgb
from pictures import dictionary

from unstuck.figures.palette import SHADES, in_the_dark, letters_on, palette, ramp

# Machado, Oliveira & Fernandes (2009), severity 1.0, in linear RGB
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
SCHEMES = ("light", "dark")
LEAST_DISTANCE = 20  # CIELAB; 2.3 is just seen


def linear(colour: str) -> npt.NDArray[np.float64]:
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIELAB of linear RGB under D65."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    x, y, z = (
        np.cbrt(value) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116
        for value in to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    low, high = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return float((high + 0.05) / (low + 0.05))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_colours_look_alike(scheme: str, sight: str) -> None:
    colours, see = palette(scheme), np.array(SIGHT[sight])
    for told in (list(colours.series.values()), [colours.yes, colours.no, colours.neither]):
        for one, other in itertools.combinations(told, 2):
            distance = np.linalg.norm(lab(see @ linear(one)) - lab(see @ linear(other)))
            assert distance > LEAST_DISTANCE, (one, other)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_and_marks_stand_out_from_the_paper(scheme: str) -> None:
    colours = palette(scheme)
    for colour in (colours.ink, colours.quiet, colours.yes, colours.no, colours.neither):
        assert contrast(colour, colours.paper) >= 4.5, colour
    for colour in colours.series.values():  # lines, and words large enough (WCAG 1.4.11, 1.4.3)
        assert contrast(colour, colours.paper) >= 3.0, colour


def test_every_colour_of_the_dictionary_is_in_the_palettes() -> None:
    named = {
        words.color
        for values in dictionary().common.values.values()
        for words in values.values()
        if words.color
    }
    for scheme in SCHEMES:
        assert named <= set(palette(scheme).series)


def test_every_colour_has_its_own_in_the_dark() -> None:
    light, dark = palette("light"), palette("dark")
    assert len(set(light.named())) == len(light.named())
    assert [in_the_dark(each) for each in light.named()] == list(dark.named())
    for here, there in ((light.heat, dark.heat), (light.surface, dark.surface)):
        for shade in range(SHADES):
            turned = to_rgb(in_the_dark(to_hex(ramp(here)(shade))))
            assert turned == pytest.approx(ramp(there)(shade)[:3], abs=2 / 255)


def test_letters_on_a_colour_are_read_on_either_screen() -> None:
    light = palette("light")
    shades = [to_hex(ramp(light.heat)(shade)) for shade in range(SHADES)]
    for colour in (*light.series.values(), *shades):
        letters = letters_on(colour)
        assert contrast(letters, colour) >= 3.0, colour  # they are large: WCAG 1.4.3
        assert contrast(in_the_dark(letters), in_the_dark(colour)) >= 3.0, colour
