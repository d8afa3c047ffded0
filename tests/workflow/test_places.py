"""A small study from anywhere, moved, touched and damaged: what is lost is made again, no more."""

import html
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import REPOSITORY, Checkout, copy_repository

TINY = {
    "title": "Tiny",
    "results": "results/tiny",
    "datasets": {"digits": {"source": "digits", "train": 64, "validation": 32, "test": 32}},
    "networks": {"small": {"hidden": [4]}},
    "tuning": {"rates": {"default": {"low": 0.01, "high": 0.1}}},
    "experiments": {
        "steps": {
            "dataset": "digits",
            "network": "small",
            "batch_size": ["full"],
            "lr": [0.1],
            "updates": 4,
            "evaluations": 2,
            "seeds": 2,
            "sharpness": [{}],
        }
    },
    "analyses": {"softmax": {"kind": "softmax"}},
    "claims": ["2.2.2"],
}
#: braces in a name are no wildcards
STUDY = "ti{n}y.yaml"
#: what is given beside it; Snakemake leaves its numbers words
GIVEN = "experiments={steps: {lr: [1e-1], batch_size: [full]}}"
JOB = "steps-digits-small-sgd-full-off"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return copy_repository(tmp_path_factory.mktemp("places") / "unstuck")


@pytest.fixture(scope="module")
def done(checkout: Checkout) -> Path:
    """A folder outside the checkout in which the study has run."""
    folder = checkout.folder.parent / "elsewhere"
    folder.mkdir()
    (folder / STUDY).write_text(yaml.safe_dump(TINY))
    snakefile = str(checkout.folder / "Snakefile")
    given = ("--configfile", STUDY, "--config", GIVEN)
    checkout.snakemake("--snakefile", snakefile, *given, where=folder)
    return folder


def planned(checkout: Checkout, folder: Path) -> dict[str, int]:
    found = checkout.planned(
        *(STUDY, "--config", GIVEN, "--snakefile", str(checkout.folder / "Snakefile")),
        where=folder,
    ).counts
    return {rule: count for rule, count in found.items() if rule != "all"}


def test_the_command_on_a_page_says_all_that_was_given(checkout: Checkout, done: Path) -> None:
    page = html.unescape((done / "results/tiny/report/claims/2.2.2.html").read_text())
    (command,) = re.findall("snakemake results/tiny/figures/2.2.2.svg.*?(?=<)", page)
    words = shlex.split(command)[1:]
    assert words[-1].startswith("experiments=")
    checkout.snakemake("--snakefile", str(checkout.folder / "Snakefile"), *words, where=done)
    assert planned(checkout, done) == {}


#: how files are moved from a folder to another, times kept or not
WAYS = {
    "cp -r": 'cp -r "$@" {to}',
    "cp -a": 'cp -a "$@" {to}',
    "tar": 'tar -c "$@" | tar -x -C {to}',
    "ln -s": 'cp -a "$1" {to} && ln -s "$PWD/$2" {to}',
}


@pytest.mark.parametrize(
    ("way", "memory"),
    [("cp -r", False), ("cp -r", True), ("cp -a", True), ("tar", False), ("ln -s", False)],
)
def test_what_was_moved_has_nothing_to_do(
    checkout: Checkout, done: Path, way: str, memory: bool
) -> None:
    target = done.with_name("copy")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    parts = [STUDY, "results", *([".snakemake"] if memory else [])]
    subprocess.run(["sh", "-c", WAYS[way].format(to=target), "sh", *parts], cwd=done, check=True)
    if way == "cp -r":
        # as the order of copying may leave it
        data = target / "results/tiny/data/digits.safetensors"
        os.utime(data, (data.stat().st_mtime + 60,) * 2)
    assert planned(checkout, target) == {}


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_a_clone_and_a_branch_and_back_have_nothing_to_do(
    checkout: Checkout, done: Path, tmp_path: Path
) -> None:
    """Where the folder of the checkout is the one that the results are in, as they mostly are."""

    def git(*words: str, where: Path) -> None:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *who, *words], cwd=where, check=True, capture_output=True)

    own, clone = tmp_path / "own", tmp_path / "clone"
    shutil.copytree(checkout.folder, own, ignore=shutil.ignore_patterns(".snakemake", "results"))
    (own / ".gitignore").write_text("results\n.snakemake\n*.so\n__pycache__\n")
    shutil.copy(done / STUDY, own)
    for words in (["init"], ["add", "."], ["commit", "-m", "Begin"], ["clone", ".", str(clone)]):
        git(*words, where=own)
    kernel = "src/unstuck/lanes/kernel.so"
    shutil.copy(own / kernel, clone / kernel)  # `make` compiles it
    for folder in (own, clone):
        shutil.copytree(done / "results", folder / "results", copy_function=shutil.copyfile)
    assert planned(Checkout(clone), clone) == {}
    (clone / "scripts/train.py").write_text("import unstuck.command.main\n")
    given = ("--configfile", STUDY, "--config", GIVEN, "--dry-run")
    said = Checkout(clone).snakemake(*given, where=clone)
    assert "was made by other code than this" in said.stdout + said.stderr
    # what made the results is in Snakemake's memory alone
    shutil.copytree(done / ".snakemake", own / ".snakemake")
    git("checkout", "-b", "other", where=own)
    for path in ("scripts/train.py", "src/unstuck/training/loop.py", "workflow/rules/train.smk"):
        (own / path).write_text((own / path).read_text() + "\nOTHER = 1\n")
    git("commit", "-a", "-m", "Change", where=own)
    assert "train" in planned(Checkout(own), own)
    git("checkout", "-", where=own)
    assert planned(Checkout(own), own) == {}


def test_times_of_the_checkout_say_nothing(checkout: Checkout, done: Path) -> None:
    for part in ("scripts", "workflow", "src"):
        for file in (checkout.folder / part).rglob("*"):
            os.utime(file)
    assert planned(checkout, done) == {}


@pytest.mark.parametrize(
    "lost",
    [
        {f"runs/{JOB}/endpoints.safetensors": {"train", "measurement"}},
        {"data/digits.json": {"dataset"}},
        {
            f"measurements/{JOB}/sharpness.parquet": {"measurement"},
            "analyses/softmax/vectors.csv": {"analysis_softmax"},
        },
        {
            "tables/steps.runs.csv": {"runs"},
            "tables/steps.sharpness.csv": {"table"},
            "claims/2.2.2/values.csv": {"claim"},
        },
        {"figures/2.2.2.svg": {"claim"}, "verdicts.csv": {"answers"}},
        {"report": {"report"}},
    ],
)
def test_what_is_lost_is_planned_again(
    checkout: Checkout, done: Path, lost: dict[str, set[str]]
) -> None:
    root, kept = done / "results/tiny", done / "kept"
    kept.mkdir(exist_ok=True)
    for number, path in enumerate(lost):
        (root / path).rename(kept / str(number))
    try:
        found = set(planned(checkout, done))
    finally:
        for number, path in enumerate(lost):
            (kept / str(number)).rename(root / path)
    assert set().union(*lost.values()) <= found
    assert "plan" not in found


# the second is where the Snakemake Workflow Catalog and snakedeploy look
@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_a_workflow_takes_this_one_as_a_module(
    checkout: Checkout, done: Path, snakefile: str
) -> None:
    folder = done.with_name("module")
    folder.mkdir(exist_ok=True)
    (folder / "Snakefile").write_text(
        f'configfile: "{done / STUDY}"\n'
        f'module unstuck:\n    snakefile: "{checkout.folder / snakefile}"\n    config: config\n'
        "use rule * from unstuck as unstuck_*\n"
        "rule all:\n    default_target: True\n    input: rules.unstuck_all.input\n"
    )
    said = checkout.snakemake("--dry-run", where=folder)
    assert "unstuck_report" in said.stdout + said.stderr


@pytest.mark.parametrize("how", ["configfile", "module"])
def test_a_study_without_experiments_is_not_taken_for_the_default(
    checkout: Checkout, tmp_path: Path, how: str
) -> None:
    study = {key: value for key, value in TINY.items() if key != "experiments"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(study))
    snakefile = checkout.folder / "Snakefile"
    given = ["--snakefile", str(snakefile), "--configfile", "mine.yaml"]
    if how == "module":
        (tmp_path / "Snakefile").write_text(
            f'configfile: "mine.yaml"\nmodule unstuck:\n    snakefile: "{snakefile}"\n'
            "    config: config\nuse rule * from unstuck\n"
        )
        given = []
    done = checkout.snakemake(*given, "--dry-run", check=False, where=tmp_path)
    assert done.returncode == 1
    assert "experiments is missing; it is required." in done.stdout + done.stderr


def test_an_experiment_given_by_config_changes_the_default_study(
    checkout: Checkout, tmp_path: Path
) -> None:
    (checkout.folder / "config.yaml").write_text(yaml.safe_dump(TINY))
    given = ("--config", "experiments={steps: {seeds: 3}}", "--dry-run")
    done = checkout.snakemake(
        "--snakefile", str(checkout.folder / "Snakefile"), *given, where=tmp_path
    )
    assert "Up to 3 runs would be trained, 12 updates in all" in done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_cleaning_deletes_the_default_study_and_no_other(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    kept = ("README.md", "mine/study.json", "mine/tables/grid.runs.csv")
    for name in (*kept, "study.json", "verdicts.csv", "tables/grid.runs.csv", "runs/job/runs.csv"):
        file = tmp_path / "results" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {path for path in (tmp_path / "results").rglob("*") if path.is_file()}
    assert left == {tmp_path / "results" / name for name in kept}
