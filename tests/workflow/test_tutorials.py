"""What a tutorial says can be copied and pasted, in an empty folder."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import REPOSITORY, copy_repository
from PIL import Image
from sklearn.datasets import load_wine

from unstuck.data.spec import DatasetSpec
from unstuck.files import read_json

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    text = (REPOSITORY / "docs/tutorials" / page).read_text(encoding="utf-8")
    return [block for found, block in BLOCK.findall(text) if found == language]


def planned(said: str) -> set[str]:
    """Rules that a dry run would run, by its table."""
    return set(re.findall(r"^ *(\w+) +\d+ *$", said, re.MULTILINE))


class Reader:
    """Someone who types what a page says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "reader"
        self.folder.mkdir()
        checkout = copy_repository(folder / "unstuck").folder
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**os.environ, "UNSTUCK": str(checkout), "PATH": programs}

    def saves(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def types(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def pets() -> None:
    """Images of two classes, one greener than the other."""
    for number in range(20):
        place = Path("pets/cat" if number % 2 else "pets/dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4), (9 * number, 200 * (number % 2), 0)).save(place / f"{number}.png")


def test_an_experiment_a_claim_and_a_cluster(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    new, planning, _, _ = blocks("first-experiment.md", "console")
    reader.types(new)
    # as the pages have it, but for less of it
    study = (reader.folder / "mine.yaml").read_text(encoding="utf-8")
    study = study.replace("seeds: 10", "seeds: 2").replace("epochs: 5", "epochs: 1")
    study = study.replace("{low: 0.001, high: 1}", "{low: 0.1, high: 0.1}\n  extensions: 0")
    naming = blocks("my-claim.md", "yaml")[0].splitlines()[-1]
    reader.saves("mine.yaml", re.sub(r"claims: \[\].*", naming, study))
    claim, judging = blocks("my-claim.md", "console")
    reader.types(claim)
    # to copy its command would run it whole
    assert "--configfile mine.yaml --cores all" in reader.types(planning)
    said = reader.types(judging)
    assert "ok: mine.yaml judges 1 claim" in said
    assert "Do small batches test better than the whole set at once?" in said
    assert not (
        reader.folder / "results/mine/runs/batch_momentum-digits-small-adam-16-off"
    ).exists()
    runs = pd.read_csv(reader.folder / "results/mine/tables/batch_epochs.runs.csv")
    (_, *shown) = blocks("first-experiment.md", "console")[-1].split("--results")
    assert "To train it alone" in reader.types(
        f"unstuck show {runs['run_id'][0][:6]} --results{shown[0]}"
    )
    (cluster,) = blocks("my-cluster.md", "console")
    assert {"train", "measurement"} <= planned(reader.types(f"{cluster.strip()} --dry-run"))


def test_my_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(tmp_path)
    (program,) = blocks("my-data.md", "python")
    reader.saves("data.py", program)
    # images too, in the same call
    study, others = (yaml.safe_load(each) for each in blocks("my-data.md", "yaml"))
    monkeypatch.chdir(reader.folder)
    pets()
    study["datasets"]["images"] = others["datasets"]["images"]
    study["networks"]["filters"] = {"kind": "conv2d", "hidden": [2]}
    study["experiments"]["pets"] = {
        **{"dataset": "images", "network": "filters", "batch_size": 4, "lr": 0.1},
        **{"epochs": 8, "seeds": 2},
    }
    reader.saves("mine.yaml", yaml.safe_dump(study, sort_keys=False))
    _, made, ran, changed = blocks("my-data.md", "console")
    reader.types(made)
    reader.types(ran)
    results = reader.folder / "results/mine"
    card = read_json(results / "data/wine.json")
    assert card["class_names"] == ["Barbera", "Barolo", "Grignolino"]
    assert card["columns"][-2:] == ["strength=light", "strength=strong"]
    runs = pd.read_csv(results / "tables/batches.runs.csv")
    assert runs.loc[runs["chosen"], "test_accuracy"].mean() > 0.6
    assert len(pd.read_csv(results / "tables/batches.spectra.csv")) == 4
    assert (results / "report/index.html").exists()
    assert pd.read_csv(results / "tables/pets.runs.csv")["train_accuracy"].mean() == 1
    # moved, touched and named anew, it is the same table
    shutil.copyfile(reader.folder / "wine.csv", reader.folder / "wines.csv")
    study = yaml.safe_load((reader.folder / "mine.yaml").read_text())
    study["datasets"]["wine"]["file"]["path"] = "wines.csv"
    reader.saves("moved.yaml", yaml.safe_dump(study, sort_keys=False))
    moved = reader.types("snakemake -s $UNSTUCK/Snakefile --configfile moved.yaml --dry-run")
    assert not {"dataset", "train"} & planned(moved)
    assert {"dataset", "train", "measurement"} <= planned(reader.types(changed))


def test_other_files_of_my_data_are_read_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    load_wine(as_frame=True).frame.rename(columns={"target": "cultivar"}).to_parquet("wine.parquet")
    np.savez("points.npz", x=rng.normal(size=(30, 2, 5)), y=np.arange(30) % 3, z=0)
    pets()
    described = yaml.safe_load(blocks("my-data.md", "yaml")[1])["datasets"]
    shapes = {
        name: DatasetSpec.model_validate(each).input_shape for name, each in described.items()
    }
    assert shapes == {"columns": (3,), "arrays": (2, 5), "images": (3, 4, 6)}


def test_my_network(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    (reader.folder / "nets").mkdir()
    (module,), (study,) = (blocks("my-network.md", each) for each in ("python", "yaml"))
    reader.saves("nets/mine.py", module)
    reader.saves("mine.yaml", study)
    _, command = blocks("my-network.md", "console")
    alone = "snakemake -s $UNSTUCK/Snakefile --configfile mine.yaml --dry-run || true"
    (sentence,) = blocks("my-network.md", "text")
    assert sentence.strip() in reader.types(alone)
    reader.types(command)
    tables = reader.folder / "results/mine/tables"
    runs = pd.read_csv(tables / "depth.runs.csv")
    assert list(runs["arguments.depth"].value_counts()) == [4, 4]
    assert set(runs["engine"]) == {"torch"}
    spectra = pd.read_csv(tables / "depth.spectra.csv")
    assert (spectra["negative"] + spectra["zero"] + spectra["positive"] == spectra.parameters).all()
    assert len(pd.read_csv(tables / "depth.stalls.csv")) == 4
    page = (reader.folder / "results/mine/report/study.html").read_text(encoding="utf-8")
    assert hashlib.sha256(module.encode()).hexdigest() in page
    # other code is other runs, and no file can allow it
    again = f"{command.strip()} --dry-run"
    assert not planned(reader.types(again))
    reader.saves("nets/mine.py", f"{module}\n# another word\n")
    said = reader.types(again)
    assert {"train", "measurement"} <= planned(said)
    # 8 runs of 3 epochs of 8 batches
    assert "Up to 8 runs would be trained, 192 updates in all, in 2 jobs" in said
    reader.saves("mine.yaml", f"{study}\ncode: nets/mine.py\n")
    assert "code: only the command line can allow code" in reader.types(alone)
