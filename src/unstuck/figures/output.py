"""Figures as files: the same bytes on every call, with text as text."""

import re
from pathlib import Path

from matplotlib.figure import Figure

from unstuck.figures.draw import DPI, WIDTH, styled
from unstuck.figures.palette import PALETTES
from unstuck.figures.settings import FigureSettings, Format
from unstuck.files import atomic_path

_LENGTH = re.compile(r'(width|height)="([0-9.]+)pt"')
_METADATA: dict[Format, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


def save(figure: Figure, path: str | Path, settings: FigureSettings) -> None:
    """Write a figure in the format of the path's suffix.

    An SVG has the width of the settings, a PNG twice that. Title and subtitle go with it as words.
    """
    path = Path(path)
    kind: Format = path.suffix.removeprefix(".")  # type: ignore[assignment]
    metadata = dict(_METADATA[kind])
    title, _, note = str(figure.get_label()).partition("\n")
    metadata["Title"] = title
    if kind != "pdf":
        metadata["Description"] = note
    scale = settings.width / WIDTH
    dpi = DPI * scale * (2 if kind == "png" else 1)
    with (
        styled(PALETTES[settings.scheme], settings.font, settings.language),
        atomic_path(path) as temporary,
    ):
        figure.savefig(temporary, format=kind, dpi=dpi, metadata=metadata)
        if kind == "svg":
            temporary.write_text(_sized(temporary.read_text(encoding="utf-8"), scale), "utf-8")


def _sized(svg: str, scale: float) -> str:
    """Give the picture its width in pixels; matplotlib writes points, whatever the resolution."""
    head, tag, rest = svg.partition("<svg ")
    attributes, close, body = rest.partition(">")
    attributes = _LENGTH.sub(lambda m: f'{m[1]}="{float(m[2]) * scale:g}"', attributes)
    return f"{head}{tag}{attributes}{close}{body}"
