"""The command: tables of calls, what they say and how they end."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from unstuck.claims.planning import planned_claims
from unstuck.command.home import CLAIMS, EXAMPLES, HOME
from unstuck.command.main import cli
from unstuck.command.work import YARDSTICK, read_rates, work_of
from unstuck.data.prepare import prepare
from unstuck.files import write_json
from unstuck.study.folder import take
from unstuck.study.load import load_study
from unstuck.study.paths import Paths
from unstuck.study.plan import Plan
from unstuck.training.job import run_job

#: seconds of the processor that the whole default study took where the rates were measured
DEFAULT_SECONDS = 2753

STUDY: dict[str, Any] = {
    "title": "Tiny",
    "results": "results/tiny",
    "datasets": {"digits": {"source": "digits", "train": 64, "validation": 32, "test": 32}},
    "networks": {"small": {"hidden": [4]}},
    "tuning": {"rates": {"default": {"low": 0.01, "high": 0.1}}, "extensions": 0},
    "experiments": {
        "batch_epochs": {
            **{"dataset": "digits", "network": "small", "batch_size": [8, "full"], "lr": "tuned"},
            **{"epochs": 2, "evaluations": 2, "seeds": 2},
        }
    },
    "claims": [],
}


def called(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, as a newcomer's, to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def study(folder: Path) -> str:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(STUDY))
    return "tiny.yaml"


@pytest.fixture
def trained(study: str) -> Plan:
    """A study of which all runs are trained, and one claim is judged."""
    plan = Plan(load_study(study))
    root = plan.study.results
    take(root, plan.study.title, study, "c0de")
    dataset = prepare(plan.study.datasets["digits"], plan.split_units("digits"))
    dataset.save(f"{root}/data/digits.safetensors", f"{root}/data/digits.json")
    for name, job in plan.jobs.items():
        run_job(job.cells, dataset, Path(root, "runs", name))
    part = {"role": "primary", "line": "", "word": "supported", "effect": 30.06, "units": 40}
    content = {
        "question": {"en": "Better?", "zh": "更好吗？"},
        "answer": {"en": "Yes: 30.1 points.", "zh": "是：30.1。"},
        **{"comparisons": [part], "checks": []},
    }
    place = Path(Paths(root).judged[0].format(claim="1.2.5"))
    place.parent.mkdir(parents=True)
    write_json(place, content)
    return plan


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--help"], "unstuck new mine.yaml"),
        (["--version"], "unstuck, version"),
        (["plan", "--help"], "before anything runs"),
        (["check", "tiny.yaml"], "ok: tiny.yaml judges 0 claims"),
        (["new", "own.yaml"], "own.yaml is written"),
        (["claim", "new", "x.1-mine"], "my-claims/x.1-mine.yaml is written"),
    ],
)
def test_what_is_right_ends_well(study: str, words: list[str], said: str) -> None:
    done = called(*words)
    assert (done.exit_code, said in done.output) == (0, True), done.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["check", "none.yaml"], "none.yaml cannot be read"),
        (["check", "wrong.yaml"], "wrong.yaml: networks.small.hidden"),
        (["plan", "wrong.yaml"], "wrong.yaml: networks.small.hidden"),
        (["plan", "granting.yaml"], "granting.yaml: code: only --code can allow code"),
        (["new", "tiny.yaml"], "tiny.yaml is there already; give another name."),
        (["new", "My Study.yml"], "a study is called by lower-case letters"),
        (["claim", "new", "mine"], "a claim is called by an id and a slug, such as x.1-mine."),
        (["answer", "x.1", "--results", "empty"], "empty holds no claim that was judged"),
        (["answer", "1.2.5"], "results holds no results; name their folder with --results."),
        (["show", "abc"], "results holds no results; name their folder with --results."),
    ],
)
def test_what_is_wrong_gets_one_sentence(study: str, words: list[str], sentence: str) -> None:
    Path("wrong.yaml").write_text(yaml.safe_dump(STUDY | {"networks": {"small": {"hidden": "4"}}}))
    take("empty", "Nothing", "nothing.yaml", "c0de")
    Path("granting.yaml").write_text(yaml.safe_dump(STUDY | {"code": "mine.py"}))
    done = called(*words)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert sentence in done.output
    assert done.output.count("\n") == 1


def test_a_new_study_and_claim_are_right_together(folder: Path) -> None:
    called("new", "own.yaml")
    called("claim", "new", "x.1-mine")
    text = Path("own.yaml").read_text()
    assert "results: results/own " in text
    # as the tutorial says
    planned = called("plan", "own.yaml").output
    assert "runs        460, in 10 cells" in planned
    assert "jobs        19, " in planned
    Path("own.yaml").write_text(text.replace("claims: []", 'claims: ["my-claims/*.yaml"]'))
    assert called("check", "own.yaml").output == "ok: own.yaml judges 1 claim\n"


def test_the_readme_shows_the_new_study() -> None:
    shown = (HOME / "README.md").read_text().split("```yaml\n")[1].partition("```")[0]
    assert yaml.safe_load(shown) == yaml.safe_load((EXAMPLES / "mine.yaml").read_text())


def test_a_plan_counts_what_is_trained(trained: Plan) -> None:
    work = work_of(trained, ())
    # both cells race three rates on both units, so that nothing is left to finalists
    expected = sum(len(read) for read in _tables(trained))
    assert sum(each.runs for each in work.values()) == expected == 12
    # 8 batches of 8, and one of all 64, for two epochs
    assert sum(each.updates for each in work.values()) == 6 * 2 * 8 + 6 * 2
    said = called("plan", "tiny.yaml").output
    assert "runs        12, in 2 cells" in said
    assert "updates     108" in said
    assert re.search(r"  digits +64 inputs \(1 × 8 × 8\), 10 classes; 64 to train, 32 to", said)


def _tables(plan: Plan) -> list[Any]:
    import pandas as pd

    place = Paths(plan.study.results).job("runs.parquet")
    return [pd.read_parquet(place.format(job=job)) for job in plan.jobs]


def test_the_default_study_is_estimated_within_30_percent() -> None:
    plan = Plan(load_study(HOME / "config.yaml"))
    work = work_of(plan, planned_claims(plan.study.claims, CLAIMS, plan))
    rates = read_rates()
    seconds = sum(each.seconds(rates) for each in work.values())
    assert seconds == pytest.approx(DEFAULT_SECONDS, rel=0.3)


def test_a_machine_half_as_fast_takes_twice_as_long(
    trained: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = read_rates()[YARDSTICK]["seconds"]

    def minutes(slower: float) -> int:
        monkeypatch.setattr("unstuck.command.work.yardstick", lambda: slower * measured)
        found = re.search(r"processor +(\d+) min", called("plan", "tiny.yaml").output)
        assert found
        return int(found[1])

    assert minutes(100) > 1
    assert minutes(200) == pytest.approx(2 * minutes(100), abs=1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_answer_in_the_terminal(trained: Plan, language: str) -> None:
    said = called("answer", "1.2.5", "--language", language).output
    assert {"en": "Yes: 30.1 points.", "zh": "是：30.1。"}[language] in said
    assert "supported" in said
    assert "30.06" in said
    assert "did you mean '1.2.5'?" in called("answer", "1.2.6").output


def test_a_run_is_shown_and_its_script_trains_it_to_the_same_bits(
    trained: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    (rows, *_) = _tables(trained)
    row = rows[rows["chosen"]].iloc[0]
    said = called("show", row["run_id"][:12]).output
    assert said.startswith(f"Run {row['run_id']} of results/tiny/runs/")
    assert f"  batch                 {row['batch']}\n" in said
    script = said.partition("to the same bits:\n")[2]
    space: dict[str, Any] = {}
    exec(script, space)
    again = space["unstuck"].train([space["run"]], space["data"]).runs.iloc[0]
    for name in ("train_loss", "test_loss", "gradient_norm"):
        assert again[name] == row[name]
    assert json.loads(space["run"].model_dump_json())["seed"] == row["seed"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "x"], "'x' is the beginning of no run"),
        (["show", ""], "'' is the beginning of 12 runs"),
        (["show", "RUN", "--study", "other.yaml"], "other.yaml is not the study of this run"),
        (["show", "RUN", "--study", "module.yaml"], "net.py is code, which a study alone does not"),
        (
            ["show", "RUN", "--study", "module.yaml", "--code", "net.py"],
            "module.yaml is not the study of this run",
        ),
    ],
)
def test_a_run_that_cannot_be_told(trained: Plan, words: list[str], sentence: str) -> None:
    Path("other.yaml").write_text(yaml.safe_dump(STUDY | {"networks": {"small": {"hidden": [5]}}}))
    Path("net.py").write_text("class Net: ...\n")
    own = {"kind": "module", "file": "net.py", "name": "Net"}
    Path("module.yaml").write_text(yaml.safe_dump(STUDY | {"networks": {"small": own}}))
    (rows, *_) = _tables(trained)
    done = called(*(rows["run_id"].iloc[0] if word == "RUN" else word for word in words))
    assert done.exit_code == 1
    assert sentence in done.output
