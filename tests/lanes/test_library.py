"""The library says what it was built from, and is not used where it does not fit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from unstuck.errors import ConfigError, KernelError
from unstuck.lanes import build, library
from unstuck.lanes.library import VARIABLE, WIDTHS, load


@pytest.fixture(autouse=True)
def unforced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def processor_lanes() -> int:
    """Ask the kernel of the system which registers there are."""
    flags = set(Path("/proc/cpuinfo").read_text().split())
    if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags:
        return 16
    return 8 if {"avx2", "bmi1", "bmi2", "fma", "f16c", "movbe"} <= flags else 4


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="/proc/cpuinfo is the reference")
def test_the_widest_registers_of_the_processor_are_taken() -> None:
    assert load().lanes == processor_lanes()


def test_the_variable_names_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "4")
    assert load().lanes == 4
    assert load(double=True).double


@pytest.mark.parametrize("value", ["5", "avx2", "-4"])
def test_an_unknown_width_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ConfigError, match=f"{VARIABLE} is '{value}'; it may be 16, 8, 4"):
        load()


def test_more_lanes_than_the_processor_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = library._opened(build.LIBRARY)
    monkeypatch.setattr(library, "_opened", lambda path: (opened[0], 4, opened[2]))
    monkeypatch.setenv(VARIABLE, "16")
    with pytest.raises(KernelError, match="16 lanes are asked for, but this processor holds 4"):
        load()


def test_a_missing_library_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(KernelError, match=f"is missing.*run {build.COMMAND}"):
        library._opened(tmp_path / "kernel.so")


def test_a_damaged_library_names_the_command(tmp_path: Path) -> None:
    (tmp_path / "kernel.so").write_bytes(build.source_digest().encode())
    with pytest.raises(KernelError, match=f"cannot be opened.*run {build.COMMAND}"):
        library._opened(tmp_path / "kernel.so")


def test_a_library_of_other_sources_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(build.LIBRARY, tmp_path / "kernel.so")
    monkeypatch.setattr(library, "source_digest", lambda: "0123456789abcdef")
    with pytest.raises(KernelError, match=f"built from other sources; run {build.COMMAND}"):
        library._opened(tmp_path / "kernel.so")


def test_an_unknown_processor_has_no_kernel() -> None:
    with pytest.raises(KernelError, match="x86_64 and aarch64, not for sparc64"):
        build.family("sparc64")


def test_a_build_that_fails_leaves_the_library_as_it_was(tmp_path: Path) -> None:
    output = tmp_path / "kernel.so"
    output.write_text("as it was")
    with pytest.raises(KernelError, match="cannot be run"):
        build.build(output, build.Compiler(("/nowhere/c++",)))
    with pytest.raises(KernelError, match="failed"):
        build.build(output, build.Compiler((sys.executable, "-c", "raise SystemExit(1)")))
    assert [path.name for path in tmp_path.iterdir()] == ["kernel.so"]
    assert output.read_text() == "as it was"


@pytest.mark.skipif(not shutil.which("nm"), reason="nm reads the library's symbols")
def test_compilations_share_no_function() -> None:
    """A shared one would be linked for one processor and called on all."""
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", build.LIBRARY], capture_output=True, text=True, check=True
    )
    symbols = [line.split()[-2:] for line in listed.stdout.splitlines()]
    suffixes = (*(f"_{lanes}" for lanes in WIDTHS), "_4_double")
    own = [(kind, name) for kind, name in symbols if not name.startswith("_")]
    once = [name for _, name in own if not name.endswith(suffixes)]
    assert sorted(once) == ["lanes_compiler", "lanes_source", "lanes_widest"]
    assert {kind for kind, name in own if name.endswith(suffixes)} == {"T"}
