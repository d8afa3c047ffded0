"""A results folder knows its study, so that no study writes over another."""

from pathlib import Path

from unstuck.errors import ConfigError
from unstuck.files import check_writable, read_json, write_json

MARK = "study.json"


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
