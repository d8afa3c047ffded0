"""Whatever bytes stand in a file that the workflow reads: a clean error that names it, at most."""

import gzip
import io
import shutil
import struct
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from unstuck.claims.model import load_claim
from unstuck.claims.results import VERDICT, load_summaries
from unstuck.data.cifar import FOLDER, RECORD, TEST_MEMBER, TRAIN_MEMBERS, parse_cifar10
from unstuck.data.dataset import Dataset, Split
from unstuck.data.idx import parse_idx
from unstuck.data.prepare import prepare
from unstuck.errors import UnstuckError
from unstuck.files import MARK, read_parquet, read_safetensors, write_json, write_parquet
from unstuck.study.load import load_study, parse_study
from unstuck.study.plan import Wanted
from unstuck.study.tables import collect
from unstuck.training.bank import read_result
from unstuck.training.checkpoint import Checkpoint
from unstuck.training.result import MEASUREMENTS, JobResult

REPOSITORY = Path(__file__).parents[2]
OWNER = {"runs": ["a"]}
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A way to damage bytes: cut, grown, or with a few of them changed."""
    kind = draw(st.sampled_from(["cut", "change", "grow", "replace"]))
    place = draw(st.floats(0, 1, exclude_max=True))
    few = draw(st.binary(min_size=1, max_size=6))
    if kind == "cut":
        return lambda whole: whole[: int(place * len(whole))]
    if kind == "replace":
        return lambda whole: few
    if kind == "grow":
        return lambda whole: (
            whole[: int(place * len(whole))] + few + whole[int(place * len(whole)) :]
        )

    def change(whole: bytes) -> bytes:
        start = int(place * len(whole))
        return whole[:start] + few + whole[start + len(few) :]

    return change


def dataset(folder: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(16, 4)).astype(np.float32), random.integers(0, 3, 16)
    split = Split(x, y, x, y, x, y, classes=3)
    card = {
        "splits": "each",
        "standardise": "none",
        "samples": {"train": 16},
        "shape": [4],
        "citation": "none",
        "url": "https://example.org",
        "licence": "none",
        "digest": "0",
        "title": "Sixteen points",
    }
    made = Dataset.of({0: split, 1: split}, card)
    made.save(folder / "set.safetensors", folder / "set.json")


def read_dataset(folder: Path) -> object:
    return Dataset.load(folder / "set.safetensors", folder / "set.json")


def job(folder: Path) -> None:
    rows = [
        {"run_id": f"r{n}", "cell": "c", "role": "fixed", "dataset": "digits", "lr": 0.1}
        | {"seed": n, **dict.fromkeys(MEASUREMENTS, 1.0), "code": "code"}
        for n in range(3)
    ]
    curves = pd.DataFrame(
        {"cell": "c", "run_id": [r["run_id"] for r in rows], "update": 0, "epoch": 0.0}
    )
    weights = {f"r{n}": np.ones(5, np.float32) for n in range(3)}
    JobResult(pd.DataFrame(rows), curves, weights).save(folder)


def read_job(folder: Path) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = read_result(folder)
    finished = result.finished({"code"}) if result else set()
    runs, out = [folder / "runs.parquet"], (folder / "out.parquet", folder / "out.csv")
    of_runs, of_curves = ("run_id", "cell", "lr", "seed"), ("run_id", "cell", "seed", "update")
    collect(runs, Wanted({"c": range(3)}, of_runs, {}), *out)
    collect([folder / "curves.parquet"], Wanted({"c": range(3)}, of_curves, {}), *out, runs=runs)
    return finished


def checkpoint(folder: Path) -> None:
    # it lies among the results of a study, where files have checksums
    write_json(folder / MARK, {})
    Checkpoint(folder / "state.safetensors").save(
        OWNER, {"theta": np.ones(7), "update": np.ones(1)}
    )


def read_checkpoint(folder: Path) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state = Checkpoint(folder / "state.safetensors").load(OWNER)
    assert state is None or (state["theta"] == 1).all()
    return state


def verdict(folder: Path) -> None:
    write_json(folder / VERDICT, {"claim": "1.2.5", "word": "supported", "comparisons": []})


def idx(folder: Path) -> None:
    values = np.arange(24, dtype=np.uint8)
    (folder / "images").write_bytes(struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 3, 4) + values.tobytes())


def cifar(folder: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in (*TRAIN_MEMBERS, TEST_MEMBER, f"{FOLDER}/readme.html"):
            info = tarfile.TarInfo(name)
            info.size = RECORD
            tar.addfile(info, io.BytesIO(bytes(RECORD)))
    (folder / "cifar.tar").write_bytes(buffer.getvalue())


def read_cifar(folder: Path) -> object:
    content = (folder / "cifar.tar").read_bytes()
    return parse_cifar10(gzip.compress(content)), parse_cifar10(content)


def claim(folder: Path) -> None:
    shutil.copy(REPOSITORY / "docs/examples/my-claims/x.1-small-batches.yaml", folder)


def study(folder: Path) -> None:
    shutil.copy(REPOSITORY / "workflow/studies/smoke.yaml", folder)


ROWS = pd.DataFrame({"a": range(30), "b": ["u", "v", "w"] * 10, "y": ["no", "yes"] * 15})


def images(folder: Path) -> None:
    for number in range(6):
        place = folder / f"pets/{'cat' if number % 2 else 'dog'}"
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 4), number).save(place / f"{number}.png")


def read_own(path: Path, **file: object) -> object:
    mine = {"source": "file", "file": {"path": str(path), **file}}
    run = {"dataset": "mine", "network": "small", "lr": 0.1, "epochs": 1, "batch_size": "full"}
    config = yaml.safe_load((REPOSITORY / "workflow/studies/smoke.yaml").read_text())
    changes = {"datasets": {"mine": mine}, "experiments": {"grid": run}, "analyses": {}}
    return prepare(parse_study({**config, **changes}).datasets["mine"], (0,))


FILES: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "dataset": (dataset, read_dataset),
    "job": (job, read_job),
    "table": (
        lambda folder: write_parquet(folder / "table.parquet", pd.DataFrame({"a": [1.0, 2.0]})),
        lambda folder: read_parquet(folder / "table.parquet"),
    ),
    "weights": (checkpoint, lambda folder: read_safetensors(folder / "state.safetensors")),
    "checkpoint": (checkpoint, read_checkpoint),
    "verdict": (verdict, lambda folder: load_summaries([folder])),
    "idx": (idx, lambda folder: parse_idx((folder / "images").read_bytes(), "images")),
    "cifar10": (cifar, read_cifar),
    "claim": (claim, lambda folder: load_claim(next(folder.iterdir()))),
    "study": (study, lambda folder: load_study(folder / "smoke.yaml")),
    "own table": (
        lambda folder: ROWS.to_csv(folder / "mine.csv", index=False),
        lambda folder: read_own(folder / "mine.csv", target="y", categorical=["b"]),
    ),
    "own parquet": (
        lambda folder: ROWS.to_parquet(folder / "mine.parquet"),
        lambda folder: read_own(folder / "mine.parquet", target="y", categorical=["b"]),
    ),
    "own arrays": (
        lambda folder: np.savez(folder / "mine.npz", x=np.eye(30), y=np.arange(30) % 2),
        lambda folder: read_own(folder / "mine.npz", target="y"),
    ),
    "own images": (images, lambda folder: read_own(folder / "pets")),
}


@pytest.mark.parametrize("kind", FILES)
@EXAMPLES
@given(data=st.data())
def test_damage_gives_clean_errors(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    write, read = FILES[kind]
    folder = tmp_path / "files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write(folder)
    file = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
    damaged = data.draw(damage())(file.read_bytes())
    file.write_bytes(damaged)
    words = sentence(lambda: read(folder))
    if words is not None:
        assert "\n" not in words
        assert any(name in words for name in (file.name, file.stem, str(folder), "CIFAR-10")), words


def sentence(read: Callable[[], object]) -> str | None:
    """What the user is told where something cannot be read; other errors are not caught."""
    try:
        read()
    except UnstuckError as error:
        return str(error)
    return None
