"""What the project is built and run with: exact versions, with checksums, the same everywhere."""

import re
import subprocess
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
LOCK = (REPOSITORY / "requirements.lock").read_text()
#: of conda-forge, where it calls a package otherwise
CONDA = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
#: that only plan a study or belong to Snakemake, which stands beside the environments of its jobs
NOT_IN_JOBS = {"snakemake", "snakemake-logger-plugin-rich"}


def pinned(text: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s\\]+)", text, re.MULTILINE)
    return {str(canonicalize_name(name)): version for name, version in found}


VERSIONS = pinned(LOCK) | pinned((REPOSITORY / "torch.lock").read_text())


def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def test_every_package_of_the_lock_has_checksums_and_no_place() -> None:
    parts = re.split(r"\n(?=\w)", LOCK.partition("\n\n")[0])
    entries = [part for part in parts if not part.startswith("#")]
    assert len(entries) == len(pinned(LOCK)) > 100
    for entry in entries:
        head, *hashes = entry.split(" \\\n")
        assert re.fullmatch(r"[\w.-]+==[\w.+!]+", head), head
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}\n?", each) for each in hashes), (
            head
        )
    assert "://" not in LOCK


def test_the_lock_has_what_the_project_asks_for() -> None:
    content = project()["project"]
    asked = [*content["dependencies"], *content["optional-dependencies"]["dev"]]
    for need in map(Requirement, asked):
        assert VERSIONS[canonicalize_name(need.name)] in need.specifier, need


def test_build_tools_are_those_of_the_lock() -> None:
    (backend,) = project()["build-system"]["requires"]
    assert backend == f"setuptools=={VERSIONS['setuptools']}"
    assert "pip" in VERSIONS
    assert re.search(r'"ziglang==[\d.]+"', (REPOSITORY / "packaging/backend.py").read_text())


def test_the_conda_environment_has_the_versions_of_the_lock() -> None:
    path = REPOSITORY / "workflow/envs/unstuck.yaml"
    *entries, last = yaml.safe_load(path.read_text())["dependencies"]
    pairs = [entry.split(" =") for entry in entries] + [each.split(" ==") for each in last["pip"]]
    held = {CONDA.get(name, name): version for name, version in pairs}
    needs = {Requirement(need).name for need in project()["project"]["dependencies"]}
    assert held.keys() == (needs - NOT_IN_JOBS) | {"python", "pip"}
    del held["python"]
    for name, version in held.items():
        assert f"{VERSIONS[name]}.".startswith(f"{version}."), name


def test_nothing_of_others_lies_in_the_repository() -> None:
    """Scripts, styles, fonts, archives and binaries that are not the project's own."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    foreign = {
        ".js",
        ".css",
        ".woff",
        ".woff2",
        ".ttf",
        ".otf",
        ".gz",
        ".zip",
        ".whl",
        ".so",
        ".jar",
    }
    found = {path for path in listed.stdout.splitlines() if Path(path).suffix in foreign}
    own = {"docs/site.css", "workflow/report/site/page.js", "workflow/report/site/style.css"}
    assert found <= own
