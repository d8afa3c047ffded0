"""Files from a local mirror, the cache and folders, good and bad."""

import gzip
import hashlib
import resource
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from unstuck.data.fetch import content_from_folder, content_from_mirrors
from unstuck.data.prepare import prepare
from unstuck.data.sources import SOURCES, RemoteFile
from unstuck.data.spec import DatasetSpec
from unstuck.errors import DataError

CONTENT = np.random.default_rng(0).integers(0, 20, 50_000).astype(np.uint8).tobytes()
PACKED = gzip.compress(CONTENT, mtime=0)
FILE = RemoteFile("things.gz", "things", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
SOURCE = replace(SOURCES["mnist"], name="things", mirrors=(), files=(FILE,))


@dataclass
class Mirror:
    """What the local server answers, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)  # by path
    broken: set[str] = field(default_factory=set)  # paths whose connection ends half-way
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Run a server on 127.0.0.1 for the length of a test."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            content = state.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            for name, value in state.headers.get(self.path, {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.path in state.broken:
                content = content[: len(content) // 2]
                self.close_connection = True
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a server that is no longer there."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the operating system refuse to grow a file beyond ``size`` bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_download_is_decompressed_verified_and_cached(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files["/things.gz"] = PACKED
    for _ in range(2):
        got = content_from_mirrors(SOURCE, FILE, mirror=mirror.url, cache=tmp_path)
        assert got == CONTENT
    assert mirror.requests == ["/things.gz"]
    assert files_in(tmp_path) == ["things"]


def test_cache_is_the_one_that_the_environment_names(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNSTUCK_CACHE", str(tmp_path / "site"))
    mirror.files["/things.gz"] = PACKED
    assert content_from_mirrors(SOURCE, FILE, mirror=mirror.url, cache=None) == CONTENT
    assert files_in(tmp_path / "site") == ["things"]


def test_damaged_cache_is_downloaded_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files["/things.gz"] = PACKED
    damaged = tmp_path / "things" / "things"
    damaged.parent.mkdir()
    damaged.write_bytes(CONTENT[:-1] + b"!")
    assert content_from_mirrors(SOURCE, FILE, mirror=mirror.url, cache=tmp_path) == CONTENT
    assert damaged.read_bytes() == CONTENT


def test_server_that_has_the_client_decompress_is_understood(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.files["/things.gz"] = PACKED
    mirror.headers["/things.gz"] = {"Content-Encoding": "gzip"}
    assert content_from_mirrors(SOURCE, FILE, mirror=mirror.url, cache=tmp_path) == CONTENT


def test_second_mirror_serves_when_the_first_is_gone(
    mirror: Mirror, gone: str, tmp_path: Path
) -> None:
    mirror.files["/things.gz"] = PACKED
    source = replace(SOURCE, mirrors=(gone, f"{mirror.url}/absent/", f"{mirror.url}/"))
    assert content_from_mirrors(source, FILE, mirror=None, cache=tmp_path) == CONTENT
    assert mirror.requests == ["/absent/things.gz", "/things.gz"]


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (gzip.compress(CONTENT[:-1] + b"!"), "wrong checksum"),
        (PACKED[:1_000], "truncated gzip file"),
        (CONTENT[:1_000], "truncated, 1,000 of 50,000 bytes"),
        (PACKED[:2] + b"\x00" + PACKED[3:], "damaged gzip file"),
        (gzip.compress(CONTENT + bytes(10**7)), "more than the 50,000 bytes that are published"),
        (None, "the server answers 404 Not Found"),
    ],
)
def test_wrong_file_is_named_and_nothing_is_left(
    mirror: Mirror, tmp_path: Path, served: bytes | None, reason: str
) -> None:
    if served is not None:
        mirror.files["/things.gz"] = served
    with pytest.raises(DataError, match=rf"things.gz could not be downloaded .*{reason}"):
        content_from_mirrors(SOURCE, FILE, mirror=mirror.url, cache=tmp_path)
    assert files_in(tmp_path) == []


def test_connection_that_breaks_off_is_named_and_nothing_is_left(
    mirror: Mirror, tmp_path: Path
) -> None:
    mirror.files["/things.gz"] = PACKED
    mirror.broken.add("/things.gz")
    with pytest.raises(DataError, match="truncated, the connection broke off"):
        content_from_mirrors(SOURCE, FILE, mirror=mirror.url, cache=tmp_path)
    assert files_in(tmp_path) == []


def test_every_mirror_that_failed_is_named(mirror: Mirror, gone: str, tmp_path: Path) -> None:
    source = replace(SOURCE, mirrors=(gone, mirror.url))
    with pytest.raises(DataError) as caught:
        content_from_mirrors(source, FILE, mirror=None, cache=tmp_path)
    sentence = str(caught.value)
    assert f"{gone}/things.gz: no connection" in sentence
    assert f"{mirror.url}/things.gz: the server answers 404 Not Found" in sentence
    assert "give the dataset a folder or another mirror" in sentence
    assert "\n" not in sentence


def test_full_disk_is_named_without_asking_another_mirror(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files["/things.gz"] = PACKED
    source = replace(SOURCE, mirrors=(mirror.url, mirror.url))
    with largest_file(10_000), pytest.raises(DataError, match=r"no room for things.gz in"):
        content_from_mirrors(source, FILE, mirror=None, cache=tmp_path)
    assert mirror.requests == ["/things.gz"]
    assert files_in(tmp_path) == []


def test_cache_that_is_no_folder_is_named(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files["/things.gz"] = PACKED
    (tmp_path / "things").write_text("in the way")
    with pytest.raises(DataError, match="set UNSTUCK_CACHE to another folder"):
        content_from_mirrors(SOURCE, FILE, mirror=mirror.url, cache=tmp_path)


@pytest.mark.parametrize(
    ("name", "stored"),
    [("things.gz", PACKED), ("things.gz", gzip.compress(CONTENT, 1)), ("things", CONTENT)],
)
def test_folder_gives_a_file_however_it_is_compressed(
    tmp_path: Path, name: str, stored: bytes
) -> None:
    (tmp_path / name).write_bytes(stored)
    assert content_from_folder(FILE, tmp_path) == CONTENT
    assert files_in(tmp_path) == [name]


def test_a_folder_may_be_that_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine/things").mkdir(parents=True)
    (tmp_path / "mine/things/things").write_bytes(CONTENT)
    assert content_from_folder(FILE, "~/mine/things") == CONTENT
    monkeypatch.setenv("UNSTUCK_CACHE", "~/mine")
    assert content_from_mirrors(SOURCE, FILE, mirror="http://x.invalid", cache=None) == CONTENT
    with pytest.raises(DataError, match="the folder ~no one/mine lacks"):
        content_from_folder(FILE, "~no one/mine")


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (None, r"the folder .* lacks things.gz"),
        (gzip.compress(CONTENT[:-1] + b"!"), "things.gz has the wrong checksum"),
        (PACKED[:-2], "truncated gzip file"),
    ],
)
def test_folder_with_a_wrong_file_is_refused(
    tmp_path: Path, stored: bytes | None, reason: str
) -> None:
    if stored is not None:
        (tmp_path / "things.gz").write_bytes(stored)
    with pytest.raises(DataError, match=reason):
        content_from_folder(FILE, tmp_path)


@pytest.fixture
def served_fashion_mnist(mirror: Mirror, fashion_mnist_folder: Path) -> Mirror:
    """Local mirror of the real files."""
    for file in SOURCES["fashion_mnist"].files:
        mirror.files[f"/fashion/{file.name}"] = (fashion_mnist_folder / file.name).read_bytes()
    return mirror


def test_real_fashion_mnist_comes_by_download_once(
    served_fashion_mnist: Mirror, fashion_mnist_folder: Path, tmp_path: Path
) -> None:
    sizes = {"source": "fashion_mnist", "train": 64, "validation": 32, "test": 32}
    spec = DatasetSpec.model_validate({**sizes, "mirror": f"{served_fashion_mnist.url}/fashion"})
    first = prepare(spec, (0,), tmp_path)
    assert len(served_fashion_mnist.requests) == 4
    second = prepare(spec, (0,), tmp_path)
    assert len(served_fashion_mnist.requests) == 4
    folder = {"folder": str(fashion_mnist_folder)}
    local = prepare(DatasetSpec.model_validate({**sizes, **folder}), (0,))
    assert first.card == second.card == local.card
    assert files_in(tmp_path) == sorted(
        file.content_name for file in SOURCES["fashion_mnist"].files
    )


def test_real_fashion_mnist_with_one_label_changed_is_refused(
    served_fashion_mnist: Mirror, tmp_path: Path
) -> None:
    path = "/fashion/train-labels-idx1-ubyte.gz"
    labels = bytearray(gzip.decompress(served_fashion_mnist.files[path]))
    labels[-1] = (labels[-1] + 1) % 10
    served_fashion_mnist.files[path] = gzip.compress(bytes(labels))
    source = SOURCES["fashion_mnist"]
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte.gz: wrong checksum"):
        content_from_mirrors(
            source, source.files[1], mirror=f"{served_fashion_mnist.url}/fashion", cache=tmp_path
        )
    assert files_in(tmp_path) == []
