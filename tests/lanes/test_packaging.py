"""A wheel has the kernel inside, built by a compiler that pip brings where the machine has none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILERS = ("g++", "c++", "gcc", "cc", "clang++", "clang")


def without_compilers(folder: Path) -> str:
    """Make a folder of links to all programs on the path but compilers."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).glob("*"):
            link = folder / program.name
            if program.name.split("-")[0] not in COMPILERS and not link.exists():
                link.symlink_to(program)
    return str(folder)


@pytest.mark.slow
@pytest.mark.parametrize("has_compiler", [True, False])
def test_a_wheel_has_a_kernel_that_works(tmp_path: Path, has_compiler: bool) -> None:
    if has_compiler and not shutil.which("g++"):
        pytest.skip("g++ is not installed")
    environment = {name: value for name, value in os.environ.items() if name != "CXX"}
    if not has_compiler:
        environment["PATH"] = without_compilers(tmp_path / "programs")
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "MANIFEST.in",
        "Snakefile",
        "config.yaml",
    ):
        shutil.copy(ROOT / name, source)
    for name in ("src", "packaging", "workflow", "scripts", "profiles", "docs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.so"))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", wheels, source],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if "No matching distribution found" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    (wheel,) = wheels.glob("unstuck-*-py3-none-*.whl")
    shutil.unpack_archive(wheel, tmp_path / "installed", "zip")
    said = subprocess.run(
        [sys.executable, "-c", "from unstuck.lanes.library import load; print(load().compiler)"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("GCC" if has_compiler else "clang")
    # the workflow is inside, where the command finds it from any folder
    said = subprocess.run(
        [sys.executable, "-c", "from unstuck.command.main import cli; cli(['plan', 'mine.yaml'])"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path / "installed/unstuck/home/docs/examples",
        capture_output=True,
        text=True,
        check=True,
    )
    snakefile = said.stdout.partition("--snakefile ")[2].split()[0]
    assert Path(snakefile).is_relative_to(tmp_path / "installed")
    planned = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--dry-run", "--snakefile", snakefile),
            *("--configfile", tmp_path / "installed/unstuck/home/docs/examples/mine.yaml"),
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert planned.returncode == 0, planned.stderr
    # the profile beside the Snakefile decides how jobs are listed
    assert "train" in planned.stdout + planned.stderr
