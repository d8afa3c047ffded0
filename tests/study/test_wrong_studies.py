"""What a person gets wrong in a study: one sentence with file, key and what would be right."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from unstuck.claims.planning import planned_claims
from unstuck.errors import UnstuckError, found_in
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan

REPOSITORY = Path(__file__).parents[2]
#: by kind, changes of the study that stands first: `path/to/key: value`, or a key to `cut`; what
#: the caller is `allowing` to run; and how the sentence that this `says` begins, behind the file
TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("wrong_studies.yaml").read_text())
STUDY = TABLE.pop("study")
CASES = [(kind, case) for kind, cases in TABLE.items() for case in cases]
#: words of libraries
FOREIGN = re.compile(r"pydantic|Traceback|Extra inputs|Input should|Error\b|\bNone\b")

MODULES = {
    "net.py": """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self, width):
        super().__init__(nn.Flatten(), nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 10))

class Wide(Net):
    def __init__(self, width):
        super().__init__(width)
        self.append(nn.Linear(10, 12))

class Dropping(Net):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x))

class Branching(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)

def Number(width):
    return width
""",
    "broken.py": "class Net: ...\n\nthere\n",
    "unfinished.py": "class Net:\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of forty bottles and some files of code."""
    folder = tmp_path_factory.mktemp("wrong")
    rows = [f"{n % 7}.5,{n},{'red' if n % 3 else 'white'},{'ab'[n % 2]}" for n in range(40)]
    (folder / "wine.csv").write_text("\n".join(["ash,hue,colour,kind", *rows, ""]))
    for name, source in MODULES.items():
        (folder / name).write_text(source)
    return folder


def changed(case: dict[str, Any]) -> dict[str, Any]:
    study = copy.deepcopy(STUDY)
    for path, value in case.items():
        *parents, last = (value if path == "cut" else path).split("/")
        here = study
        if path in ("says", "allowing"):
            continue
        for key in parents:
            here = here[key]
        if path == "cut":
            del here[last]
        else:
            here[last] = value
    return study


def said(case: dict[str, Any]) -> str:
    """The sentence that planning a study ends with."""
    own = STUDY["networks"]["own"] | case.get("networks/own", {})
    origin = case.get("networks/own/file", own.get("package", own["file"]))
    # what Snakefile and command do
    try:
        study = parse_study(changed(case) | {"code": case.get("allowing", origin)}, "mine.yaml")
        with found_in("mine.yaml"):
            plan = Plan(study)
            plan.try_modules()
            planned_claims(study.claims, REPOSITORY / "workflow/claims", plan)
    except UnstuckError as error:
        return str(error)
    return "accepted"


def test_there_are_many_of_every_kind() -> None:
    assert len(CASES) > 300
    assert min(map(len, TABLE.values())) >= 9


def test_the_study_is_right_but_for_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert said({}) == said({"experiments/grid/network": "own"}) == "accepted"


@pytest.mark.parametrize(
    "case", [case for _, case in CASES], ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(CASES)]
)
def test_a_mistake_gets_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]
) -> None:
    monkeypatch.chdir(folder)
    sentence = said(case)
    assert sentence.startswith(f"mine.yaml: {case['says']}")
    assert len(sentence) <= 400
    assert sentence.endswith((".", "?"))
    assert not sentence.endswith(("..", "?."))
    assert "\n" not in sentence
    assert not FOREIGN.search(sentence)
