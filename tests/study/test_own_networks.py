"""Networks of one's own in a study: planned without running them, and only by the caller's word."""

from pathlib import Path
from typing import Any

import pytest

from unstuck.errors import ConfigError
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan

#: would end the process that ran it
SOURCE = "raise SystemExit\n\nclass Net:\n    pass\n"
OWN = {"kind": "module", "file": "nets/mine.py", "name": "Net"}


@pytest.fixture
def own(config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The small study, with a network from a file of the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("nets").mkdir()
    Path("nets/mine.py").write_text(SOURCE)
    config["networks"] = {"own": {**OWN, "arguments": {"width": 4, "deep": True}}}
    grid = config["experiments"]["grid"]
    del grid["batchnorm"]
    grid |= {"network": "own", "arguments.width": [4, 8]}
    return config | {"code": "nets/mine.py"}


def recipes(config: dict[str, Any]) -> list[Any]:
    return [cell.run for cell in Plan(parse_study(config)).cells["grid"]]


def test_keyword_arguments_are_axes(own: dict[str, Any]) -> None:
    found = {tuple(sorted(recipe.network.arguments.items())) for recipe in recipes(own)}
    assert found == {(("deep", True), ("width", 4)), (("deep", True), ("width", 8))}
    plan = Plan(parse_study(own))
    assert plan.values("grid", "arguments.width") == (4, 8)
    assert plan.values("grid", "activation") == ("own",)


def test_other_source_makes_other_runs(own: dict[str, Any]) -> None:
    before = {recipe.digest for recipe in recipes(own)}
    assert before == {recipe.digest for recipe in recipes(own)}
    Path("nets/mine.py").write_text(SOURCE + "x = 1\n")
    assert not before & {recipe.digest for recipe in recipes(own)}


@pytest.mark.parametrize(
    ("network", "code", "message"),
    [
        (
            OWN,
            "",
            "code=nets/mine.py, or put --code nets/mine.py behind a word of unstuck, such as "
            "unstuck check.",
        ),
        (OWN, "nets/other.py", "networks.own: nets/mine.py is code, which a study alone does not"),
        ({**OWN, "file": "no.py"}, "no.py", "no.py cannot be read (No such file or directory)."),
        (
            {**OWN, "name": "Nut"},
            "nets/mine.py",
            "nets/mine.py defines no Nut; did you mean 'Net'?",
        ),
        ({**OWN, "file": "bad.py"}, "bad.py", "bad.py is no Python that can be read"),
        (
            {"kind": "module", "package": "not_there.nets", "name": "Net"},
            "not_there.nets",
            "the package not_there is not installed",
        ),
        ({"kind": "module", "name": "Net"}, "", "networks.own: kind: module needs a name, and"),
        ({**OWN, "package": "torch"}, "", "either the file or the package"),
        ({**OWN, "activation": "relu"}, "", "activation means nothing to kind: module"),
        ({**OWN, "kind": "dense"}, "", "file belongs to kind: module, and this is dense"),
        ({"hidden": [4]}, "", "experiments.grid: arguments belongs to kind: module"),
        ({**OWN, "arguments": {"width": None}}, "", "networks.own.arguments.width"),
    ],
)
def test_each_mistake_gets_a_sentence(
    own: dict[str, Any], network: dict[str, Any], code: str, message: str
) -> None:
    Path("bad.py").write_text("class Net:\n")
    own["networks"] = {"own": network}
    with pytest.raises(ConfigError) as refused:
        recipes(own | {"code": code})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_fields_of_built_in_networks_are_no_axes_of_a_module(own: dict[str, Any]) -> None:
    own["experiments"]["grid"]["activation"] = ["tanh", "relu"]
    with pytest.raises(ConfigError, match="activation means nothing to kind: module"):
        recipes(own)
