"""Pages in a browser: without a network, on any screen, for every reader.

Those of the smoke study; the slow part looks at every page of the default study (`make pages`).
"""

import contextlib
import html
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import REPOSITORY, Checkout
from looked import PICTURED, SCHEMES, WIDTHS, Looked, look
from PIL import Image

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="no playwright: pages were not looked at"
)
playwright = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
# https://validator.github.io/validator, such as npm's vnu-jar has it
VALIDATOR = os.environ.get("VNU_JAR", "")
# what a reader can look at afterwards, by eye
PICTURES = REPOSITORY / "build/pages"
DEFAULT = REPOSITORY / "results/report"
# what was seen of the default study's report
DOCUMENT = REPOSITORY / "docs/pages.md"
HEAD = """# What a browser sees of the report

Written by `make pages` from `tests/workflow/test_pages.py`, which opens every page of the default
study's report in headless Chromium, in both languages, from the disk and without a server. Axe and
the printer get a page of each kind in both. An ordinary test run looks so at the smoke study.

| looked at | how much | wrong |
| --- | --- | --- |
"""
# claims of the project, and bytes of its report as a zip
OURS, MOST_BYTES = 46, 8_000_000
# of a projector, and how many of its screens the first page may be high
SCREEN, SCREENS = (1440, 900), 4
# heights of a claim's figure and of each picture below it
FIGURE, BELOW = 675, 470
KINDS = (
    *("index", "notes", "method", "study", "dictionary", "glossary", "sections/1.1"),
    *("claims/1.2.5", "claims/1.1.3", "claims/1.1.6", "experiments/grid"),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: pages were not looked at")


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["smoke", pytest.param("default", marks=pytest.mark.slow)])
def site(request: pytest.FixtureRequest) -> Path:
    if request.param == "smoke":
        checkout: Checkout = request.getfixturevalue("finished")
        return checkout.folder / "results/smoke/report"
    if not (DEFAULT / "index.html").exists():
        pytest.skip("the default study has not run here: make")
    return DEFAULT


@pytest.fixture(scope="module")
def looked(site, browser) -> Looked:
    """Every page, looked at once, and one of each kind closely.

    Pages of a kind are one template in both languages: of the smoke study two Chinese are enough.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    pictured = {
        file: PICTURES / str(file.relative_to(site).with_suffix("")).replace("/", "-")
        for file in kinds(site)
    }
    closely = kinds(site) if site == DEFAULT else kinds(site, ("index", "claims/1.2.5"))
    return look(browser, axe.Axe(), site, closely, pictured)


@pytest.fixture(scope="module")
def validated(site) -> list[str]:
    """What the validator says of the pages."""
    if not VALIDATOR:
        pytest.skip("VNU_JAR names no validator: HTML was not validated")
    # the quick compiler of Java, which its short run needs half the time with
    quick = ["-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command = ["java", *quick, "-jar", VALIDATOR, "--errors-only", "--skip-non-html", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.splitlines() or ["it ended in an error"] * done.returncode


def kinds(site: Path, chinese: tuple[str, ...] = KINDS) -> list[Path]:
    """A page of every kind, and Chinese pages of these or of some."""
    named = [site / f"{name}.html" for name in KINDS]
    return named + [site / "zh" / f"{name}.html" for name in chinese]


def test_a_report_is_small_enough_to_hand_around(site, tmp_path):
    packed = Path(shutil.make_archive(str(tmp_path / "report"), "zip", site)).stat().st_size
    claims = len(list((site / "claims").glob("*.html")))
    # a study of fewer claims than ours says what one of all would come to
    assert packed * max(1, OURS / claims) <= MOST_BYTES
    assert (site / "index.html").stat().st_size <= 200_000


@pytest.mark.parametrize("page", ["index.html", "zh/index.html"])
def test_the_first_page_is_few_screens_high(site, browser, page):
    shown = browser.new_page(viewport=dict(zip(("width", "height"), SCREEN, strict=True)))
    shown.goto((site / page).as_uri())
    height = shown.evaluate("document.documentElement.scrollHeight")
    marks = shown.locator(".wide a[href^='claims/']").count()
    assert marks == shown.locator(".findings tbody tr").count() > 0
    shown.close()
    assert height <= SCREENS * SCREEN[1]


def test_no_page_complains_reaches_out_or_scrolls_sideways(looked):
    assert (looked.said, looked.outside, looked.wide) == ([], [], [])
    assert looked.pages > 1


def test_every_link_of_a_page_leads_somewhere(looked):
    assert looked.lost == []
    assert looked.links > looked.pages


def test_pages_are_open_to_every_reader(looked):
    assert looked.violations == []
    assert looked.closely > 1


def test_nothing_is_too_high_for_a_printed_page(looked):
    assert looked.high == []


def test_pictures_of_pages_are_kept(looked):
    assert len(list(PICTURES.glob("*.png"))) >= len(PICTURED) * 2 * len(KINDS)


def test_a_reader_finds_rows_by_words_answers_and_sections(site, browser):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    rows = page.locator(".findings tbody tr")
    left = page.locator(".findings tbody tr:not([hidden])")
    every = rows.count()
    page.fill("[name=words]", "batch")
    found = left.all_inner_texts()
    assert 0 < len(found) < every
    assert all("batch" in text.lower() for text in found)
    page.fill("[name=words]", "")
    for name, kept in (("word", "data-word"), ("section", "data-section")):
        choice = page.locator(f"[name={name}] option").last.get_attribute("value")
        page.select_option(f"[name={name}]", choice)
        assert {row.get_attribute(kept) for row in left.all()} == {choice}
        page.select_option(f"[name={name}]", "")
    assert left.count() == every
    page.fill("[name=words]", "zzzz")
    assert page.locator(".nothing").is_visible()
    page.close()


def test_a_margin_that_is_moved_has_the_word_of_its_stretch(site, browser):
    page = browser.new_page()
    seen = 0
    for file in (site / folder / "claims" for folder in ("", "zh")):
        for claim in sorted(file.glob("*.html")):
            if 'class="margins"' not in claim.read_text(encoding="utf-8"):
                continue
            page.goto(claim.as_uri())
            words = page.locator(".margins li")
            if words.count() < 2:
                continue
            seen += 1
            for at, place in (("-1", words.first), ("1", words.last)):
                page.locator(".margins input").fill(at)
                assert "on" in (place.get_attribute("class") or "").split()
                word = place.locator("b").inner_text()
                assert page.locator(".margins output").inner_text().endswith(word)
    page.close()
    assert seen > 0


def test_pages_are_whole_without_scripts(site, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert all(row.is_visible() for row in page.locator(".findings tbody tr").all())
    assert not page.locator(".filter").is_visible()
    page.goto((site / "claims/1.2.5.html").as_uri())
    assert all(line.is_visible() for line in page.locator(".margins li, .effects tr").all())
    context.close()


def test_every_page_names_its_other_language_and_says_what_it_is(site):
    lacking = []
    for file in sorted(site.rglob("*.html")):
        head = file.read_text(encoding="utf-8").partition("</head>")[0]
        other = re.search(r'hreflang="(?:en|zh-Hans)" href="([^"]+)"', head)[1]
        picture = re.search(r'og:image" content="([^"]+)"', head)
        described = re.search(r'og:description" content="[^"]+"', head)
        if not (file.parent / other).is_file() or not described:
            lacking.append(str(file.relative_to(site)))
        if file.parent.name == "claims" and not (file.parent / picture[1]).is_file():
            lacking.append(str(file.relative_to(site)))
    assert lacking == []


def test_no_english_sentence_is_left_on_a_chinese_page(site):
    left = []
    for file in sorted((site / "zh").rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        # where a finding was published, and what a data set is called
        text = re.sub(r'<(cite|td) lang="en">.*?</\1>', " ", text, flags=re.DOTALL)
        text = re.sub(r"<(code|head|title)[^>]*>.*?</\1>", " ", text, flags=re.DOTALL)
        found = re.search(r"(?:[A-Za-z]{2,} ){4,}", re.sub(r"<[^>]+>", " ", text))
        left += [(str(file.relative_to(site)), found[0])] if found else []
    assert left == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_stands_on_the_paper_of_its_page(site, browser, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto((site / "claims/1.2.5.html").as_uri())
    place = page.locator("figure img").bounding_box()
    seen = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    page.close()
    corner = (place["x"] + 4, place["y"] + place["height"] - 4)
    assert seen.getpixel(tuple(map(int, corner))) == seen.getpixel((1, 1))
    assert (max(seen.getpixel((1, 1))) < 64) == (scheme == "dark")


def test_figures_are_16_to_9_but_for_pictures_below(site):
    sizes = {
        file.name: re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', file.read_text("utf-8")).groups()
        for file in (site / "figures").glob("[1-9].*.svg")
    }
    odd = {
        name: size
        for name, size in sizes.items()
        if size[0] != "1200" or (float(size[1]) - FIGURE) % BELOW
    }
    assert len(sizes) > 1
    assert odd == {}


def test_the_lines_of_pandas_on_every_page_give_the_number_of_its_verdict(site, monkeypatch):
    wrong, seen = [], 0
    for page in sorted((site / "claims").glob("*.html")):
        found = re.search("<code>(import [^<]*)</code>", page.read_text("utf-8"))
        if found is None:
            continue
        seen += 1
        monkeypatch.chdir(site / "tables" / page.stem)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(html.unescape(found[1]), {})
        verdict = json.loads(Path("verdict.json").read_text("utf-8"))
        rows = [row for row in verdict["comparisons"] if row["role"] == "primary"]
        if rows and float(out.getvalue()) != pytest.approx(rows[0]["effect"], rel=1e-9):
            wrong.append(page.stem)
        if not rows and "holds" not in out.getvalue():
            wrong.append(page.stem)
    assert seen > 0
    assert wrong == []


def test_html_is_valid(validated):
    assert validated == []


def test_what_was_seen_is_written_down(site, looked, request):
    rows = {
        "pages: messages on the console, errors, requests that failed": (looked.pages, looked.said),
        "requests: to anywhere but the disk": (looked.requests, looked.outside),
        "links: to a file that is not there": (looked.links, looked.lost),
        f"pages at {', '.join(map(str, WIDTHS))} px: that scroll sideways": (
            looked.pages * len(WIDTHS),
            looked.wide,
        ),
        "pages by axe, all rules in the light scheme, contrast in the dark: violations": (
            looked.closely * len(SCHEMES),
            looked.violations,
        ),
        "pages on paper: rows and figures higher than A4": (looked.closely, looked.high),
    }
    assert all(count > 0 for count, _ in rows.values())
    if not request.config.getoption("--write-pages") or site != DEFAULT:
        return
    rows["pages by the validator vnu: errors"] = (
        looked.pages,
        request.getfixturevalue("validated"),
    )
    lines = [f"| {name} | {count:,} | {len(wrong)} |\n" for name, (count, wrong) in rows.items()]
    DOCUMENT.write_text(HEAD + "".join(lines), encoding="utf-8")
