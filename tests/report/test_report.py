"""The pages: whole, linked, escaped, in both languages, and the same every time."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError
from unstuck.files import write_csv
from unstuck.report.sentences import chinese
from unstuck.report.tables import read_decided

HOSTILE = "<script>alert('1 & 2')</script>"
SEEDS = tuple(range(10))
VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """A page's elements, its text, and whether its tags close in order."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []  # language, text
        self._open: list[tuple[str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self._open, f"{path.name} leaves {self._open} open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.elements.append((tag, given))
        language = given.get("lang", self._open[-1][1] if self._open else "")
        if tag not in VOID:
            self._open.append((tag, language))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        opened, _ = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open:
            self.texts.append((self._open[-1][1], data.strip()))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [given for name, given in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [given["id"] for _, given in self.elements if "id" in given]

    @property
    def text(self) -> str:
        return " ".join(text for _, text in self.texts)


def pages(out: Path) -> Iterator[tuple[Path, Page]]:
    for path in sorted(out.glob("*.html")):
        yield path, Page(path)


def references(page: Page) -> Iterator[str]:
    for _, given in page.elements:
        for key in ("href", "src"):
            if key in given and not given[key].startswith("data:"):
                yield given[key]


def test_there_is_a_page_for_every_claim_of_the_study(laid):
    names = {path.name for path in laid.out.glob("*.html")}
    tested = {f"{row.id}-{row.slug}.html" for row in laid.verdicts.claims.itertuples()}
    assert names == tested | {"index.html", "glossary.html"}


def test_every_link_resolves(laid):
    anchors = {path.name: page.ids for path, page in pages(laid.out)}
    seen = 0
    for path, page in pages(laid.out):
        for reference in references(page):
            parts = urlsplit(reference)
            if parts.scheme:
                assert reference == "https://archive.ics.uci.edu/dataset/80"
                continue
            target = unquote(parts.path) or path.name
            assert (laid.out / target).is_file(), f"{path.name} links to {reference}"
            if parts.fragment:
                assert parts.fragment in anchors[target], f"{path.name} links to {reference}"
            seen += 1
    assert seen > 50


def test_nothing_is_loaded_from_elsewhere(laid):
    for path, page in pages(laid.out):
        for tag in ("img", "script", "link", "iframe"):
            for given in page.all(tag):
                source = given.get("src", given.get("href", ""))
                assert source.startswith("data:,") or not urlsplit(source).scheme, path
    style = (laid.out / "style.css").read_text()
    assert "url(" not in style
    assert "@import" not in style


def test_pages_are_accessible(laid):
    for path, page in pages(laid.out):
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("h1")) == 1, path
        levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3")]
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert len(set(page.ids)) == len(page.ids), path
        for image in page.all("img"):
            assert len(image["alt"]) > 10
            assert int(image["width"]) > 0
            assert int(image["height"]) > 0


def test_claims_stand_in_both_languages(laid):
    for row in laid.verdicts.claims.itertuples():
        page = Page(laid.out / f"{row.id}-{row.slug}.html")
        claim = laid.registry[row.id]
        assert ("en", claim.statement.en) in page.texts
        assert ("zh", claim.statement.zh) in page.texts


def test_chinese_has_no_spaces_of_broken_lines():
    assert chinese("损失下降； 从 y = 1 出发，　 第 1 步") == "损失下降；从 y = 1 出发，　第 1 步"


def test_verdicts_are_words_and_not_only_colours(laid):
    text = Page(laid.out / "index.html").text
    for row in laid.verdicts.claims.itertuples():
        assert row.verdict in text
        assert row.verdict in Page(laid.out / f"{row.id}-{row.slug}.html").text


def test_claims_without_an_experiment_are_listed_without_a_page(laid):
    page = Page(laid.out / "index.html")
    assert laid.registry["3.1.3"].statement.en in page.text
    assert "not in this study" in page.text
    assert not any(link.get("href", "").startswith("3.1.3") for link in page.all("a"))


def test_effects_are_said_in_words(laid):
    text = Page(laid.out / "1.1.6-claim-1-1-6.html").text
    row = laid.verdicts.contrasts.query("id == '1.1.6' and role == 'effect'").iloc[0]
    interval = f"95 % CI {row.ci_low:.2f} to {row.ci_high:.2f}, 10 seeds"
    assert f"{row.effect:.2f} points ({interval})" in text
    assert "the margin is ±1 points" in text


def test_ratios_are_shown_as_ratios(laid):
    text = Page(laid.out / "2.1.10-claim-2-1-10.html").text
    assert "×4.5 (95 % CI ×" in text
    assert "the margin is ×2 or ÷2" in text


def test_a_long_reason_is_counted_first_and_told_in_parts(laid, tmp_path):
    long = "; ".join(f"supported for part {n} of {'what was said' * 5}" for n in range(6))
    verdicts = laid.verdicts.claims.copy()
    verdicts.loc[verdicts["id"].isin(["1.1.3", "1.2.5"]), ["verdict", "reason"]] = "depends", long
    out = laid.render(out=tmp_path / "report", verdicts=verdicts)
    page = Page(out / "1.2.5-claim-1-2-5.html")
    said = [text for _, text in page.texts]
    assert any(text.startswith("Of 9 effects, ") for text in said)
    assert f"{long.split('; ')[2].capitalize()}." in said
    assert not any(long in text for text in said)
    exact = Page(out / "1.1.3-claim-1-1-3.html")
    assert "2 of 2 checks hold." in [text for _, text in exact.texts]
    assert "Of 9 effects, " in Page(out / "index.html").text


def test_words_between_backticks_are_code(tmp_path, make_claim, lay_out):
    claim = make_claim("1.1.3", "exact", cost="The experiment `a<b`, no more.")
    checked = Evidence("1.1.3", checks=(Check("sum", 1.0, 1.0, 0.0),))
    laid = lay_out(tmp_path, {"1.1.3": claim}, (checked,))
    laid.render()
    page = (laid.out / "1.1.3-claim-1-1-3.html").read_text(encoding="utf-8")
    assert "The experiment <code>a&lt;b</code>, no more." in page


def test_exact_claims_show_their_checks(laid):
    text = Page(laid.out / "1.1.3-claim-1-1-3.html").text
    for part in ("smaller eigenvalue at the origin", "−2", "1 × 10⁻¹²", "2 of 2 checks hold"):
        assert part in text


def test_uncounted_contrasts_say_why(laid):
    text = Page(laid.out / "1.2.5-claim-1-2-5.html").text
    assert "not counted" in text
    assert "The best rate lies on the edge of the grid." in text


def test_published_findings_stand_beside_ours(laid):
    text = Page(laid.out / "1.2.5-claim-1-2-5.html").text
    for part in ("Keskar et al. 2017, table 2", "Shallue et al. 2019, section 5"):
        assert part in text
    assert text.index("For the claim") < text.index("Keskar") < text.index("Against it")


def test_two_renderings_are_the_same_bytes(laid, tmp_path):
    again = laid.render(out=tmp_path / "again")
    files = {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    assert files == {p.relative_to(laid.out) for p in laid.out.rglob("*") if p.is_file()}
    for file in files:
        assert (again / file).read_bytes() == (laid.out / file).read_bytes(), file
        assert str(tmp_path).encode() not in (again / file).read_bytes()


def test_tables_read_from_csv_give_the_same_pages(laid, tmp_path):
    tables = {}
    for name in ("claims", "contrasts"):
        write_csv(tmp_path / f"{name}.csv", getattr(laid.verdicts, name))
        tables[name] = read_decided(tmp_path / f"{name}.csv")
    again = laid.render(
        out=tmp_path / "again", verdicts=tables["claims"], contrasts=tables["contrasts"]
    )
    for path in laid.out.glob("*.html"):
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_hostile_text_is_escaped(tmp_path, make_claim, lay_out):
    claim = make_claim(
        "1.2.5",
        "measured",
        statement={"en": HOSTILE, "zh": HOSTILE},
        regime=HOSTILE,
        did={"en": HOSTILE, "zh": HOSTILE},
        cost=HOSTILE,
        effect={"what": HOSTILE, "unit": HOSTILE, "margin": 1},
        published=[
            {"who": HOSTILE, "year": 2000, "where": HOSTILE, "says": HOSTILE, "stance": "for"}
        ],
    )
    exact = make_claim("1.1.3", "exact", statement={"en": HOSTILE, "zh": HOSTILE})
    effect = Contrast(HOSTILE, HOSTILE, {}, SEEDS, (2.0,) * 10, note=HOSTILE)
    control = Contrast("none", "digits", {}, SEEDS, (0.0,) * 10, role="negative control")
    evidence = (
        Evidence("1.1.3", checks=(Check(HOSTILE, 1, 1, 0),)),
        Evidence("1.2.5", contrasts=(effect, control), numbers={HOSTILE: HOSTILE}),
    )
    laid = lay_out(tmp_path, {"1.1.3": exact, "1.2.5": claim}, evidence)
    study = laid.study.model_copy(update={"title": HOSTILE, "description": HOSTILE})
    laid.render(study=study)
    for path, page in pages(laid.out):
        assert [each for each in page.all("script") if each != {"src": "filter.js"}] == [], path
        if path.name != "glossary.html":
            assert "&lt;script&gt;" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "missing", ["evidence/1.2.5/values.csv", "figures/1.2.5.png", "forests/1.2/1.2.5.svg"]
)
def test_a_missing_input_is_named(laid, tmp_path, missing):
    root = laid.out.parent
    for name in ("evidence", "figures", "forests"):
        shutil.copytree(root / name, tmp_path / name)
    (tmp_path / missing).unlink()
    sources = replace(
        laid.sources,
        evidence=tmp_path / "evidence",
        figures=tmp_path / "figures",
        forests=tmp_path / "forests",
    )
    with pytest.raises(DataError, match=Path(missing).name):
        laid.render(sources=sources, out=tmp_path / "report")


def test_a_damaged_figure_is_named(laid, tmp_path):
    figures = tmp_path / "figures"
    shutil.copytree(laid.sources.figures, figures)
    (figures / "1.1.3.svg").write_text("<svg")
    with pytest.raises(DataError, match=r"1\.1\.3\.svg is no whole SVG"):
        laid.render(sources=replace(laid.sources, figures=figures), out=tmp_path / "report")


def test_verdicts_of_an_unknown_claim_are_refused(laid, tmp_path):
    registry = {key: claim for key, claim in laid.registry.items() if key != "1.2.5"}
    with pytest.raises(DataError, match=r"claim 1\.2\.5, which the registry lacks"):
        laid.render(registry=registry, out=tmp_path / "report")


def test_a_study_without_any_claim_still_has_a_first_page(laid, tmp_path):
    out = laid.render(
        out=tmp_path / "report",
        verdicts=laid.verdicts.claims.head(0),
        contrasts=laid.verdicts.contrasts.head(0),
    )
    assert {path.name for path in out.glob("*.html")} == {"index.html", "glossary.html"}
    assert Page(out / "index.html").text.count("not in this study") >= len(laid.registry)


def test_the_filter_knows_every_verdict_on_the_page(laid):
    page = Page(laid.out / "index.html")
    offered = {each["value"] for each in page.all("input")} - {"all"}
    assert offered == {each["data-verdict"] for each in page.all("tr") if "data-verdict" in each}


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"verdicts\.csv is no table of verdicts"):
        read_decided(tmp_path / "verdicts.csv")
