"""A results folder knows its study, so that no study writes over another, and its own times."""

import os
from pathlib import Path

import pandas as pd

from unstuck.complaints import shown
from unstuck.errors import ConfigError, DataError
from unstuck.files import MARK, check_writable, read_json, read_parquet, write_json
from unstuck.study.paths import Paths

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
            f"{source}: results: {folder} holds the study {shown(held['title'])} of "
            f"{held['source']}, not {shown(title)}; give another folder, or delete that one."
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
