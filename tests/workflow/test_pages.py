"""The smoke study's pages in a browser: without a network, on any screen, for every reader."""

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
from urllib.parse import unquote, urlsplit

import pytest
from checkout import REPOSITORY, Checkout
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
# claims of the project, and bytes of its report as a zip
OURS, MOST_BYTES = 46, 8_000_000
WIDTHS = (390, 768, 1440)
PICTURED = (390, 1440)
# of a projector, and how many of its screens the first page may be high
SCREEN, SCREENS = (1440, 900), 4
# of an A4 page within its margins, in CSS pixels
PAPER = (673, 1001)
# heights of a claim's figure and of each picture below it
FIGURE, BELOW = 675, 470
KINDS = (
    *("index", "notes", "method", "study", "dictionary", "glossary", "sections/1.1"),
    *("claims/1.2.5", "claims/1.1.3", "claims/1.1.6", "experiments/grid"),
)

CONTRAST = ["color-contrast"]

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


def kinds(site: Path) -> list[Path]:
    """A page of every kind in both languages."""
    return [site / folder / f"{name}.html" for folder in ("", "zh") for name in KINDS]


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


def test_no_page_complains_reaches_out_or_scrolls_sideways(site, browser):
    page = browser.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: said.append(request.url))
    wide = []
    for file in sorted(site.rglob("*.html")):
        page.goto(file.as_uri())
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wide.append((str(file.relative_to(site)), width))
    page.close()
    assert (said, wide) == ([], [])
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data"}


def test_every_link_of_a_page_leads_somewhere(site, browser):
    page = browser.new_page()
    lost = []
    for file in kinds(site):
        page.goto(file.as_uri())
        links = page.eval_on_selector_all(
            "a[href]", "all => all.map(a => a.href.baseVal ?? a.href)"
        )
        for link in (urlsplit(page.evaluate("to => new URL(to, location).href", x)) for x in links):
            if link.scheme == "file" and not Path(unquote(link.path)).is_file():
                lost.append((file.name, link.path))
    page.close()
    assert lost == []


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


# what the other scheme changes is contrast alone
@pytest.mark.parametrize(("scheme", "rules"), [("light", {}), ("dark", {"runOnly": CONTRAST})])
def test_pages_are_open_to_every_reader(site, browser, scheme, rules):
    page = browser.new_page(color_scheme=scheme)
    found = []
    for file in kinds(site):
        page.goto(file.as_uri())
        for each in axe.Axe().run(page, options=rules).response["violations"]:
            where = [node["html"] for node in each["nodes"][:2]]
            found.append((str(file.relative_to(site)), each["id"], where))
    page.close()
    assert found == []


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


def test_nothing_is_too_high_for_a_printed_page(site, browser):
    page = browser.new_page(viewport={"width": PAPER[0], "height": PAPER[1]})
    page.emulate_media(media="print")
    high = []
    for file in kinds(site):
        page.goto(file.as_uri())
        found = page.eval_on_selector_all(
            "figure, tr, pre, li", "all => all.map(each => each.getBoundingClientRect().height)"
        )
        high += [(file.name, height) for height in found if height > PAPER[1]]
    page.close()
    assert high == []


def test_pictures_of_pages_are_kept(site, browser):
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in PICTURED:
        page = browser.new_page(viewport={"width": width, "height": 900})
        for file in kinds(site):
            page.goto(file.as_uri())
            name = str(file.relative_to(site).with_suffix("")).replace("/", "-")
            page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)
        page.close()
    assert len(list(PICTURES.glob("*.png"))) >= len(PICTURED) * 2 * len(KINDS)


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


@pytest.mark.skipif(not VALIDATOR, reason="VNU_JAR names no validator: HTML was not validated")
def test_html_is_valid(site):
    command = ["java", "-jar", VALIDATOR, "--errors-only", "--skip-non-html", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
