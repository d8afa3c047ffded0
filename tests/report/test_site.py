"""The pages of a study: whole without a network, all links lead somewhere, numbers are right."""

import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_tables import runs

from unstuck.claims.model import Claim, load_claim
from unstuck.claims.results import load_summaries, save
from unstuck.claims.verdict import decide
from unstuck.environment import commit_of
from unstuck.errors import DataError
from unstuck.files import write_text
from unstuck.report.claim_page import _line, _margins, exclusive
from unstuck.report.margins import by_margin, multiple
from unstuck.report.overview import REACH, Mark, draw, error_share, in_margins, placed
from unstuck.report.site import EXAMPLES, Site, Source, jobs_of_training, stretches
from unstuck.report.spoken import Spoken
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.rule import GROUPS, SAID, Word, combine, position
from unstuck.study.load import parse_study
from unstuck.wording import number

REPOSITORY = Path(__file__).parents[2]
STUDY = {
    "title": "Made up <&>",
    "results": "results",
    "datasets": {"easy": {"source": "digits"}},
    "networks": {"small": {"hidden": [4]}},
    "tuning": {"rates": {"default": {"low": 0.1, "high": 1}}},
    "experiments": {"batch_epochs": {"dataset": "easy", "network": "small", "epochs": 1}},
}


VOID = ("meta", "link", "img", "input", "line", "circle", "rect", "path")


class Reader(HTMLParser):
    """Collects what a page refers to, its ids, its text and the tags it opens."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.ids, self.words, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given[name] for name in ("href", "src") if given.get(name)]
        self.ids += [given["id"]] if "id" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def claim(**given) -> Claim:
    usual = {
        "id": "1.2.5",
        "slug": "small",
        "question": {"en": "Do small <batches> train better?", "zh": "小批次更好吗？"},
        "statement": {"en": "They do.", "zh": "更好。"},
        "answer": {"en": "{V}: by {e} points. {S}", "zh": "{V}：相差 {e} 个百分点。{S}"},
        "regime": "Tiny networks, twelve units.",
        "notes": [28],
        "registered": "2026-11-29",
        "published": [
            {
                "who": "A",
                "year": 2020,
                "where": "B",
                "says": "C",
                "stance": "for",
                "doi": "10.1000/x",
            },
            {
                "who": "D",
                "year": 2021,
                "where": "E",
                "says": "F",
                "stance": "against",
                "arxiv": "2001.00001",
                "checked": True,
            },
        ],
        "measure": {"unit": "percentage points", "margin": 1, "because": "it shows"},
        "primary": {
            "from": "batch_epochs.runs",
            "value": "train_accuracy",
            "arm": {"batch": "8"},
            "reference": {"batch": "full"},
            "over": {"dataset": "mean"},
        },
        "scope": {
            "on test data": {
                "value": "test_accuracy",
                "words": {"en": "on test data", "zh": "在测试数据上"},
            }
        },
    }
    return Claim.model_validate(usual | given)


PICTURES = [
    f"{name}.{suffix}"
    for name in ("1.2.5", "experiment.batch_epochs")
    for suffix in ("svg", "zh.svg")
]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("results")
    made = claim()
    save(decide(made, {"batch_epochs.runs": runs()}), root / "claims/1.2.5")
    (root / "figures").mkdir()
    for name in PICTURES:
        write_text(root / "figures" / name, "<svg xmlns='http://www.w3.org/2000/svg'/>")
    Image.new("RGB", (24, 12)).save(root / "figures/1.2.5.png")
    (root / "tables").mkdir()
    runs().to_csv(root / "tables/batch_epochs.runs.csv", index=False)
    rates = runs().groupby(["dataset", "batch", "lr", "chosen"], as_index=False)["score"].mean()
    rates.assign(heat_score=1).to_csv(root / "tables/batch_epochs.rates.csv", index=False)
    pages = REPOSITORY / "workflow/report/site"
    source = Source(pages, root / "claims", root / "figures", root / "tables", " --configfile a")
    summaries = load_summaries([root / "claims/1.2.5"])
    Site.read(parse_study(STUDY), {"1.2.5": made}, summaries, source).write(root / "report")
    return root / "report"


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_both_languages_have_every_page(site):
    found = [str(page.relative_to(site)) for page in pages(site)]
    english = [name for name in found if not name.startswith("zh/")]
    assert [f"zh/{name}" for name in english] == [name for name in found if name.startswith("zh/")]
    wanted = ("index", "claims/1.2.5", "experiments/batch_epochs", "sections/1.2", "glossary")
    assert {f"{name}.html" for name in wanted} <= set(english)


def assert_links_lead_somewhere(site: Path) -> None:
    for page in pages(site):
        reader = Reader(page.read_text(encoding="utf-8"))
        assert len(set(reader.ids)) == len(reader.ids)
        for link in reader.links:
            if link.startswith(("https://doi.org/", "https://arxiv.org/abs/", "data:,", "#")):
                continue
            assert "://" not in link
            assert (page.parent / link).resolve().exists(), (page, link)


def test_every_link_leads_to_a_file_and_nothing_is_fetched(site):
    assert_links_lead_somewhere(site)


def test_a_study_without_claims_opens_with_its_experiments(site, tmp_path):
    root = site.parent
    source = Source(
        REPOSITORY / "workflow/report/site",
        *(root / "claims", root / "figures", root / "tables"),
    )
    Site.read(parse_study(STUDY), {}, [], source).write(tmp_path)
    assert_links_lead_somewhere(tmp_path)
    for page in (tmp_path / "index.html", tmp_path / "zh/index.html"):
        text = page.read_text(encoding="utf-8")
        reader = Reader(text)
        assert "<h1>Made up &lt;&amp;&gt;</h1>" in text
        assert "experiments/batch_epochs.html" in reader.links
        assert any("figures/experiment.batch_epochs." in link for link in reader.links)
        assert not re.search('class="(counts|effects|filter|findings)"', text)


@pytest.mark.parametrize(
    "lost", [*(f"figures/{name}" for name in PICTURES), "tables/batch_epochs.rates.csv"]
)
def test_what_is_lost_is_missed(site, tmp_path, lost):
    root = tmp_path / "results"
    shutil.copytree(site.parent, root)
    (root / lost).unlink()
    folders = (root / "claims", root / "figures", root / "tables")
    source = Source(REPOSITORY / "workflow/report/site", *folders, "")
    summaries = load_summaries([root / "claims/1.2.5"])
    with pytest.raises(DataError, match=f"{re.escape(lost)} cannot be read"):
        Site.read(parse_study(STUDY), {"1.2.5": claim()}, summaries, source).write(
            tmp_path / "report"
        )


def test_texts_of_a_study_and_a_claim_are_escaped(site):
    assert "Made up &lt;&amp;&gt;" in (site / "study.html").read_text()
    assert "Do small &lt;batches&gt; train better?" in (site / "index.html").read_text()


def test_the_numbers_of_a_page_are_those_of_the_verdict(site):
    summary = load_summaries([site.parent / "claims/1.2.5"])[0]
    for page in (site / "claims/1.2.5.html", site / "zh/claims/1.2.5.html", site / "index.html"):
        text = "".join(Reader(page.read_text(encoding="utf-8")).words)
        language = "zh" if "zh" in page.parts else "en"
        assert summary["sentence"][language] in text
        assert summary["texts"][language]["e"] in text


@pytest.mark.parametrize(
    ("page", "mark"),
    [("claims/1.2.5", "remembered, not looked up"), ("zh/claims/1.2.5", "凭记忆，未核对")],
)
def test_a_finding_is_a_link_and_says_where_it_was_not_looked_up(site, page, mark):
    text = (site / f"{page}.html").read_text(encoding="utf-8")
    findings = re.findall(r'<li><span class="badge (?:yes|no)">.*?</li>', text)
    links = [re.search('<a href="([^"]+)"', each)[1] for each in findings]
    assert links == ["https://doi.org/10.1000/x", "https://arxiv.org/abs/2001.00001"]
    assert [mark in each for each in findings] == [True, False]


def test_a_page_says_where_its_claim_was_tested(site):
    told = "Tiny networks, twelve units."
    for page, heading, text in [
        ("claims/1.2.5", "Where this was tested", told),
        ("zh/claims/1.2.5", "在什么条件下检验", f'<span lang="en">{told}</span>'),
    ]:
        written = (site / f"{page}.html").read_text(encoding="utf-8")
        # without what was done it is no part of that
        assert f"<h2>{heading}</h2><p>{text}</p>" in written


def test_a_margin_that_parts_share_is_said_once():
    source = Source(REPOSITORY / "workflow/report/site", *3 * [Path("nowhere")])
    spoken = Spoken(Site.read(parse_study(STUDY), {}, [], source), "en")
    row = {"role": "primary", "effect": 5, "low": 2, "high": 8, "claims": "effect"}
    row |= {"margin": 1, "scale": "difference", "unit": "percentage points"}
    other = row | {"margin": 2}
    for rows, margin in [([row, row], "1 point"), ([row, other, row], "1 point; 2 points")]:
        told = _margins(spoken, {"comparisons": rows})
        assert f"was {margin}, in" in told["lead"]
        assert len(json.loads(told["parts"])) == margin.count("point")


def test_the_page_of_the_study_has_its_networks_and_budgets(site):
    text = "".join(Reader((site / "study.html").read_text(encoding="utf-8")).words)
    for word in ("small", "fully connected", "Updates a run"):
        assert word in text


def test_runs_are_told_with_the_code_that_trained_them(tmp_path):
    table = "run_id,code\na,abc-1\nb,abc-2\nc,def-1\n"
    (tmp_path / "batch_epochs.runs.csv").write_text(table)
    source = Source(REPOSITORY / "workflow/report/site", *3 * [tmp_path])
    found = Site.read(parse_study(STUDY), {}, [], source).code
    assert found == {"a": "abc", "b": "abc", "c": "def"}


def test_a_page_names_the_commit_of_a_checkout(site, tmp_path):
    def git(*words):
        done = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(done, check=True, capture_output=True, text=True).stdout

    assert commit_of(tmp_path) == ""
    git("init")
    git("commit", "--allow-empty", "-m", "Begin")
    commit = commit_of(tmp_path)
    assert git("rev-parse", "HEAD").startswith(commit)
    root = site.parent
    folders = (root / "claims", root / "figures", root / "tables")
    source = Source(REPOSITORY / "workflow/report/site", *folders, commit=commit)
    Site.read(parse_study(STUDY), {}, [], source).write(tmp_path / "report")
    assert f"{version('unstuck')} {commit}" in (tmp_path / "report/index.html").read_text()


def test_jobs_of_training_are_told_with_their_seconds(tmp_path):
    (tmp_path / "train").mkdir()
    columns, values = "s\th:m:s\tmax_rss\tcpu_time", "6.74\t0:00:06\t371.28\t6.1"
    (tmp_path / "train/easy.tsv").write_text(f"{columns}\n{values}\n")
    assert jobs_of_training(tmp_path) == [{"name": "easy", "seconds": "6.74", "memory": "371"}]
    assert jobs_of_training(tmp_path / "nowhere") == jobs_of_training(None) == []


def test_the_first_page_counts_answers_by_the_words_of_the_rule(site):
    summary = load_summaries([site.parent / "claims/1.2.5"])[0]
    answer = SAID[Word(summary["word"])]
    for page, words in (("index", answer.answer.lower()), ("zh/index", answer.answer_zh)):
        text = (site / f"{page}.html").read_text(encoding="utf-8")
        assert f"<b>1</b>{words}</li></ul>" in text
        assert text.count(f'="{summary["word"]}"') == 2  # a row, and the choice that keeps it


def test_the_method_draws_intervals_that_the_rule_gives_their_words():
    for word, (low, high) in EXAMPLES.items():
        assert position(Estimate((low + high) / 2, low, high, 9, lambda _: (1.0, 1.0)), 1) == word


def test_parts_of_one_measure_are_told_apart_by_letter_and_arms():
    made = load_claim(next((REPOSITORY / "workflow/claims").rglob("2.1.12-*.yaml")))
    source = Source(REPOSITORY / "workflow/report/site", *3 * [Path("nowhere")])
    site = Site.read(parse_study(STUDY), {}, [], source)
    row = dict.fromkeys(("effect", "low", "high", "outcome", "places")) | {"word": "small"}
    rows = [row | {"role": "primary", "line": part, "part": part} for part in "AB"]
    assert [_line(Spoken(site, "en"), each, made)["name"] for each in rows] == [
        "A: momentum against SGD",
        "B: RMSProp against SGD",
    ]
    on_digits = row | {"role": "dataset", "part": "B", "line": "B: on digits", "places": "digits"}
    assert _line(Spoken(site, "zh"), on_digits, made)["name"] == "B：digits"


def test_the_command_and_the_pandas_lines_give_the_number_again(site, monkeypatch, capsys):
    page = (site / "claims/1.2.5.html").read_text(encoding="utf-8")
    assert "figures/1.2.5.svg --configfile a" in page
    code = page.rpartition("<code>")[2].partition("</code>")[0]
    code = (
        code.replace("&#39;", "'").replace("&amp;", "&").replace("&gt;", ">").replace("&lt;", "<")
    )
    monkeypatch.chdir(site / "tables/1.2.5")
    exec(code, {})
    summary = load_summaries([site.parent / "claims/1.2.5"])[0]
    assert float(capsys.readouterr().out) == pytest.approx(summary["comparisons"][0]["effect"])


def test_chinese_pages_speak_chinese(site):
    for page in pages(site / "zh"):
        text = page.read_text(encoding="utf-8")
        # what is quoted from others or belongs to a study says that it is English
        text = re.sub(r'<(\w+)[^>]*lang="en"[^>]*>.*?</\1>', " ", text, flags=re.S)
        text = re.sub(r"<(code|head|title)[^>]*>.*?</\1>", " ", text, flags=re.S)
        plain = re.sub(r"<[^>]+>", " ", text)
        assert not re.search(r"(?:[A-Za-z]{2,} ){4,}", plain), page


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"scale": "difference", "margin": 2, "effect": 4, "low": 2, "high": 6}, (2, 1, 3)),
        ({"scale": "ratio", "margin": 2, "effect": 8, "low": 0.5, "high": 16}, (3, -1, 4)),
        ({"scale": "difference", "margin": 1, "effect": None, "low": None, "high": None}, None),
    ],
)
def test_effects_are_told_in_margins(row, wanted):
    assert in_margins(row) == (wanted if wanted is None else pytest.approx(wanted))
    assert placed(row | {"claims": "effect"}) == in_margins(row)
    turned = None if wanted is None else (-wanted[0], -wanted[2], -wanted[1])
    assert placed(row | {"claims": "equivalence"}) == turned


@pytest.mark.parametrize(
    ("row", "share"),
    [
        ({"value": -0.96, "equals": -1, "tolerance": 0.08, "holds": True}, 0.5),
        ({"value": 3.0, "equals": 3, "tolerance": 0, "holds": True}, 0),
        ({"value": 4.0, "equals": 3, "tolerance": 0, "holds": False}, 2),
        ({"value": 1e-12, "at_most": 1e-10, "holds": True}, 0.01),
        ({"value": 3.0, "at_least": 2.9, "holds": True}, 0.5),
        ({"value": None, "holds": None}, None),
    ],
)
def test_checks_are_told_in_tolerances(row, share):
    usual = dict.fromkeys(("equals", "tolerance", "at_least", "at_most"))
    assert error_share(usual | row) == (share if share is None else pytest.approx(share))


def test_what_has_no_number_is_told_in_words():
    words = {"little": "l", "right": "r", "reverse": "v", "caption": "c"}
    text = draw(
        [Mark("1.1.1", "a", "a", "a", "open", "1.1", said="Not tested")], {"1.1": "S"}, words
    )
    assert ">Not tested</text>" in text
    assert not re.search("<(circle|path) ", text)


def test_lines_that_follow_each_other_are_one():
    assert stretches([3, 1, 2, 7]) == [(1, 3), (7, 7)]


def test_a_line_of_the_scope_has_the_colour_of_its_outcome(site):
    page = (site / "claims/1.2.5.html").read_text(encoding="utf-8")
    rows = re.findall(r'class="line (\w+)".*?badge (\w+)"', page)
    judged = load_summaries([site.parent / "claims/1.2.5"])[0]["comparisons"]
    wanted = [GROUPS.get(row["word"], "open") for row in judged if row["role"] == "primary"]
    assert len(rows) >= 4
    assert all(mark == word for mark, word in rows)
    assert [mark for mark, _ in rows[: len(wanted)]] == wanted


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        # effect, low, high, margin, scale, claims
        ([(5, 2, 8, 1, "difference", "effect")], ["supported", "direction", "small"]),
        ([(0, -3, 3, 1, "difference", "equivalence")], ["undecided", "supported"]),
        ([(-5, -8, -2, 1, "difference", "no worse")], ["contradicted", "undecided", "supported"]),
        ([(1.5, 1.2, 1.8, 2, "ratio", "effect")], ["supported", "direction", "small"]),
        ([(5, 2, 80, 1, "difference", "effect")] * 2, ["supported", "direction"]),
        ([(None, None, None, 1, "difference", "effect")], []),
    ],
)
def test_words_by_margin_are_those_of_the_rule(parts, words):
    names = ("effect", "low", "high", "margin", "scale", "claims")
    rows = [dict(zip(names, part, strict=True)) for part in parts]
    found = by_margin(rows)
    assert [str(each.word) for each in found] == words
    for times in np.geomspace(0.101, 9.9, 50) if found else ():
        judged = []
        for effect, low, high, margin, scale, kind in parts:
            ends = np.array([effect, low, high], float)
            size = margin * times
            if scale == "ratio":
                ends, size = np.log(ends), math.log(multiple(margin, scale, times))
            judged.append(position(Estimate(*ends, 9, lambda _: (1.0, 1.0)), size, kind))
        here = next(each for each in found if times <= each.high)
        assert here.word is combine(judged), times


def test_an_experiment_has_its_picture_values_and_tables(site):
    page = (site / "experiments/batch_epochs.html").read_text(encoding="utf-8")
    words = Reader(page)
    assert "../figures/experiment.batch_epochs.svg" in words.links
    # one without a description is called by its name
    assert '<p class="quiet">Experiment batch_epochs</p>\n<h1>batch epochs</h1>' in page
    assert "../tables/batch_epochs.runs.csv" in words.links
    part = runs().query("chosen and dataset == 'easy' and batch == '8'")
    assert number(float(part["train_accuracy"].mean()), 3) in page
    chinese = (site / "zh/experiments/batch_epochs.html").read_text(encoding="utf-8")
    for text, word in ((page, "all"), (chinese, "全部")):
        final = text.partition("<table>")[2].partition("</table>")[0]
        assert f">{word}</td>" in final


@pytest.mark.parametrize("narrow", [False, True])
def test_a_mark_stands_where_its_effect_is(narrow):
    words = {"little": "l", "right": "r", "reverse": "v", "caption": "c"}
    marks = [
        Mark("1.1.1", "a", "a", "a", "yes", "1.1", [(effect, effect - 1, effect + 1)])
        for effect in (-2, 0, 2)
    ]
    text = draw(marks, {"1.1": "S"}, words, narrow=narrow)
    left, middle, right = (float(x) for x in re.findall(r'<circle cx="([\d.]+)"', text))
    assert right - middle == pytest.approx(middle - left, abs=0.2)
    far = draw(
        [Mark("1.1.1", "a", "a", "a", "yes", "1.1", [(9 * REACH, 8, 99)])], {"1.1": "S"}, words
    )
    assert "<circle" not in far
    both = draw(
        [Mark("1.1.1", "a", "a", "a", "part", "1.1", [(-2, -3, -1), (2, 1, 3)])],
        {"1.1": "S"},
        words,
    )
    assert both.count("<circle") == 2


def test_of_two_statements_that_exclude_each_other_the_one_above_one_half_survives():
    lines = {
        "1.1.7": {"": -40, "by small batches": 30},
        "2.1.2": {"with the full batch": 20, "": 4},
    }
    summaries = [
        {
            "claim": name,
            "comparisons": [
                {
                    "line": line,
                    "effect": effect,
                    "low": effect - 5,
                    "high": effect + 5,
                    "reference": 50,
                }
                for line, effect in each.items()
            ],
        }
        for name, each in lines.items()
    ]
    pages = REPOSITORY / "workflow/report/site"
    source = Source(pages, *3 * [Path("nowhere")])
    site = Site.read(parse_study(STUDY), {}, summaries, source)
    assert [
        (row["shares"], row["survives"]) for row in exclusive(Spoken(site, "en"), "1.1.7")["rows"]
    ] == [
        (["10 % (5 to 15)", "70 % (65 to 75)"], "before any critical point"),
        (["80 % (75 to 85)", "54 % (49 to 59)"], "at a saddle"),
    ]
    assert exclusive(Spoken(site, "en"), "1.2.5") == {}
    for name, each in lines.items():
        made = load_claim(next((REPOSITORY / "workflow/claims").rglob(f"{name}-*.yaml")))
        assert each.keys() <= {"", *made.scope}
    assert not exclusive(
        Spoken(Site.read(parse_study(STUDY), {}, summaries[:1], source), "en"), "1.1.7"
    )


def test_a_study_of_own_claims_speaks_of_no_notes(site, tmp_path):
    root = site.parent
    source = Source(
        REPOSITORY / "workflow/report/site",
        *(root / "claims", root / "figures", root / "tables"),
    )
    summaries = load_summaries([root / "claims/1.2.5"])
    Site.read(parse_study(STUDY), {"1.2.5": claim(notes=[])}, summaries, source).write(tmp_path)
    for page, word in (("index.html", "notes"), ("zh/index.html", "笔记")):
        text = (tmp_path / page).read_text(encoding="utf-8")
        assert "<h1>Made up &lt;&amp;&gt;</h1>" in text
        assert word not in text
        assert word in (root / "report" / page).read_text(encoding="utf-8")
    assert_links_lead_somewhere(tmp_path)


def test_own_notes_stand_beside_ours(site, tmp_path):
    made = claim()
    notes = tmp_path / "notes.txt"
    notes.write_text("\n".join(f"line {number}" for number in range(1, 40)))
    root = site.parent
    source = Source(
        REPOSITORY / "workflow/report/site",
        *(root / "claims", root / "figures", root / "tables"),
        notes=notes,
    )
    summaries = load_summaries([root / "claims/1.2.5"])
    Site.read(parse_study(STUDY), {"1.2.5": made}, summaries, source).write(tmp_path / "report")
    assert "line 28" in (tmp_path / "report/notes.html").read_text()


def test_every_claim_of_the_project_has_its_words_in_chinese():
    for file in sorted((REPOSITORY / "workflow/claims").glob("*/*.yaml")):
        made = load_claim(file)
        for line in made.scope.values():
            assert line.words is not None, (file.name, line)
            assert line.words.zh, (file.name, line)
        for words in (made.did, made.regime):
            assert words is None or words.zh, file.name
