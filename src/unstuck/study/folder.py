"""A results folder knows its study, so that no study writes over another, and its own times."""

import os
import time
from pathlib import Path

import pandas as pd

from unstuck.complaints import shown
from unstuck.errors import ConfigError, DataError
from unstuck.files import MARK, check_writable, read_json, read_parquet, write_json
from unstuck.study.paths import Paths

#: when the mark is said to be written, in seconds: a copy that loses the times of files loses this
TIME = 315_532_800
#: by how many seconds the clocks of a file system and of this machine may differ
AHEAD = 60


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
            f"{source}: results: {folder} holds the study {shown(held['title'])} of "
            f"{held['source']}, not {shown(title)}; give another folder, or delete that one."
        )


def made_by_other_code(folder: str, code: str) -> bool:
    """Tell whether what lies in a results folder was made by other code, as far as it says so.

    Parameters
    ----------
    folder
        The results folder, which need not exist.
    code
        Digest of all code that makes a result.
    """
    mark = Path(folder) / MARK
    return mark.exists() and read_json(mark).get("code", code) != code


def take(folder: str, title: str, source: str, code: str) -> None:
    """Make the results folder and write into it whose it is, and what code makes it.

    Where the clock was set back, so that files lie ahead of it, all get the time that it is.

    Raises
    ------
    StorageError
        If nothing can be written there.
    """
    check_writable(folder)
    content = {"title": title, "source": source, "code": code}
    mark = Path(folder) / MARK
    # untouched where it says so already: a later call leaves no trace
    if not mark.exists() or read_json(mark) != content:
        write_json(mark, content)
    os.utime(mark, (TIME, TIME))
    now = time.time()
    # a link may lead nowhere
    if any(file.lstat().st_mtime > now + AHEAD for file in _files(mark.parent)):
        _set_times(mark.parent, now)


def settle(folder: str) -> None:
    """Give all files one time in a copy that has lost the times at which they were written.

    Snakemake makes again what is older than what it was made from. In such a copy (``cp -r``) times
    say nothing. One that may only be looked at stays as it is.
    """
    root = Path(folder)
    mark = root / MARK
    if not mark.exists() or mark.stat().st_mtime == TIME:
        return
    try:
        _set_times(root, mark.stat().st_mtime)
    except PermissionError:
        return


def _set_times(root: Path, seconds: float) -> None:
    for file in _files(root):
        os.utime(file, (seconds, seconds))
    os.utime(root / MARK, (TIME, TIME))


def _files(root: Path) -> list[Path]:
    """Give files and folders of a study, but not of one that lies in its folder."""
    rooms = [path for path in root.iterdir() if path.is_dir() and not (path / MARK).exists()]
    return [*root.iterdir(), *(file for room in rooms for file in room.rglob("*"))]


def read_table(name: str, results: str | os.PathLike[str] = "results") -> pd.DataFrame:
    """Read a table of a finished study.

    Parameters
    ----------
    name
        ``EXPERIMENT.runs``, ``.curves``, ``.rates``, the table of a measurement such as
        ``EXPERIMENT.spectra``, or ``ANALYSIS.TABLE``.
    results
        Folder of the study's results.

    Examples
    --------
    >>> import unstuck
    >>> unstuck.read_table("batch_momentum.runs", "results/nowhere")
    Traceback (most recent call last):
    unstuck.errors.DataError: results/nowhere has no table batch_momentum.runs.

    Raises
    ------
    DataError
        If it is not there, or damaged.
    """
    owner, _, kind = name.partition(".")
    paths = Paths(str(results))
    places = [
        Path(paths.table().format(experiment=owner, kind=kind)),
        Path(paths.analysed().format(analysis=owner, table=kind)),
    ]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise DataError(f"{results} has no table {name}.")
    return read_parquet(found)
