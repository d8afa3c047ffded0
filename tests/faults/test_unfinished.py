"""A process that is killed while it writes leaves the old file, and nothing that is read."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.errors import StorageError
from unstuck.files import (
    atomic_folder,
    check_writable,
    read_json,
    read_parquet,
    read_safetensors,
    write_csv,
    write_json,
    write_parquet,
    write_safetensors,
)

Write = Callable[[Path, int], None]
SIZE = 100_000


def table(number: int) -> pd.DataFrame:
    return pd.DataFrame({"a": np.random.default_rng(number).normal(size=SIZE // 8)})


WRITERS: dict[str, Write] = {
    "json": lambda path, number: write_json(path, list(table(number)["a"])),
    "csv": lambda path, number: write_csv(path, table(number)),
    "parquet": lambda path, number: write_parquet(path, table(number)),
    "safetensors": lambda path, number: write_safetensors(path, {"a": table(number)["a"].array}),
}


def killed_in(work: Callable[[], None], *, bytes_written: int) -> bool:
    """Do work in a copy of this process that the kernel kills when a file gets so long."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_written, bytes_written))
        work()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    write, path = WRITERS[suffix], tmp_path / f"table.{suffix}"
    write(path, 0)
    before = path.read_bytes()
    assert killed_in(lambda: write(path, 1), bytes_written=SIZE // 2)
    (left,) = (folder for folder in tmp_path.iterdir() if folder != path)
    assert left.name[0] == "."
    assert all(file.stat().st_size <= SIZE // 2 for file in left.iterdir())
    assert path.read_bytes() == before
    write(path, 1)
    assert path.read_bytes() != before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_disk_without_room_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    write, path = WRITERS[suffix], tmp_path / f"table.{suffix}"
    write(path, 0)
    before = path.read_bytes()
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, limits[1]))
    try:
        with pytest.raises(StorageError, match=rf"table\.{suffix} cannot be written \(.*File too"):
            write(path, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_there_once_it_is_whole(tmp_path: Path) -> None:
    def fill(*, stop: bool = False) -> None:
        with atomic_folder(tmp_path / "report") as folder:
            (folder / "claims").mkdir(parents=True)
            write_json(folder / "claims/1.json", [1])
            if stop:
                os.kill(os.getpid(), signal.SIGKILL)

    assert killed_in(lambda: fill(stop=True), bytes_written=SIZE)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".report-")
    fill()
    assert list(tmp_path.iterdir()) == [tmp_path / "report"]
    assert read_json(tmp_path / "report/claims/1.json") == [1]
    with pytest.raises(StorageError, match="report cannot be written"):
        fill()
    assert list(tmp_path.iterdir()) == [tmp_path / "report"]


def test_a_folder_that_is_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(StorageError, match="results cannot be written"):
        check_writable(tmp_path / "results")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    for suffix, write in WRITERS.items():
        write(tmp_path / f"table.{suffix}", 0)
    values = table(0)["a"].to_numpy()
    assert read_json(tmp_path / "table.json") == list(values)
    assert np.array_equal(read_parquet(tmp_path / "table.parquet")["a"], values)
    assert np.array_equal(read_safetensors(tmp_path / "table.safetensors")["a"], values)
