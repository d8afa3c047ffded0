"""What a wrong claim gets: one sentence that names the file, the key, the value and the way out."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from unstuck.claims.model import load_claim, load_claims
from unstuck.claims.planning import claim_files, planned_claims
from unstuck.errors import ConfigError, RegistryError
from unstuck.study.load import load_study
from unstuck.study.plan import Plan

REPOSITORY = Path(__file__).parents[2]
NAME = "x.1-mine.yaml"
MINE = {
    "question": "Do small batches train better?",
    "statement": "Small batches train better.",
    "measure": {"value": "train_accuracy", "unit": "percentage points", "margin": 1},
    "primary": {
        "from": "batch_epochs.runs",
        "arm": {"batch": 8},
        "reference": {"batch": "full"},
        "where": {"lr_policy": "tuned"},
        "over": {"dataset": "mean"},
    },
    "answer": "{V}: batches of 8 are {e} points {better|worse} ({lo} to {hi}). {S}",
}


def changed(path: str, value: object) -> dict:
    """The claim above with one key set, or taken away where the value is `...`."""
    content = deepcopy(MINE)
    *parents, last = path.split("/")
    here = content
    for key in parents:
        here = here.setdefault(key, {})
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return content


def written(folder: Path, content: object, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


PUBLISHED = {"who": "A", "year": 2000, "where": "B", "says": "C", "stance": "for"}

WRONG_FILES = [
    # what is missing
    ("question", ..., "key 'question' is missing"),
    ("answer", ..., "key 'answer' is missing"),
    ("primary", ..., "key 'primary' is missing"),
    ("primary/from", ..., "primary.from is missing: name the table it reads"),
    ("primary/arm", ..., "primary.arm is missing: say what is compared with the reference"),
    ("primary/reference", ..., "key 'primary.reference' is missing"),
    ("measure/value", ..., "key 'primary.value' is missing"),
    ("measure/unit", ..., "key 'primary.unit' is missing"),
    ("measure/margin", ..., "key 'primary.margin' is missing"),
    # what is unknown
    ("quesion", "?", "key 'quesion' is unknown; did you mean 'question'?"),
    ("primary/refrence", {}, "key 'primary.refrence' is unknown; did you mean 'reference'?"),
    ("measure/scale", "log", "key 'measure.scale': 'log' is wrong; it should be 'difference' or"),
    ("measure/claims", "better", "key 'measure.claims': 'better' is wrong; it should be 'effect'"),
    (
        "measure/statistic",
        "median",
        "key 'measure.statistic': 'median' is wrong; it should be 'mean'",
    ),
    ("primary/over", {"dataset": "median"}, "key 'primary.over.dataset': 'median' is wrong"),
    ("kind", "guess", "key 'kind': 'guess' is wrong; it should be 'exact' or 'measured'"),
    (
        "measure/value",
        {"updates_till": {}},
        "primary.value: the reduction 'updates_till' is unknown",
    ),
    ("measure/value", {"mean": {"colum": "x"}}, "primary.value: mean takes no argument 'colum'"),
    ("measure/value", {"exceeds": {}}, "primary.value: exceeds needs the argument 'column'"),
    ("measure/value", {"mean": {}, "largest": {}}, "is one reduction with its arguments"),
    ("scope", {"late": {"of": "B"}}, "scope.late.of is 'B'; parts of the primary are none"),
    ("answer", "{V}: {effect} points.", "answer.en names {effect}, which is no number here"),
    ("figure", "lines", "key 'figure': 'lines' is wrong"),
    (
        "figure",
        {"kind": "effects", "beside": ["B"]},
        "figure.beside names 'B'; parts of the primary are none",
    ),
    (
        "figure",
        {"kind": "effects", "below": [{"kind": "effects", "beside": False}]},
        "below has a picture with beside, which is for the first one alone",
    ),
    (
        "figure",
        {"kind": "scatter", "from": "e.runs", "where": {"lr": "best"}, "x": "lr", "y": "lr"},
        "where takes the best, which only lines and arms can draw",
    ),
    # what makes no sense
    ("primary/from", "batch_epochs", "primary.from is 'batch_epochs': it should be <experiment"),
    ("primary/reference", {"batch": 8}, "primary: arm and reference are the same"),
    ("measure/margin", -1, "key 'measure.margin': -1 is wrong; it should be more than 0"),
    ("measure/margin", "one", "key 'measure.margin': 'one' is wrong; it should be a number"),
    # what is of another type, and no number though another reader would take it for one
    ("measure/margin", "5", "key 'measure.margin': '5' is wrong; it should be a number"),
    ("measure/margin", True, "key 'measure.margin': true is wrong; it should be a number"),
    ("measure/best", float("inf"), "measure.best: inf is wrong; it should be a finite number"),
    ("primary/least", 2.0, "key 'primary.least': 2.0 is wrong; it should be a whole number"),
    ("notes", ["4"], "key 'notes.0': '4' is wrong; it should be a whole number"),
    ("notes", [10**12], "notes.0: 1e+12 is wrong; it should be at most 1,000,000,000"),
    (
        "measure",
        {"value": "updates", "unit": "times", "scale": "ratio", "margin": 0.5},
        "primary: the margin of a ratio is a factor above 1, not 0.5",
    ),
    ("measure/scale", "ratio", "primary: the margin of a ratio is a factor above 1, not 1"),
    ("measure/against", "lr", "primary: `against` and statistic `correlation` belong together"),
    (
        "measure",
        {"value": "stalled", "unit": "shares", "statistic": "share", "margin": 5},
        "primary: the unit of a share is percentage points, not 'shares'",
    ),
    ("kind", "exact", "primary of an exact claim is a check: give it `holds`"),
    ("primary/holds", {"at_least": 1}, "primary.arm belongs to a comparison, but `holds` makes it"),
    (
        "primary",
        {"from": "a.b", "value": "x", "holds": {"at_least": 1}},
        "primary of a measured claim is a comparison: give it `arm`",
    ),
    ("scope", {"late": {"reduce": "max"}}, "scope.late.reduce belongs to a check, which has"),
    ("scope", {"c": {"from": "a.b", "holds": {}}}, "needs either `equals` or `at_least`"),
    ("primary/where/lr", {}, "a range needs `at_least`, `at_most` or both"),
    ("numbers", {"k": {"value": "loss"}}, "key 'numbers.k.from' is missing"),
    ("numbers", {"k": {"from": []}}, "key 'numbers.k.from': "),
    ("published", [{"who": "A"}], "key 'published.0.year' is missing"),
    (
        "published",
        [PUBLISHED | {"url": "javascript:alert(1)"}],
        "key 'published.0.url': 'javascript:alert(1)' is wrong",
    ),
    ("id", "x.2", "key 'id' is 'x.2', but the file's name says 'x.1'"),
]


@pytest.mark.parametrize(("path", "value", "words"), WRONG_FILES)
def test_a_wrong_file_gets_one_sentence(tmp_path, path, value, words):
    with pytest.raises(RegistryError) as error:
        load_claim(written(tmp_path, changed(path, value)))
    sentence = str(error.value)
    assert sentence.startswith(f"{NAME}: ")
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("mine.yaml", MINE, "the file of a claim is called <id>-<slug>.yaml"),
        (NAME, "- a\n- b\n", "must hold a mapping of keys"),
        (NAME, "question: a\nquestion: b\n", "'question' stands twice"),
        (NAME, "question: {", "is not valid YAML"),
        (NAME, "primary:\n  where: {1e-3: 1}", "the key '1e-3' in line 2 is no word; quote it"),
    ],
)
def test_a_file_that_is_no_claim(tmp_path, name, content, words):
    with pytest.raises(RegistryError, match=words):
        load_claim(written(tmp_path, content, name))


def test_two_files_with_one_id_or_slug(tmp_path):
    first = written(tmp_path, MINE)
    for name in ("x.1-other.yaml", "x.2-mine.yaml"):
        with pytest.raises(RegistryError, match="is taken by"):
            load_claims([first, written(tmp_path / "more", MINE, name)])


WRONG_STUDIES = [
    ("primary/from", "batch_epoch.runs", "it reads the table batch_epoch.runs, which this study"),
    ("primary/arm", {"batch": 9}, "no row has batch 9; there are 128, 32, 8, full; add it to the"),
    ("primary/arm", {"bach": 8}, "has no column 'bach'; did you mean 'batch'?"),
    ("primary/where", {"optimizer": "adam"}, "no row has optimizer 'adam'; there are sgd"),
    ("primary/over", {"datset": "mean"}, "has no column 'datset'; did you mean 'dataset'?"),
    ("primary/over", {}, "the arm has several values of unit 10000, with dataset digits, "),
    (
        "primary/reference",
        {"batch": [32, 128]},
        "the reference has several values of unit 10000, with batch 128, 32; say which in `where`",
    ),
    ("measure/value", "train_acuracy", "has no column 'train_acuracy'; did you mean"),
    ("measure/value", {"mean": {"column": "speed"}}, "has no column 'speed'"),
    ("primary/units", "start", "has no column 'start'"),
    ("scope", {"late": {"where": {"batch": 9}}}, "late: batch_epochs.runs: no row has batch 9"),
    (
        "scope",
        {"c": {"from": "grid.spectra", "value": "smoothness", "holds": {"at_least": 1}}},
        "c: grid.spectra has no column 'smoothness'",
    ),
    (
        "numbers",
        {"k": {"from": "batch_epochs.runs", "where": {"batch": 9}, "reduce": "count"}},
        "numbers.k: batch_epochs.runs: no row has batch 9",
    ),
]


@pytest.fixture(scope="module")
def plan():
    return Plan(load_study(REPOSITORY / "config.yaml"))


@pytest.mark.parametrize(("path", "value", "words"), WRONG_STUDIES)
def test_a_claim_that_the_study_cannot_tell_gets_one_sentence(tmp_path, plan, path, value, words):
    written(tmp_path, changed(path, value))
    with pytest.raises(ConfigError) as error:
        planned_claims([str(tmp_path / "*.yaml")], tmp_path / "none", plan)
    sentence = str(error.value)
    assert sentence.startswith("claims: x.1, ")
    assert words in sentence
    assert "\n" not in sentence


def test_a_claim_of_a_users_own_is_planned_with_the_tables_it_reads(tmp_path, plan):
    written(tmp_path, MINE)
    planned = planned_claims([str(tmp_path / "*.yaml")], tmp_path / "none", plan)
    assert list(planned) == ["x.1"]
    assert planned["x.1"].tables == ("batch_epochs.runs",)


def test_what_is_asked_for_must_be_there(tmp_path, plan):
    with pytest.raises(ConfigError, match=r"no file is called 'nowhere/\*\.yaml'"):
        claim_files(["nowhere/*.yaml"], tmp_path)
    written(tmp_path / "1.2", MINE, "1.2.5-small.yaml")
    with pytest.raises(ConfigError, match=r"claims: '1\.2\.6' is unknown; did you mean '1\.2\.5'"):
        planned_claims(["1.2.6"], tmp_path, plan)
