"""Reading and writing files: atomic, deterministic, without pickle."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unstuck.errors import DataError


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place only if the block succeeds."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # the suffix is kept, since writers choose their format by it
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp gives 0600; a result file follows the user's umask like any other
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write ``content`` as indented JSON with sorted keys."""
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=True)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file.

    Raises
    ------
    DataError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, "JSON", error) from error


def write_parquet(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as Parquet, without its index."""
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def read_parquet(path: str | os.PathLike[str], columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table.

    Raises
    ------
    DataError
        If the file is missing, truncated or lacks one of ``columns``.
    """
    import pyarrow

    try:
        return pd.read_parquet(path, columns=columns)
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise _unreadable(path, "Parquet", error) from error


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as CSV with full float precision, without its index."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def write_safetensors(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named numpy arrays, in sorted order, as one safetensors file."""
    from safetensors.numpy import save_file

    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    with atomic_path(path) as temporary:
        save_file(ordered, temporary, metadata=dict(metadata) if metadata else None)


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read every array of a safetensors file.

    Raises
    ------
    DataError
        If the file is missing or truncated.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, "safetensors", error) from error


def _unreadable(path: str | os.PathLike[str], kind: str, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{os.fspath(path)} cannot be read as {kind} ({reason}); "
        "delete it and run snakemake again to make it anew."
    )
