"""Which code a digest covers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from unstuck.study import digests
from unstuck.study.analyses.kinds import KINDS
from unstuck.study.measurements.registry import MEASUREMENTS, module_of

SCRIPTS = Path(__file__).parents[2] / "scripts"
CACHED = (digests.reached_digest, digests.reached_modules, digests._read)


def _clear() -> None:
    for each in CACHED:
        each.cache_clear()


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    _clear()
    yield
    _clear()


def reached(*starts: str | Path) -> set[str]:
    found = digests.reached_modules(*starts)
    return {file.relative_to(digests.PACKAGE).as_posix() for file in found}


def test_imports_are_followed_however_far():
    found = reached("claims/verdict.py")
    assert "claims/selection.py" in found
    # by way of claims/comparison.py
    assert "claims/reductions/arrival.py" in found
    # by way of claims/compared.py
    assert "statistics/shares.py" in found
    assert "figures/pen.py" not in found


def test_a_new_helper_is_found_without_being_named(monkeypatch, tmp_path):
    package = tmp_path / "unstuck"
    for name in ("claims/one.py", "claims/helper.py", "claims/__init__.py", "__init__.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("")
    (package / "claims/one.py").write_text("from unstuck.claims import helper\nimport numpy\n")
    monkeypatch.setattr(digests, "PACKAGE", package)
    # the names of the package decide no result
    assert reached("claims/one.py") == {"claims/one.py", "claims/helper.py", "claims/__init__.py"}


def test_what_lies_beside_a_module_to_be_compiled_counts_but_for_comments(monkeypatch, tmp_path):
    package = tmp_path / "unstuck"
    package.mkdir()
    (package / "one.py").write_text("")
    monkeypatch.setattr(digests, "PACKAGE", package)
    found = []
    for source in ("int a = 1;", "int a = 1; // one", "int a = 2;"):
        (package / "kernel.cpp").write_text(source)
        _clear()
        found.append(digests.reached_digest("one.py"))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("starts", "module", "counts"),
    [
        ([SCRIPTS / "judge_claim.py"], SCRIPTS / "judge_claim.py", True),
        ([SCRIPTS / "judge_claim.py"], SCRIPTS / "train.py", False),
        ([SCRIPTS / "judge_claim.py"], "claims/reductions/rates.py", True),
        ([SCRIPTS / "judge_claim.py"], "statistics/race.py", True),
        ([SCRIPTS / "judge_claim.py"], "report/verification.py", False),
        ([SCRIPTS / "train.py"], "optim/update.py", True),
        ([SCRIPTS / "train.py"], "lanes/build.py", True),
        ([SCRIPTS / "train.py"], "statistics/arrival.py", True),
        ([SCRIPTS / "train.py"], "curvature/hessian/dense.py", False),
        # a study is read by it, and what that gives is a parameter of its own
        ([SCRIPTS / "train.py"], "study/analyses/critical_points/ladder.py", False),
        ([SCRIPTS / "measure.py", module_of("spectra")], "curvature/hessian/dense.py", True),
        ([SCRIPTS / "measure.py", module_of("stalls")], "data/prepare.py", False),
        (
            [SCRIPTS / "analyse.py", "study/analyses/critical_points/ladder.py"],
            "curvature/critical_points/ladder.py",
            True,
        ),
        (
            [SCRIPTS / "analyse.py", "study/analyses/critical_points/ladder.py"],
            "study/analyses/critical_points/taylor.py",
            False,
        ),
        ([SCRIPTS / "judge_claim.py", "figures/kinds/*.py"], "figures/kinds/heat.py", True),
        ([SCRIPTS / "collect_runs.py"], "study/tables.py", True),
    ],
)
def test_a_digest_sees_the_code_that_is_reached_and_not_its_comments(
    monkeypatch: pytest.MonkeyPatch, starts: list[str | Path], module: str | Path, counts: bool
) -> None:
    changed = digests.PACKAGE / module
    read = Path.read_text

    def digest_with(more: str) -> str:
        def text(self: Path, *args: str, **named: str) -> str:
            return read(self, *args, **named) + (more if self == changed else "")

        for each in CACHED:
            each.cache_clear()
        monkeypatch.setattr(Path, "read_text", text)
        return digests.reached_digest(*starts)

    before = digest_with("")
    assert digest_with("\n# a comment\n") == before
    assert (digest_with("\nCHANGED = True\n") != before) == counts


def test_rows_outlive_the_code_that_writes_files() -> None:
    train = SCRIPTS / "train.py"
    rows = digests.reached_modules(train, ends=digests.SETTLED_OF_ROWS)
    assert digests.reached_modules(train) - rows == {digests.PACKAGE / "files.py"}


def test_every_module_counts_somewhere_or_decides_no_result() -> None:
    found = reached(*SCRIPTS.glob("*.py"))
    found |= reached(*(kind.model_construct().module for kind in KINDS.values()))
    found |= reached(*map(module_of, MEASUREMENTS))
    found |= reached("figures/kinds/*.py")
    every = {path.relative_to(digests.PACKAGE).as_posix() for path in digests.PACKAGE.rglob("*.py")}
    assert every - found == {
        *digests.SETTLED,
        # commands of their own, and what only planning imports
        *("claims/documentation.py", "study/documentation.py", "claims/planning.py"),
        "figures/gallery.py",
        "report/recomputed.py",
        *("report/reference.py", "report/verification.py"),
        *("study/analyses/kinds.py", "study/folder.py"),
        # what a user calls
        *(
            f"command/{name}.py"
            for name in ("__init__", "found", "home", "main", "progress", "work")
        ),
    }
