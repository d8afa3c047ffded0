"""Pictures of the report: their files, their size, and their words for those who cannot see."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from unstuck.errors import DataError
from unstuck.files import atomic_path

_DC = "{http://purl.org/dc/elements/1.1/}"


@dataclass(frozen=True)
class Picture:
    """A picture in the report's folder."""

    svg: str
    png: str
    title: str
    note: str
    width: int
    height: int

    @property
    def alt(self) -> str:
        """Its words: the headline, and how to read it."""
        return f"{self.title}. {self.note}" if self.note else self.title


def place_picture(folder: Path, source: str, out: Path, name: str) -> Picture:
    """Copy ``<source>.svg`` and ``.png`` to ``<out>/<name>``, and read the words in the SVG.

    Raises
    ------
    DataError
        If a file is missing, or the SVG is damaged or carries no title.
    """
    for suffix in ("svg", "png"):
        copy_file(folder / f"{source}.{suffix}", out / f"{name}.{suffix}")
    path = folder / f"{source}.svg"
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise DataError(
            f"{path} is no whole SVG ({error}); delete it and draw it again."
        ) from error
    title = root.findtext(f".//{_DC}title", "")
    if not title:
        raise DataError(
            f"{path} has no title; draw it with unstuck.figures.style.headline and save."
        )
    width, height = (float(part) for part in root.attrib["viewBox"].split()[2:])
    return Picture(
        svg=f"{out.name}/{name}.svg",
        png=f"{out.name}/{name}.png",
        title=title,
        note=root.findtext(f".//{_DC}description", ""),
        # points to CSS pixels
        width=round(width * 4 / 3),
        height=round(height * 4 / 3),
    )


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes.

    Raises
    ------
    DataError
        If it does not exist.
    """
    if not source.is_file():
        raise DataError(f"{source} is missing; run snakemake again to make it.")
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
