"""Compile the kernel, once for every width of registers, into one shared library.

    python -m unstuck.lanes.build      beside its source, where a checkout looks for it

The build of the package calls this too (`packaging/backend.py`), before anything that the package
depends on is installed: only the standard library is imported here.

Macros that ``kernel.cpp`` is compiled with: ``LANES`` (16, 8 or 4), ``REAL`` (``float``, or
``double`` for tests) and ``SUFFIX`` (``_16``, ``_8``, ``_4``, ``_4_double``), which ends the name
of every function that it exports, so that all compilations link into one library. All else in it
is ``static``: a function that two compilations share would be linked for one processor only.
"""

import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unstuck.errors import KernelError

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "kernel.so"
COMMAND = "python -m unstuck.lanes.build"

# contraction and reassociation are what would let bits depend on compiler and processor
FLAGS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-exceptions",
    "-fno-rtti",
    "-Wno-psabi",
)
#: by family of processors: -march for each number of lanes
TARGETS = {
    "x86_64": {16: "x86-64-v4", 8: "x86-64-v3", 4: "x86-64-v2"},
    "aarch64": {4: "armv8-a"},
}
FAMILIES = {"AMD64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler of this machine."""

    command: tuple[str, ...]
    is_zig: bool = False

    def architecture(self, march: str) -> str:
        """Name a processor as this compiler wants it."""
        if not self.is_zig:
            return f"-march={march}"
        return "-mcpu=" + ("generic" if march == "armv8-a" else march.replace("-", "_"))


def zig(*options: str) -> Compiler:
    """Give the compiler in the ``ziglang`` wheel; without libc++, which the kernel does not use."""
    return Compiler((sys.executable, "-m", "ziglang", "cc", *options), is_zig=True)


def find_compiler() -> Compiler | None:
    """Find a compiler: what ``CXX`` says, else g++, clang++, the ``ziglang`` wheel."""
    named = os.environ.get("CXX")
    if named:
        return Compiler(tuple(shlex.split(named)))
    for name in ("g++", "clang++"):
        if shutil.which(name):
            return Compiler((name,))
    return zig() if importlib.util.find_spec("ziglang") else None


def family(machine: str | None = None) -> str:
    """Name the family of a processor as ``TARGETS`` does.

    Raises
    ------
    KernelError
        If the kernel is not made for it.
    """
    machine = machine or platform.machine()
    name = FAMILIES.get(machine, machine)
    if name not in TARGETS:
        raise KernelError(f"The kernel is made for {' and '.join(TARGETS)}, not for {machine}.")
    return name


def source_digest() -> str:
    """Digest of all that decides what the library does: its sources, and the flags in here."""
    digest = hashlib.sha256()
    for path in (*sorted(FOLDER.glob("*.cpp")), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def compile_objects(
    folder: Path, compiler: Compiler, machine: str | None = None, extra: Sequence[str] = ()
) -> list[Path]:
    """Compile the sources for all widths of a family of processors, side by side.

    Parameters
    ----------
    folder
        Where the object files go.
    machine
        Family of processors; this machine's if None.
    extra
        Further flags, such as those of sanitizers.

    Raises
    ------
    KernelError
        If the compiler is not there or refuses the source.
    """
    targets = TARGETS[family(machine)]
    least = targets[4]
    variants = [
        ("machine", least, [f'-DSOURCE="{source_digest()}"']),
        ("kernel_4_double", least, ["-DLANES=4", "-DREAL=double", "-DSUFFIX=_4_double"]),
        *(
            (f"kernel_{lanes}", march, [f"-DLANES={lanes}", "-DREAL=float", f"-DSUFFIX=_{lanes}"])
            for lanes, march in targets.items()
        ),
    ]
    running = []
    for name, march, macros in variants:
        source = FOLDER / f"{name.partition('_')[0]}.cpp"
        object_file = folder / f"{name}.o"
        command = [*compiler.command, *FLAGS, compiler.architecture(march), *macros, *extra]
        command += ["-x", "c++", "-c", str(source), "-o", str(object_file)]
        running.append((object_file, _start(command)))
    _finish(*(process for _, process in running))
    return [object_file for object_file, _ in running]


def build(output: Path, compiler: Compiler | None = None, extra: Sequence[str] = ()) -> None:
    """Build the shared library; what stood at `output` is replaced when the new one is whole.

    Raises
    ------
    KernelError
        If there is no compiler, or it fails.
    """
    compiler = compiler or find_compiler()
    if compiler is None:
        raise KernelError(
            "There is no C++ compiler (CXX, g++ or clang++); install one, or the package ziglang."
        )
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        objects = compile_objects(Path(folder), compiler, extra=extra)
        linked = Path(folder) / output.name
        _finish(_start([*compiler.command, "-shared", *extra, *map(str, objects), "-o", linked]))
        os.replace(linked, output)


def _start(command: Sequence[str | Path]) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        raise KernelError(f"The compiler {command[0]} cannot be run: {error.strerror}.") from error


def _finish(*processes: subprocess.Popen[str]) -> None:
    """Wait for all of them, then say what the first that failed has said."""
    words = [process.communicate()[1] for process in processes]
    for process, said in zip(processes, words, strict=True):
        if process.returncode:
            raise KernelError(f"The compiler failed:\n{said.strip()}")


if __name__ == "__main__":
    try:
        build(LIBRARY)
    except KernelError as error:
        sys.exit(str(error))
    print(f"built {LIBRARY}")
