"""Every compiler and every processor gives the same bits: digests that driver.cpp prints."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from unstuck.lanes import build
from unstuck.lanes.library import load

DRIVER = Path(__file__).with_name("driver.cpp")
HERE = build.TARGETS[build.family()]
COMPILERS = {
    "g++": build.Compiler(("g++",)),
    "clang++": build.Compiler(("clang++",)),
    "zig": build.zig(),
}

pytestmark = pytest.mark.slow


def digests(
    compiler: build.Compiler, march: str, lanes: int, folder: Path, emulator: tuple[str, ...] = ()
) -> str:
    """What the driver prints for one compilation of the kernel."""
    program = folder / "driver"
    subprocess.run(
        [
            *(*compiler.command, *build.FLAGS, compiler.architecture(march), f"-DLANES={lanes}"),
            *("-DREAL=float", f"-DSUFFIX=_{lanes}", "-I", build.FOLDER, "-x", "c++", DRIVER),
            *("-o", program),
        ],
        check=True,
    )
    done = subprocess.run([*emulator, program], capture_output=True, text=True, check=True)
    return done.stdout


def require(name: str) -> build.Compiler:
    there = importlib.util.find_spec("ziglang") if name == "zig" else shutil.which(name)
    if not there:
        pytest.skip(f"{name} is not installed")
    return COMPILERS[name]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four lanes, by the compiler that builds the library here."""
    compiler = build.find_compiler()
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    return digests(compiler, HERE[4], 4, tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize("lanes", HERE)
@pytest.mark.parametrize("name", COMPILERS)
def test_compilers_and_widths_agree(name: str, lanes: int, reference: str, tmp_path: Path) -> None:
    compiler = require(name)
    if lanes > load().lanes:
        pytest.skip(f"this processor has no registers of {lanes} lanes")
    assert digests(compiler, HERE[lanes], lanes, tmp_path) == reference


def test_an_arm_processor_agrees(reference: str, tmp_path: Path) -> None:
    """NEON, four lanes, built by zig and run under emulation."""
    require("zig")
    emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if not emulator:
        pytest.skip("qemu-user is not installed")
    compiler = build.zig("-target", "aarch64-linux-musl", "-static")
    march = build.TARGETS["aarch64"][4]
    assert digests(compiler, march, 4, tmp_path, (emulator,)) == reference
