"""What a script of the workflow does with its output and its errors."""

import contextlib
import io
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from unstuck.errors import StorageError, UnstuckError

CPU_LINE = " of the processor"  # ends the last line of a job that succeeded
INTERRUPTED = 130  # what a shell gives for a program that Ctrl-C ended


class _Log(io.TextIOBase):
    """A log file, written at once; where the disk is full it loses lines rather than the job."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise StorageError(f"{path} cannot be written ({error.strerror}).") from error

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._file.write(text.encode(errors="replace"))
        return len(text)

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        super().close()
        self._file.close()


@contextlib.contextmanager
def logged(path: str | os.PathLike[str]) -> Iterator[Callable[[str], None]]:
    """Send all output of a block to a log file, and a user's error to the terminal as well.

    An `UnstuckError`, an error of the system and Ctrl-C end the process with one sentence in log
    and terminal; any other exception reaches both with its traceback.

    Parameters
    ----------
    path
        The log file, begun anew.

    Yields
    ------
    A function that writes one line to the log at once, for progress.
    """
    terminal = sys.stderr
    try:
        log = _Log(Path(path))
    except StorageError as error:
        _end(f"Error: {error}", 1, terminal)
    with log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        try:
            yield lambda line: print(line, file=log)
            # its start included: what the estimates of `unstuck plan` are made of
            print(f"{time.process_time():.2f} s{CPU_LINE}", file=log)
        except (UnstuckError, OSError) as error:
            if not isinstance(error, UnstuckError):
                traceback.print_exc(file=log)
            _end(f"Error: {error}", 1, log, terminal)
        except KeyboardInterrupt:
            sentence = "Interrupted; run snakemake again to go on from what is finished."
            _end(sentence, INTERRUPTED, log, terminal)
        except Exception:
            traceback.print_exc(file=log)
            raise


def _end(sentence: str, code: int, *places: TextIO | _Log) -> NoReturn:
    for place in places:
        print(sentence, file=place)
    sys.exit(code)
