"""The state of a population under training on disk, to go on from after an interruption."""

import json
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError
from unstuck.files import read_safetensors, write_safetensors

HEADER = "header"

Arrays = Mapping[str, NDArray[Any]]


@dataclass
class Checkpoint:
    """One safetensors file, replaced as a whole every so many seconds.

    Besides the arrays it holds a JSON header that says whose state it is.

    Parameters
    ----------
    path
        The file.
    seconds
        Least time between two savings.
    clock
        Seconds from any origin, monotonic.
    """

    path: Path
    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _saved: float = field(init=False)

    def __post_init__(self) -> None:
        self._saved = self.clock()

    def due(self) -> bool:
        """Return whether the last saving, or the start, is long enough ago."""
        return self.clock() - self._saved >= self.seconds

    def save(self, owner: Mapping[str, Any], arrays: Arrays) -> None:
        """Write a state; `owner` is JSON that `load` must be given again."""
        header = np.frombuffer(_canonical(owner), dtype=np.uint8)
        write_safetensors(self.path, {**arrays, HEADER: header})
        self._saved = self.clock()

    def load(self, owner: Mapping[str, Any]) -> dict[str, NDArray[Any]] | None:
        """Read the state of `owner`; None, with a warning, if it is damaged or another's."""
        if not self.path.exists():
            return None
        try:
            held = read_safetensors(self.path)
        except DataError as error:
            self._warn(str(error).split("; ")[0])
            return None
        if HEADER not in held or held.pop(HEADER).tobytes() != _canonical(owner):
            self._warn("it belongs to other runs or settings")
            return None
        return held

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)

    def _warn(self, why: str) -> None:
        warnings.warn(
            f"checkpoint {self.path.name} is not used, training starts anew: {why}", stacklevel=3
        )


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
