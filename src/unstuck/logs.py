"""What a script of the workflow does with its output and its errors."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from unstuck.errors import UnstuckError


@contextlib.contextmanager
def logged(path: str | os.PathLike[str]) -> Iterator[Callable[[str], None]]:
    """Send all output of a block to a log file, and a user's error to the terminal as well.

    An `UnstuckError` or a full disk ends the process with exit code 1 and one sentence; any other
    exception reaches log and terminal with its traceback.

    Parameters
    ----------
    path
        The log file, begun anew.

    Yields
    ------
    A function that writes one line to the log at once, for progress.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stderr
    with (
        target.open("w", encoding="utf-8", buffering=1) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        try:
            yield lambda line: print(line, file=log)
        except (UnstuckError, OSError) as error:
            traceback.print_exc(file=log)
            print(f"Error: {error}", file=terminal)
            sys.exit(1)
        except Exception:
            traceback.print_exc(file=log)
            raise
