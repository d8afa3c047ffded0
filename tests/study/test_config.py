"""What a wrong configuration gets: one sentence that names file, key, value and the way out."""

from pathlib import Path
from typing import Any

import pytest

from unstuck.errors import ConfigError
from unstuck.study.config import RateGrid
from unstuck.study.load import load_study, parse_study
from unstuck.study.plan import Plan
from unstuck.yaml_files import parse_yaml

REPOSITORY = Path(__file__).parents[2]


def put(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split("/")
    here = config
    for key in parents:
        here = here[key]
    here[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("experimints", {}, "key 'experimints' is unknown; did you mean 'experiments'?"),
        ("experiments/grid/batch_sise", 3, "'batch_sise' is unknown; did you mean 'batch_size'?"),
        ("experiments/grid/batch_size", [32, "ful"], "experiments.grid.batch_size.1: 'ful'"),
        ("experiments/grid/batch_size", 0, "experiments.grid.batch_size: 0 is wrong"),
        ("experiments/grid/batch_size", [], "batch_size is an empty list"),
        ("experiments/grid/batch_size", [32, 32], "batch_size names a value twice"),
        ("experiments/grid/batch_size", 512, "512 is more than the 256 training samples of digits"),
        ("experiments/grid/optimizer", "adma", "'adma' is unknown; did you mean 'adam'?"),
        ("experiments/grid/dataset", "digit", "'digit' is unknown; did you mean 'digits'?"),
        ("experiments/grid/network", "smal", "'smal' is unknown; did you mean 'small'?"),
        ("experiments/grid/schedule", "cosin", "'cosin' is unknown; did you mean 'cosine'?"),
        ("experiments/grid/activation", "tanhh", "activation: 'tanhh' is wrong"),
        ("experiments/grid/momentum", [0.9, 1.5], "momentum: 1.5 is wrong"),
        ("experiments/grid/lr", -1, "experiments.grid.lr: -1 is wrong"),
        ("experiments/grid/updates", 5, "give either epochs or updates"),
        ("experiments/grid/seeds", "ten", "experiments.grid.seeds: 'ten' is wrong"),
        ("experiments/grid/exclude", [{"optimiser": "sgd"}], "did you mean 'optimizer'?"),
        ("experiments/grid/spectra", [{"where": {"batch_size": 64}}], "64 is none of its values"),
        (
            "experiments/grid",
            {
                **{"dataset": "digits", "network": "small", "epochs": 1, "lr": 0.1},
                **{"optimizer": "momentun", "spectra": [{"where": {"optimizer": "momentum"}}]},
            },
            "'momentun' is unknown; did you mean 'momentum'?",
        ),
        ("networks/small/hidden", 16, "16 is wrong; it should be a list, such as [16]."),
        ("experiments", {}, "experiments is empty"),
        ("experiments", 7, "experiments: 7 is wrong"),
        ("datasets/digits/source", "digitz", "did you mean 'digits'?"),
        ("datasets/digits/train", 1797, "digits has 1,797 samples"),
        ("datasets/digits/trian", 5, "'trian' is unknown; did you mean 'train'?"),
        ("datasets/../../etc", {"source": "digits"}, "datasets"),
        ("networks/small/hiden", [4], "'hiden' is unknown; did you mean 'hidden'?"),
        ("tuning/rates", {"sgd": {"low": 1, "high": 2}}, "no grid for 'adam'"),
        ("tuning/rates/default/low", 2, "high (1) must not be below low (2)"),
        ("execution", {"device": "gpu"}, "execution.device: 'gpu' is wrong"),
        ("execution", {"device": "cuda", "engine": "lanes"}, "lanes trains on the CPU"),
        ("results", "../elsewhere", "one folder below it such as results/mine."),
        (
            "networks",
            {"Small": {"hidden": [4]}},
            "lower-case letters, digits and _, a letter first",
        ),
        ("optimizers", {"mine": {"base": "adma"}}, "did you mean 'adam'?"),
        ("optimizers", {"mine": {"base": "adam", "momentum": 2}}, "optimizers.mine.momentum"),
    ],
)
def test_a_wrong_value_is_named(
    config: dict[str, Any], path: str, value: Any, message: str
) -> None:
    bent = (
        {**config, "datasets": {**config["datasets"], "../../etc": value}}
        if "etc" in path
        else put(config, path, value)
    )
    with pytest.raises(ConfigError) as caught:
        Plan(parse_study(bent, source="mine.yaml"))
    sentence = str(caught.value)
    assert message in sentence
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    assert not sentence.endswith("?.")
    if not path.startswith("optimizers"):
        assert sentence.startswith("mine.yaml: ")


def test_lanes_are_refused_in_float64(config: dict[str, Any]) -> None:
    put(config, "execution", {"engine": "lanes"})
    parse_study(config)
    put(config, "experiments/grid/dtype", ["float32", "float64"])
    with pytest.raises(ConfigError, match=r"experiments\.grid\.dtype: lanes train in float32"):
        parse_study(config)


@pytest.mark.parametrize("key", ["title", "datasets", "networks", "tuning", "experiments"])
def test_a_missing_key_is_named(config: dict[str, Any], key: str) -> None:
    del config[key]
    with pytest.raises(ConfigError, match=f"{key} is missing; it is required"):
        parse_study(config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a\n- b\n", "must hold a mapping"),
        ("a: [1,\n", "is not valid YAML"),
        ("a: \x07", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_study(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_study(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_study(tmp_path / "none.yaml")


def test_rates_are_a_rounded_logarithmic_grid() -> None:
    assert RateGrid(low=0.01, high=1, per_decade=2).rates == (0.01, 0.0316, 0.1, 0.316, 1.0)
    assert RateGrid(low=0.5, high=0.5).rates == (0.5,)


@pytest.mark.parametrize(
    "file", ["config.yaml", *map(str, (REPOSITORY / "workflow/studies").glob("*.yaml"))]
)
def test_every_study_in_the_repository_is_valid(file: str) -> None:
    plan = Plan(load_study(REPOSITORY / file))
    assert plan.jobs


def test_the_study_that_the_readme_shows_is_one() -> None:
    shown = (REPOSITORY / "README.md").read_text(encoding="utf-8").split("```yaml\n")[1]
    plan = Plan(parse_study(parse_yaml(shown.partition("```")[0], "README.md")))
    runs = plan.runs()
    assert set(runs["experiment"]) == {"batch_momentum", "batch_epochs"}
    runs = runs[runs["experiment"] == "batch_momentum"]
    assert (runs["seed"].nunique(), runs["cell"].nunique()) == (10, 8)
