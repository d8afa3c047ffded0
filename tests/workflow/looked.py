"""What a browser sees of a report: every page is opened once, and looked at in every way."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

WIDTHS = (1440, 768, 390)
PICTURED = (1440, 390)
# of an A4 page within its margins, in CSS pixels
PAPER = (673, 1001)
# what the dark scheme changes is contrast alone
SCHEMES: Mapping[str, Mapping[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
# stylesheets that axe asks for itself are refused from the disk, and no rule that is on needs them
OPTIONS = {"resultTypes": ["violations"], "preload": False}
LINKS = """[...document.querySelectorAll("a[href]")].map(
    each => new URL(each.href.baseVal ?? each.href, location).href)"""
HEIGHTS = """[...document.querySelectorAll("figure, tr, pre, li")].map(
    each => each.getBoundingClientRect().height)"""


@dataclass
class Looked:
    """How much was looked at, and what was wrong with it.

    Attributes
    ----------
    said
        Messages on the console, errors, and requests that failed.
    lost
        Pages with links that lead nowhere.
    wide
        Pages that scroll sideways, with the width of the screen.
    closely
        Pages that axe and the printer looked at.
    high
        Printed things that are higher than the paper.
    violations
        What axe found: page, scheme, rule and where.
    """

    pages: int = 0
    requests: int = 0
    links: int = 0
    closely: int = 0
    said: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    wide: list[tuple[str, int]] = field(default_factory=list)
    high: list[tuple[str, float]] = field(default_factory=list)
    violations: list[tuple[str, str, str, list[str]]] = field(default_factory=list)


def look(
    browser: Any, axe: Any, site: Path, closely: Collection[Path], pictured: Mapping[Path, Path]
) -> Looked:
    """Look at every page of a report.

    Parameters
    ----------
    closely
        Pages that are looked at by axe, in both schemes, and on paper.
    pictured
        Pages of which pictures are kept, and where.
    """
    seen = Looked()
    page = browser.new_page()
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))
    page.on("requestfailed", lambda request: seen.said.append(request.url))
    page.on("request", lambda request: _asked(seen, request.url))
    for file in sorted(site.rglob("*.html")):
        name = str(file.relative_to(site))
        seen.pages += 1
        _sized(page, WIDTHS[0])
        page.goto(file.as_uri())
        _links(seen, name, page.evaluate(LINKS))
        if file in closely:
            seen.closely += 1
            _open(seen, name, page, axe)
        for width in WIDTHS:
            _sized(page, width)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                seen.wide.append((name, width))
            if file in pictured and width in PICTURED:
                picture = pictured[file]
                page.screenshot(
                    path=picture.with_name(f"{picture.name}-{width}.png"), full_page=True
                )
        if file in closely:
            page.set_viewport_size(dict(zip(("width", "height"), PAPER, strict=True)))
            page.emulate_media(media="print")
            seen.high += [(name, each) for each in page.evaluate(HEIGHTS) if each > PAPER[1]]
            page.emulate_media(media="screen")
    page.close()
    return seen


def _sized(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})


def _asked(seen: Looked, url: str) -> None:
    seen.requests += 1
    if urlsplit(url).scheme not in ("file", "data"):
        seen.outside.append(url)


def _links(seen: Looked, name: str, links: list[str]) -> None:
    seen.links += len(links)
    for link in map(urlsplit, links):
        if link.scheme == "file" and not Path(unquote(link.path)).is_file():
            seen.lost.append((name, link.path))


def _open(seen: Looked, name: str, page: Any, axe: Any) -> None:
    """Look for what keeps a reader out."""
    for scheme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        found = axe.run(page, options={**rules, **OPTIONS})
        for each in found.response["violations"]:
            where = [node["html"] for node in each["nodes"][:2]]
            seen.violations.append((name, scheme, each["id"], where))
    page.emulate_media(color_scheme="light")
