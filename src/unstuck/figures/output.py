"""Figures as files: the same bytes on every call, with text as text."""

import re
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure

from unstuck.figures.fonts import LATIN, chinese_font
from unstuck.figures.palette import Palette, in_the_dark, palette
from unstuck.files import atomic_path
from unstuck.study.report import FigureSettings, Format

_COLOUR = re.compile(r"(?:fill|stroke): (#[0-9a-f]{6})")
_FAMILY = re.compile(r"(font-family: [^;\"]+)")
_STYLE = "</style>"
_LENGTH = re.compile(r'(width|height)="([0-9.]+)pt"')
WIDTH = 1200
DPI = 72  # one pixel a point, so that sizes are pixels of a figure 1200 wide
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
        styled(palette(settings.scheme), settings.language),
        atomic_path(path) as temporary,
    ):
        figure.savefig(temporary, format=kind, dpi=dpi, metadata=metadata)
        if kind == "svg":
            svg = _sized(temporary.read_text(encoding="utf-8"), scale)
            if settings.scheme == "auto":
                svg = _following(svg)
            # where a reader has none of the fonts, letters without serifs are nearest
            temporary.write_text(_FAMILY.sub(r"\1, sans-serif", svg), "utf-8")


def _sized(svg: str, scale: float) -> str:
    """Give the picture its width in pixels; matplotlib writes points, whatever the resolution."""
    head, tag, rest = svg.partition("<svg ")
    attributes, close, body = rest.partition(">")
    attributes = _LENGTH.sub(lambda m: f'{m[1]}="{float(m[2]) * scale:g}"', attributes)
    return f"{head}{tag}{attributes}{close}{body}"


def _following(svg: str) -> str:
    """Let colours turn on a dark screen; what knows no media queries shows the light ones."""
    turned = []
    for match in sorted({(match[0], match[1]) for match in _COLOUR.finditer(svg)}):
        used, colour = match
        dark = in_the_dark(colour)
        if dark != colour:
            name = used.partition(":")[0]
            turned.append(f'[style*="{used}"]{{{name}:{dark}!important}}')
    rules = f"@media screen and (prefers-color-scheme:dark){{{''.join(turned)}}}"
    head, style, rest = svg.partition(_STYLE)
    return f"{head}\n{rules}\n{style}{rest}"


def styled(palette: Palette, language: str) -> Any:
    """Give the context in which a figure is drawn and written."""
    chinese = chinese_font() if language == "zh" else None
    return matplotlib.style.context(
        [
            "default",
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "unstuck",
                "pdf.fonttype": 42,
                "font.family": [LATIN, chinese] if chinese else [LATIN],
                "text.color": palette.ink,
                "axes.facecolor": palette.paper,
                "axes.edgecolor": palette.quiet,
                "axes.labelcolor": palette.quiet,
                "figure.facecolor": palette.paper,
                "savefig.facecolor": palette.paper,
                "xtick.color": palette.quiet,
                "ytick.color": palette.quiet,
                "path.simplify": True,
                # words of a claim are no formulas
                "text.parse_math": False,
            },
        ]
    )
