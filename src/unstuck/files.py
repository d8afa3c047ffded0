"""Reading and writing files: atomic, deterministic, without pickle, with a checksum in a study."""

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from unstuck.errors import DataError, StorageError

if TYPE_CHECKING:
    import pyarrow as pa

#: what damaged bytes make of a reader that does not expect them
BAD_VALUES = (OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError)

#: file of a results folder that says whose it is; all that lies beside and below has a checksum
MARK = "study.json"
CHECKSUM = ".sha256"

#: rows of a Parquet file that are read together: of a table sorted by cell, those of some cells
ROWS_OF_A_GROUP = 8192


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path for a new file, which takes the place of ``path`` only if the block succeeds.

    In a results folder its checksum is written beside it, for `require_whole`.

    Of several processes only one may write a file at a time: what a killed one left unfinished is
    removed.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    target = Path(path)
    # a folder of its own, since some writers make temporary files beside what they write
    with scratch_folder(target) as folder:
        temporary = folder / target.name
        yield temporary
        # some writers give 0600; a result file follows the user's umask like any other
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if _of_a_study(target):
            _write_checksum(target, temporary)
        temporary.replace(target)


def checksum_path(path: Path) -> Path:
    """Give the place of a file's checksum, the SHA-256 of its bytes in hexadecimal digits."""
    return path.with_name(f".{path.name}{CHECKSUM}")


def checksummed(path: Path) -> Path:
    """Give the file that a checksum belongs to; any other path is its own."""
    name = path.name.removesuffix(CHECKSUM)
    return path if name == path.name else path.with_name(name.removeprefix("."))


def require_whole(path: str | os.PathLike[str]) -> None:
    """Hold a file of a results folder against its checksum; others have none.

    Raises
    ------
    DataError
        If it, or its checksum, is missing, or it is not what was written.
    """
    path = Path(path)
    if not _of_a_study(path):
        return
    try:
        damaged = sha256_of(path).encode() not in checksum_path(path).read_bytes().split(b"\n")
    except OSError as error:
        raise _unwritten(path, f"{error.filename} cannot be read: {error.strerror}") from error
    if damaged:
        raise _unwritten(path, f"{checksum_path(path).name} is the checksum of other bytes")


def _unwritten(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} is not what was written ({reason}); delete it and run snakemake again to make it "
        "anew."
    )


def _of_a_study(path: Path) -> bool:
    # a file of another's of that name has no checksum
    return path.name == MARK or any(
        checksum_path(folder / MARK).exists() for folder in path.parents
    )


def _write_checksum(target: Path, content: Path) -> None:
    # the old one holds too, of a file that a kill leaves in place or that Snakemake puts back
    place = checksum_path(target)
    digests = [sha256_of(content).encode()]
    if place.exists():
        digests += place.read_bytes().split(b"\n")[:1]
    made = content.with_name(place.name)
    made.write_bytes(b"\n".join([*dict.fromkeys(digests), b""]))
    made.replace(place)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path for a new folder, which is moved to ``path`` only if the block succeeds.

    Raises
    ------
    StorageError
        If it cannot be written, or something is there.
    """
    target = Path(path)
    with scratch_folder(target) as folder:
        temporary = folder / target.name
        yield temporary
        temporary.rename(target)


@contextmanager
def scratch_folder(beside: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a new folder beside a file that is to be written, which goes when the block ends.

    What a killed process left of one for the same file is removed.

    Raises
    ------
    StorageError
        If nothing can be written there.
    """
    try:
        with _folder_beside(Path(beside)) as folder:
            yield folder
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise StorageError(
            f"{os.fspath(beside)} cannot be written ({reason}); mend that and run "
            "snakemake again, which keeps what is finished."
        ) from error


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}-"
    for left in target.parent.glob(f"{glob.escape(prefix)}{'?' * 8}"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Make sure that files can be written into a folder, which is made if it is not there.

    Raises
    ------
    StorageError
        If they cannot.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"the folder {os.fspath(folder)} cannot be written ({error.strerror}); make it "
            "writable, or work in a copy of the study."
        ) from error


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write ``content`` as indented JSON with sorted keys."""
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=True)
        temporary.write_text(text + "\n", encoding="utf-8")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text in UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file.

    Raises
    ------
    DataError
        If the file is missing or is not JSON.
    """
    require_whole(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, "JSON", error) from error


def write_parquet(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_path(path) as temporary:
        table.to_parquet(
            temporary, index=False, write_page_checksum=True, row_group_size=ROWS_OF_A_GROUP
        )


def read_parquet(path: str | os.PathLike[str], columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table.

    Raises
    ------
    DataError
        If the file is missing, damaged or lacks one of ``columns``.
    """
    import pyarrow

    require_whole(path)
    try:
        return pd.read_parquet(path, columns=columns, page_checksum_verification=True)
    except (*BAD_VALUES, pyarrow.ArrowException) as error:
        raise _unreadable(path, "Parquet", error) from error


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as CSV with full float precision, without its index."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_csv(path: str | os.PathLike[str], **options: Any) -> pd.DataFrame:
    """Read a table written as CSV, with options of pandas.

    Raises
    ------
    DataError
        If the file is missing, damaged or no table.
    """
    require_whole(path)
    try:
        table: pd.DataFrame = pd.read_csv(path, **{"low_memory": False, **options})
        return table
    except BAD_VALUES as error:
        raise _unreadable(path, "CSV", error) from error


def column_names(path: str | os.PathLike[str]) -> list[str]:
    """Read the names of the columns of a table, Parquet or CSV.

    Raises
    ------
    DataError
        If the file is missing, damaged or no table.
    """
    if Path(path).suffix != ".parquet":
        return [str(name) for name in read_csv(path, nrows=0)]
    import pyarrow
    from pyarrow import parquet

    require_whole(path)
    try:
        return list(parquet.read_schema(path).names)
    except (*BAD_VALUES, pyarrow.ArrowException) as error:
        raise _unreadable(path, "Parquet", error) from error


def copy(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Copy a file that is whole.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    require_whole(source)
    if not os.access(source, os.R_OK):
        raise DataError(f"{os.fspath(source)} cannot be read; run snakemake again to make it anew.")
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def write_pieces(
    parquet: str | os.PathLike[str], csv: str | os.PathLike[str], pieces: "Iterable[pa.Table]"
) -> None:
    """Write a table that comes in pieces of one schema as Parquet and as CSV, without an index.

    A list is one cell of the Parquet file, and too long for one of a CSV file, which lacks it.
    """
    from pyarrow import parquet as pq
    from pyarrow import types

    with atomic_path(parquet) as whole, atomic_path(csv) as text, ExitStack() as opened:
        writer = None
        for piece in pieces:
            if writer is None:
                writer = pq.ParquetWriter(whole, piece.schema, write_page_checksum=True)
                opened.enter_context(writer)
            writer.write_table(piece)
            short = [each.name for each in piece.schema if not types.is_nested(each.type)]
            table = piece.select(short).to_pandas()
            head = not text.exists()
            table.to_csv(text, mode="a", header=head, index=False, lineterminator="\n")


def write_safetensors(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write named numpy arrays, in sorted order, as one safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    with atomic_path(path) as temporary:
        try:
            save_file(ordered, temporary)
        except SafetensorError as error:
            # of the library's words only those of the system say something
            reason = str(error).rpartition("I/O error: ")[2].partition(" (os error")[0]
            raise OSError(reason) from error


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read every array of a safetensors file.

    Raises
    ------
    DataError
        If the file is missing or truncated.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    require_whole(path)
    try:
        return dict(load_file(path))
    except (*BAD_VALUES, SafetensorError) as error:
        raise _unreadable(path, "safetensors", error) from error


def _unreadable(path: str | os.PathLike[str], kind: str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{os.fspath(path)} cannot be read as {kind} ({reason}); "
        "delete it and run snakemake again to make it anew."
    )
