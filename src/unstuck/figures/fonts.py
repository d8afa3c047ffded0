"""Fonts: matplotlib's own for Latin letters, and one of the machine's for Chinese."""

import logging
from functools import cache
from pathlib import Path

from matplotlib import font_manager

LATIN = "DejaVu Sans"  # comes with matplotlib, so that widths are the same everywhere

# most wanted first; the names under which Linux, macOS and Windows have them
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "Droid Sans Fallback",
    "Noto Sans CJK JP",  # the first face of Noto's collection, with all of its letters
    "Arial Unicode MS",
)

_log = logging.getLogger(__name__)
# most Chinese fonts have no bold face, which is no reason for a line in every log
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


@cache
def chinese_font() -> str | None:
    """Give the name of an installed font with Chinese letters, None if there is none."""
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    if known.isdisjoint(CHINESE):  # matplotlib's list may be older than a font
        for path in font_manager.findSystemFonts():
            if any(word in Path(path).stem.lower() for word in ("cjk", "wqy", "han", "hei", "sc")):
                font_manager.fontManager.addfont(path)
        known = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in CHINESE if name in known), None)


def language_that_can_be_drawn(language: str) -> str:
    """Give the language, or English where no font on this machine has its letters."""
    if language == "zh" and chinese_font() is None:
        _log.warning(
            "No font with Chinese letters is installed, so figures are in English; "
            "Debian has fonts-wqy-microhei and fonts-noto-cjk."
        )
        return "en"
    return language
