"""Data of one's own: as other libraries read and prepare the same file, or one sentence."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.data.split import stratified_split
from unstuck.errors import ConfigError, DataError
from unstuck.study.load import parse_study

REPOSITORY = Path(__file__).parents[2]
PARTS = ("test", "validation", "train")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Snakemake would work."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec(path: str, *, of: dict[str, Any] | None = None, **content: object) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {"source": "file", "file": {"path": path, **(of or {})}, **content}
    )


def wine() -> pd.DataFrame:
    """Numbers, words and classes with names."""
    frame = load_wine(as_frame=True).frame
    frame["target"] = np.array(["Barolo", "Grignolino", "Barbera"])[frame["target"]]
    frame.insert(3, "strength", np.where(frame["alcohol"] < 13, "light", "strong"))
    return frame


def images(folder: Path, *, seed: int = 0) -> np.ndarray:
    """Write images of two classes, and give them `[N, H, W, C]`."""
    x = np.random.default_rng(seed).integers(256, size=(12, 4, 5, 3), dtype=np.uint8)
    for number, image in enumerate(x):
        place = folder / ("cat" if number < 5 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:02}.png")
    (folder / "cat/.hidden").write_text("no image")
    (folder / "LICENCE").write_text("of no class")
    return x


def assert_prepared(described: DatasetSpec, x: Any, y: np.ndarray, transform: Any) -> None:
    """Hold prepared units against the same splits, prepared by scikit-learn."""
    made = prepare(described, (0, 3))
    for unit in (0, 3):
        rows = stratified_split(y, [getattr(described, part) for part in PARTS], unit)
        taken = [x.iloc[row] if isinstance(x, pd.DataFrame) else x[row] for row in rows]
        transform.fit(taken[-1])
        split = made.unit(unit)
        for part, row, given in zip(PARTS, rows, taken, strict=True):
            expected = transform.transform(given)
            np.testing.assert_allclose(getattr(split, f"x_{part}"), expected, rtol=0, atol=1e-6)
            np.testing.assert_array_equal(getattr(split, f"y_{part}"), y[row])


@pytest.mark.parametrize("kind", [".csv", ".semicolons.csv", ".parquet"])
def test_a_table_is_prepared_as_scikit_learn_prepares_it(kind: str) -> None:
    frame = wine()
    path = f"wine{kind}"
    if kind == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep=";" if "semi" in kind else ",")
    described = spec(path, of={"target": "target", "categorical": ["strength"]})
    numbers = [name for name in frame if name not in ("strength", "target")]
    encoded = ColumnTransformer(
        [("numbers", "passthrough", numbers), ("words", OneHotEncoder(), ["strength"])],
        sparse_threshold=0,
    )
    labels = LabelEncoder().fit(frame["target"])
    assert_prepared(
        described,
        frame,
        labels.transform(frame["target"]),
        make_pipeline(encoded, StandardScaler()),
    )
    assert (described.train, described.validation, described.test) == (108, 35, 35)
    card = prepare(described, (0,)).card
    assert card["class_names"] == list(labels.classes_) == ["Barbera", "Barolo", "Grignolino"]
    assert card["title"].endswith(": Barbera, Barolo, Grignolino")
    assert card["columns"] == [*numbers, "strength=light", "strength=strong"]


def test_columns_are_chosen() -> None:
    wine().to_csv("wine.csv", index=False)
    described = spec("wine.csv", of={"target": "strength", "inputs": ["hue", "ash"]})
    assert described.class_names == ("light", "strong")
    assert_prepared(
        described,
        wine()[["hue", "ash"]],
        (wine()["strength"] == "strong").to_numpy().astype(int),
        StandardScaler(),
    )


@pytest.mark.parametrize("shape", [(6,), (2, 5), (3, 4, 4)])
def test_arrays_are_prepared_as_they_stand(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, *shape)), rng.permutation(np.repeat([3, 7, 11, 20], 10))
    np.savez_compressed("points.npz", points=x, kind=y)
    described = spec("points.npz", of={"target": "kind"}, standardise="none")
    assert (described.input_shape, described.class_names) == (shape, ("3", "7", "11", "20"))
    numbers = np.searchsorted([3, 7, 11, 20], y)

    class Nothing:
        def fit(self, _: np.ndarray) -> None: ...
        def transform(self, given: np.ndarray) -> np.ndarray:
            return given

    assert_prepared(described, x, numbers, Nothing())


@pytest.mark.parametrize("grey", [False, True])
def test_images_are_those_that_pillow_reads(folder: Path, grey: bool) -> None:
    x = images(folder / "pets")
    if grey:
        for file in folder.rglob("*.png"):
            Image.open(file).convert("L").save(file)
        x = np.stack([np.array(Image.fromarray(image).convert("L"))[..., None] for image in x])
    described = spec("pets", standardise="none", validation=2, test=4)
    assert (described.class_names, described.train) == (("cat", "dog"), 6)
    y = np.repeat([0, 1], [5, 7])
    made = prepare(described, (0,)).unit(0)
    for part, rows in zip(PARTS, stratified_split(y, (4, 2, 6), 0), strict=True):
        expected = x[rows].transpose(0, 3, 1, 2) / np.float32(255)
        np.testing.assert_array_equal(getattr(made, f"x_{part}"), expected.astype(np.float32))
        np.testing.assert_array_equal(getattr(made, f"y_{part}"), y[rows])


def write(file: str, frame: pd.DataFrame | str | bytes | dict[str, Any]) -> None:
    if isinstance(frame, pd.DataFrame):
        frame.to_parquet(file) if file.endswith("parquet") else frame.to_csv(file, index=False)
    elif isinstance(frame, dict):
        np.savez(file, **frame)
    else:
        Path(file).write_bytes(frame.encode() if isinstance(frame, str) else frame)


def numbers(**columns: Any) -> pd.DataFrame:
    """Twenty rows of two classes, with columns replaced or added."""
    given = {"a": range(20), "b": np.linspace(-1, 1, 20), "y": ["no", "yes"] * 10}
    return pd.DataFrame({**given, **columns})


def but(column: Any, row: int, value: Any) -> list[Any]:
    changed = list(column)
    changed[row] = value
    return changed


STUDY = {
    "title": "Mine",
    "results": "results/mine",
    "networks": {"small": {"hidden": [4]}},
    "tuning": {"rates": {}},
    "experiments": {
        "grid": {"dataset": "mine", "network": "small", "batch_size": 4, "lr": 0.1, "epochs": 1}
    },
}
TARGET = {"target": "y"}
X, Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2


@pytest.mark.parametrize(
    ("file", "content", "of", "words"),
    [
        ("t.csv", None, TARGET, "t.csv cannot be read (No such file or directory); paths are"),
        ("~no one/t.csv", None, TARGET, "t.csv cannot be read (No such file or directory); paths"),
        ("/dev/zero", None, TARGET, "/dev/zero cannot be read (it is neither a file nor a folder)"),
        ("", None, TARGET, "datasets.mine.file.path: '' is wrong; it should be a text that is not"),
        ("t.xls", "a,y", TARGET, "is no .csv, .parquet or .npz file and no folder of images"),
        ("t.csv", "", TARGET, "cannot be read as .csv (No columns to parse from file)"),
        ("t.csv", "a,y\n1,2,3\n4,5,6", TARGET, "cannot be read as .csv (Length of header or names"),
        ("t.csv", "a,y\n1,2\n4,5,6", TARGET, "cannot be read as .csv (Error tokenizing data"),
        ("t.csv", "a,y\n", TARGET, "has 0 rows of 1 columns beside the target"),
        ("t.csv", b"a,y\n1,\xff", TARGET, "cannot be read as .csv ('utf-8' codec can't decode"),
        ("t.parquet", b"PAR1", TARGET, "t.parquet: it cannot be read as .parquet ("),
        ("t.csv", numbers(), {}, "target is missing; name what holds the classes, of a, b, y"),
        ("t.csv", numbers(), {"target": "z"}, "column 'z' is unknown; known are a, b, y"),
        ("t.csv", numbers(), {**TARGET, "inputs": ["a", "c"]}, "column 'c' is unknown; known are"),
        ("t.csv", numbers(), {**TARGET, "inputs": ["a", "y"]}, "'y' is the target, and so no"),
        ("t.csv", numbers(), {**TARGET, "inputs": ["a", "a"]}, "'a' is named more than once"),
        ("t.csv", numbers(), {**TARGET, "categorical": ["y"]}, "categorical: 'y' is unknown"),
        ("t.csv", numbers()[["y"]], TARGET, "has 20 rows of 0 columns beside the target"),
        ("t.csv", numbers().reset_index(names=""), TARGET, "column 1 has no name, so it may"),
        ("t.csv", numbers(b=but(range(20), 6, None), y=but(["no", "yes"] * 10, 2, None)), TARGET,
         "values are missing in column 'b' (1, the first in row 7), column 'y' (1, the first in "
         "row 3); fill them in, or drop those rows"),
        ("t.parquet", numbers(a=pd.array(but(range(20), 1, None), "Int64")), TARGET,
         "values are missing in column 'a' (1, the first in row 2)"),
        ("t.csv", numbers(a="u", b=but(range(20), 3, "1,5")), TARGET,
         "no numbers stand in the columns 'a' ('u'), 'b' ('1,5'); name them in categorical, or"),
        ("t.parquet", numbers(a=pd.date_range("2020", periods=20)), TARGET, "columns 'a' ('2020-"),
        ("t.csv", numbers(b=but(range(20), 3, np.inf)), TARGET, "column 'b' holds inf in row 4"),
        ("t.csv", numbers(b=but(range(20), 3, 1e300)), TARGET, "column 'b' holds 1e+300 in row 4"),
        ("t.csv", numbers(a=1, b=2), TARGET, "all samples are alike; there is nothing to learn"),
        ("t.csv", numbers(y="no"), TARGET, "the column 'y' has one class only, 'no'"),
        ("t.csv", numbers(), {"target": "b", "inputs": ["a"]}, "'b' holds -0.894737; classes are"),
        ("t.npz", b"\x80\x04K\x01.", TARGET, "cannot be read as .npz"),
        ("t.npz", {"x": X, "y": Y.astype(object)}, TARGET, "cannot be read as .npz (it holds obj"),
        ("t.npz", {"x": X, "z": X, "y": Y}, TARGET, "inputs the one array of samples, of x,"),
        ("t.npz", {"y": Y}, TARGET, "name in inputs the one array of samples"),
        ("t.npz", {"x": X, "y": Y}, {**TARGET, "categorical": ["x"]}, "categorical is for columns"),
        ("t.npz", {"x": X[1:], "y": Y}, TARGET, "'y' has the shape (20,), and 19 samples should"),
        ("t.npz", {"x": X, "y": np.eye(20)}, TARGET, "'y' has the shape (20, 20), and 20 samples"),
        ("t.npz", {"x": X[:, 0], "y": Y}, TARGET, "'x' has the shape (20,); it should be [N, feat"),
        ("t.npz", {"x": X + 1j, "y": Y}, TARGET, "'x' holds no real numbers (complex128)"),
        ("t.npz", {"x": X.astype(str), "y": Y}, TARGET, "'x' holds no real numbers (<U"),
        ("t.npz", {"x": X, "y": Y.astype("S1")}, TARGET, "neither words nor numbers (|S1)"),
        ("t.npz", {"x": np.where(X == 5, np.nan, X), "y": Y}, TARGET, "'x' holds nan in row 3"),
        ("t.csv", numbers(), {**TARGET, "sha256": "0" * 64}, "t.csv has changed: its sha256 is"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_from_is_refused_in_one_sentence(
    file: str, content: Any, of: dict[str, Any], words: str
) -> None:
    if content is not None:
        write(file, content)
    mine = {"source": "file", "file": {"path": file, **of}}
    with pytest.raises(ConfigError) as caught:
        parse_study({**STUDY, "datasets": {"mine": mine}}, "mine.yaml")
    sentence = str(caught.value)
    assert words in sentence
    assert sentence.startswith("mine.yaml: datasets.mine.file")
    assert file in sentence or "more than once" in sentence
    assert sentence[-1] in ".?"
    assert "\n" not in sentence


def test_only_images_of_one_size_and_mode_are_taken(folder: Path) -> None:
    def refused() -> str:
        with pytest.raises(ValidationError) as caught:
            spec("pets")
        return str(caught.value.errors()[0]["msg"])

    (folder / "pets/empty").mkdir(parents=True)
    assert "needs two folders or more, one a class, each with images" in refused()
    images(folder / "pets", seed=1)
    assert "the folder empty holds no image; each folder is a class" in refused()
    (folder / "pets/empty").rmdir()
    with pytest.raises(ValidationError, match="takes no target, inputs or categorical"):
        spec("pets", of={"target": "cat"})
    odd = folder / "pets/dog/odd.png"
    for size, mode, words in (((5, 5), "RGB", "5 × 5 RGB"), ((5, 4), "RGBA", "5 × 4 RGBA")):
        Image.new(mode, size).save(odd)
        assert f"cat/00.png is 5 × 4 RGB, and dog/odd.png is {words}; make all" in refused()
    odd.write_text("notes")
    assert "dog/odd.png is no image of BMP, JPEG, PNG, TIFF, WEBP" in refused()
    odd.unlink()
    for file in (folder / "pets").rglob("*.png"):
        Image.new("P", (5, 4)).save(file)
    assert "its images have the mode P; save them as L (grey) or RGB" in refused()


def test_a_damaged_image_is_named_when_it_is_read(folder: Path) -> None:
    images(folder / "pets")
    broken = folder / "pets/cat/03.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError, match=r"pets/cat/03.png is damaged"):
        prepare(spec("pets"), (0,))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"train": 16}, "train + validation + test = 24, but t.csv has 20 samples"),
        ({"only": [0, 3]}, "but classes of t.csv have the numbers 0 to 2, each once"),
        ({"only": [0, 1], "train": 17, "test": 1, "validation": 1}, "= 19, but t.csv has 11 sam"),
        ({"train": 2}, "none of 2 training samples is of the class 'rare' of t.csv"),
        ({"transforms": [{"kind": "permute"}]}, "permute is for patterns of channels and places"),
        ({"folder": "."}, "folder is not for source: file; its place is file.path"),
        ({"source": "digits"}, "file is given, but the source is digits; take source: file"),
        ({"file": None}, "source: file needs file, such as {path: mine.csv, target: class}"),
    ],
)
def test_what_does_not_go_with_own_data_is_refused(content: dict[str, Any], words: str) -> None:
    write("t.csv", numbers(y=["no", "yes"] * 9 + ["rare"] * 2))
    given = {"source": "file", "file": {"path": "t.csv", **TARGET}}
    with pytest.raises(ValidationError) as caught:
        DatasetSpec.model_validate({**given, **content})
    assert words in str(caught.value)


def test_a_class_of_one_sample_is_left_out_or_refused() -> None:
    write("t.csv", numbers(y=["no", "yes"] * 9 + ["yes", "rare"]))
    with pytest.raises(ValidationError, match=r"'rare' of t.csv has one sample, which cannot"):
        spec("t.csv", of=TARGET)
    kept = spec("t.csv", of=TARGET, only=[2, 0])
    assert (kept.class_names, kept.train) == (("yes", "no"), 13)
    assert set(prepare(kept, (0,)).unit(0).y_test) == {0, 1}


def test_a_constant_column_becomes_0_and_is_counted() -> None:
    write("t.csv", numbers(c=0.1))
    for how in ("feature", "global", "none"):
        made = prepare(spec("t.csv", of=TARGET, standardise=how), (0,))
        assert np.isfinite(made.tensors["x_train"]).all()
    made = prepare(spec("t.csv", of=TARGET), (0,))
    assert (made.tensors["x_test"][:, 2] == 0).all()
    assert made.card["units"][0]["constant_features"] == 1


def test_numbers_far_from_0_keep_their_digits() -> None:
    write("t.csv", numbers(a=1_700_000_000 + np.arange(20)))
    split = prepare(spec("t.csv", of=TARGET), (0,)).unit(0)
    assert len(np.unique(split.x_train[:, 0])) == len(split.x_train)


def test_content_and_not_place_makes_the_dataset() -> None:
    write("t.csv", numbers())
    planned = spec("t.csv", of=TARGET)
    assert DatasetSpec.model_validate(planned.model_dump(mode="json")) == planned
    Path("other").mkdir()
    Path("t.csv").rename("other/u.csv")
    assert spec("other/u.csv", of=TARGET).digest == planned.digest
    write("t.csv", numbers(a=but(range(20), 3, 4)))
    assert spec("t.csv", of=TARGET).digest != planned.digest
    # as the job reads what was planned
    with pytest.raises(ValidationError, match=r"t.csv has changed"):
        DatasetSpec.model_validate(planned.model_dump(mode="json"))


def test_a_file_that_changes_after_planning_stops_its_job(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("t.csv", numbers())
    config = {
        **STUDY,
        "datasets": {"mine": {"source": "file", "file": {"path": "t.csv", **TARGET}}},
    }
    planned = parse_study(config).datasets["mine"].digest
    write("t.csv", numbers(a=but(range(20), 3, 4)))
    snakemake = SimpleNamespace(
        log=[str(folder / "log")],
        config=config,
        wildcards=SimpleNamespace(dataset="mine"),
        params=SimpleNamespace(digest=planned, units=[0]),
    )
    with pytest.raises(SystemExit):
        runpy.run_path(str(REPOSITORY / "scripts/prepare_dataset.py"), {"snakemake": snakemake})
    assert "t.csv has changed since planning; run snakemake again." in capsys.readouterr().err


def test_content_of_images_is_their_bytes_and_classes(folder: Path) -> None:
    images(folder / "pets")
    first = spec("pets").digest
    (folder / "pets/cat/.hidden").unlink()
    assert spec("pets").digest == first
    (folder / "pets/cat/00.png").rename(folder / "pets/dog/00.png")
    assert spec("pets").digest != first
