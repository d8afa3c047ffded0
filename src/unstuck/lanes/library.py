"""The compiled kernel: found beside its source, checked, opened at the width of the machine."""

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from unstuck.errors import ConfigError, KernelError
from unstuck.lanes.build import COMMAND, LIBRARY, source_digest

VARIABLE = "UNSTUCK_LANES"
WIDTHS = (16, 8, 4)
DOUBLE_LANES = 4


@dataclass(frozen=True)
class Library:
    """One compilation of the kernel."""

    lanes: int
    double: bool
    compiler: str
    handle: ctypes.CDLL

    def function(self, name: str) -> Any:
        """Give an exported function by its name in ``kernel.cpp``, without the suffix."""
        return getattr(self.handle, f"{name}_{self.lanes}{'_double' * self.double}")


def load(lanes: int | None = None, double: bool = False) -> Library:
    """Open the kernel.

    Parameters
    ----------
    lanes
        Members side by side; None: what the variable ``UNSTUCK_LANES`` says, else the most that
        this processor's registers hold.
    double
        The float64 compilation, which has four lanes and is there for tests.

    Raises
    ------
    KernelError
        If the library is missing, was built from other sources, or has not so many lanes here.
    ConfigError
        If ``UNSTUCK_LANES`` is none of 16, 8 and 4.
    """
    handle, widest, compiler = _opened(LIBRARY)
    if double:
        return Library(DOUBLE_LANES, True, compiler, handle)
    wanted = lanes or _named() or widest
    if wanted > widest:
        raise KernelError(f"{wanted} lanes are asked for, but this processor holds {widest}.")
    return Library(wanted, False, compiler, handle)


def _named() -> int | None:
    named = os.environ.get(VARIABLE, "")
    if not named:
        return None
    if named not in map(str, WIDTHS):
        raise ConfigError(f"{VARIABLE} is {named!r}; it may be {', '.join(map(str, WIDTHS))}.")
    return int(named)


@cache
def _opened(path: Path) -> tuple[ctypes.CDLL, int, str]:
    """Open a library and give it with its widest registers here and its compiler."""
    if not path.exists():
        raise KernelError(f"The kernel is not built ({path} is missing); run {COMMAND}.")
    # looked up before it is opened, since a library stays open as long as the process
    if source_digest().encode() not in path.read_bytes():
        raise KernelError(f"The kernel {path} was built from other sources; run {COMMAND}.")
    try:
        handle = ctypes.CDLL(str(path))
    except OSError as error:
        raise KernelError(f"The kernel cannot be opened ({error}); run {COMMAND}.") from error
    compiler = handle["lanes_compiler"]
    compiler.restype = ctypes.c_char_p
    return handle, int(handle["lanes_widest"]()), compiler().decode().strip()
