"""What a file that is no study gets, and what one that is right means."""

from pathlib import Path

import pytest

from unstuck.errors import ConfigError
from unstuck.study.config import RateGrid
from unstuck.study.load import load_study, parse_study
from unstuck.study.plan import Plan
from unstuck.yaml_files import parse_yaml

REPOSITORY = Path(__file__).parents[2]


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
