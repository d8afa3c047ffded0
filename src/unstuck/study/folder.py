"""A results folder knows its study, so that no study writes over another, and its own times."""

import os
from pathlib import Path

from unstuck.errors import ConfigError
from unstuck.files import check_writable, read_json, write_json

MARK = "study.json"
#: when the mark is said to be written, in seconds: a copy that loses the times of files loses this
TIME = 315_532_800


def require_own(folder: str, title: str, source: str) -> None:
    """Refuse a results folder that holds another study.

    A study is known by its title and its file; one of them may change.

    Parameters
    ----------
    folder
        The results folder, which need not exist.
    title, source
        Of the study that asks for it.

    Raises
    ------
    ConfigError
        If what lies there bears another title and comes from another file.
    """
    mark = Path(folder) / MARK
    if not mark.exists():
        return
    held = read_json(mark)
    if held["title"] != title and held["source"] != source:
        raise ConfigError(
            f"{source}: results: {folder} holds the study {held['title']!r} of {held['source']}, "
            f"not {title!r}; give another folder, or delete that one."
        )


def take(folder: str, title: str, source: str) -> None:
    """Make the results folder and write into it whose it is.

    Raises
    ------
    StorageError
        If nothing can be written there.
    """
    check_writable(folder)
    content = {"title": title, "source": source}
    mark = Path(folder) / MARK
    # untouched where it says so already: a later call leaves no trace
    if not mark.exists() or read_json(mark) != content:
        write_json(mark, content)
    os.utime(mark, (TIME, TIME))


def settle(folder: str) -> None:
    """Give all files one time in a copy that has lost the times at which they were written.

    Snakemake makes again what is older than what it was made from. In such a copy (``cp -r``) times
    say nothing. One that may only be looked at stays as it is.
    """
    root = Path(folder)
    mark = root / MARK
    if not mark.exists() or mark.stat().st_mtime == TIME:
        return
    now = mark.stat().st_mtime
    rooms = [path for path in root.iterdir() if path.is_dir() and not (path / MARK).exists()]
    try:
        for file in (*root.iterdir(), *(file for room in rooms for file in room.rglob("*"))):
            os.utime(file, (now, now))
        os.utime(mark, (TIME, TIME))
    except PermissionError:
        return
