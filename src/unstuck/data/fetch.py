"""The verified content of a source's files: from a folder, the cache, or a mirror."""

import errno
import hashlib
import io
import os
import zlib
from collections.abc import Callable
from pathlib import Path

from unstuck.data.sources import RemoteFile, Source
from unstuck.errors import DataError

TIMEOUT = 30  # seconds without an answer
CHUNK = 1 << 16  # bytes
GZIP_MAGIC = b"\x1f\x8b"
CACHE_VARIABLE = "UNSTUCK_CACHE"


def content_from_folder(file: RemoteFile, folder: str | os.PathLike[str]) -> bytes:
    """Read a file, plain or gzipped, from a folder and verify it.

    Raises
    ------
    DataError
        If the file is absent, truncated, or not the one that the checksum says.
    """
    for name in dict.fromkeys((file.content_name, file.name)):
        path = Path(os.path.expanduser(folder)) / name
        if path.is_file():
            try:
                raw = path.read_bytes()
            except OSError as error:
                raise DataError(f"{path} cannot be read: {error.strerror}.") from error
            content = _decompressed(raw, file, str(path))
            digest = hashlib.sha256(content).hexdigest()
            if digest != file.sha256:
                raise DataError(
                    f"{path} has the wrong checksum: sha256 {digest} where {file.sha256} is "
                    "published; replace the file."
                )
            return content
    raise DataError(f"the folder {folder} lacks {file.name}.")


def content_from_mirrors(
    source: Source, file: RemoteFile, *, mirror: str | None, cache: Path | None
) -> bytes:
    """Read a file from the cache, after a download from the first mirror that has it.

    Parameters
    ----------
    mirror
        Base URL in place of the source's public mirrors.
    cache
        Folder of downloads; None: the folder that the variable ``UNSTUCK_CACHE`` names, else the
        user's cache.

    Raises
    ------
    DataError
        If no mirror gives a file of the published checksum, or the cache cannot be written.
    """
    import pooch
    from requests import RequestException

    place = _cache_folder(cache) / source.name
    failures = []
    for base in source.mirrors if mirror is None else (mirror,):
        url = f"{base.rstrip('/')}/{file.name}"
        try:
            path = pooch.retrieve(
                url,
                known_hash=f"sha256:{file.sha256}",
                fname=file.content_name,
                path=place,
                downloader=_downloader(file),
            )
            return Path(path).read_bytes()
        except RequestException as error:
            failures.append(f"{url}: {_network_reason(error)}")
        except OSError as error:
            raise DataError(_storage_sentence(place, file, error)) from error
        except DataError as error:
            failures.append(str(error).rstrip("."))
        except ValueError:
            # pooch has compared the checksums and deleted what came
            failures.append(f"{url}: wrong checksum")
    raise DataError(
        f"{source.name}: {file.name} could not be downloaded ({'; '.join(failures)}); "
        "try again, or give the dataset a folder or another mirror."
    )


def _downloader(file: RemoteFile) -> Callable[[str, str, object], None]:
    """Give a downloader for pooch that leaves the decompressed content."""
    from pooch import HTTPDownloader

    def download(url: str, output_file: str, _pooch: object) -> None:
        buffer = io.BytesIO()
        HTTPDownloader(chunk_size=CHUNK, timeout=TIMEOUT)(url, buffer, None)
        Path(output_file).write_bytes(_decompressed(buffer.getvalue(), file, url))

    return download


def _decompressed(raw: bytes, file: RemoteFile, where: str) -> bytes:
    """Gunzip what is gzipped, to no more than the expected size, and check that size."""
    content = raw
    # some servers and their clients decompress on the way, so look at the bytes, not the name
    if file.name != file.content_name and raw.startswith(GZIP_MAGIC):
        stream = zlib.decompressobj(wbits=31)
        try:
            content = stream.decompress(raw, file.size + 1)
        except zlib.error as error:
            raise DataError(f"{where}: damaged gzip file ({error}).") from error
        if len(content) <= file.size and not stream.eof:
            raise DataError(f"{where}: truncated gzip file.")
    if len(content) < file.size:
        raise DataError(f"{where}: truncated, {len(content):,} of {file.size:,} bytes.")
    if len(content) > file.size:
        raise DataError(f"{where}: more than the {file.size:,} bytes that are published.")
    return content


def _cache_folder(cache: Path | None) -> Path:
    import pooch

    if cache is not None:
        return cache
    named = os.environ.get(CACHE_VARIABLE)
    return Path(os.path.expanduser(named)) if named else Path(pooch.os_cache("unstuck"))


def _network_reason(error: Exception) -> str:
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, exceptions.Timeout):
        return f"no answer within {TIMEOUT} s"
    if isinstance(error, exceptions.ChunkedEncodingError):
        return "truncated, the connection broke off"
    if isinstance(error, exceptions.ConnectionError):
        return "no connection"
    return str(error).splitlines()[0]


def _storage_sentence(place: Path, file: RemoteFile, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"no room for {file.name} in {place} ({error.strerror}); "
            f"free {file.size / 1e6:,.1f} MB or set {CACHE_VARIABLE} to another folder."
        )
    return f"the cache {place} cannot be written ({error}); set {CACHE_VARIABLE} to another folder."
