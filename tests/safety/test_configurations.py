"""Whatever a configuration says, it is a study or one sentence, and no path leaves results/."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import REPOSITORY, SMOKE, Checkout, copy_repository
from hypothesis import given, settings
from hypothesis import strategies as st

from unstuck.claims.planning import planned_claims
from unstuck.errors import ConfigError, UnstuckError
from unstuck.study.folder import require_own, take
from unstuck.study.load import parse_study
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.paths import Paths
from unstuck.study.plan import Plan

Place = tuple[Any, ...]
CONFIG: dict[str, Any] = yaml.safe_load((REPOSITORY / SMOKE).read_text())
HOSTILE = (
    *("../../evil", "/etc/evil", "a/b", "..", ".", "", "a b", "a\n", "con$(touch evil)", "`id`"),
    *("{job}", "a;b", "'", '"', "-rf", "A", "ä", "a" * 41, "\0", "\ud800", "%s", "<script>", "~"),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2, 10**6, 10**18, -(10**30)]),
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e-320, 1e308, 0.5]),
    st.sampled_from(HOSTILE),
    st.sampled_from(["full", "tuned", "off", "sgd", "digits", "small", "auto", "all"]),
    st.just([]),
    st.just({}),
    st.lists(st.sampled_from([1, "sgd", 0.1, None, "digits", ["x"], {"a": 1}]), max_size=3),
    st.dictionaries(st.sampled_from(["low", "kind", "base", "evil", 1, None]), st.just(1)),
)


def places(node: Any, here: Place = ()) -> Iterator[Place]:
    """Where every value of a configuration stands."""
    if here:
        yield here
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(value, (*here, key))


PLACES = list(places(CONFIG))


def holder(config: Any, place: Place) -> Any:
    for key in place[:-1]:
        config = config[key]
    return config


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """The smoke study with a few values replaced, removed, renamed or added."""
    config = copy.deepcopy(CONFIG)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(PLACES))
        try:
            held, key = holder(config, place), place[-1]
            kind = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
            if kind == "replace":
                held[key] = draw(VALUES)
            elif kind == "remove":
                del held[key]
            elif kind == "rename":
                held[draw(st.sampled_from([*HOSTILE, "dataset", "lr", 3, None]))] = held.pop(key)
            else:
                held[draw(st.sampled_from([*HOSTILE, "momentum", "subset"]))] = draw(VALUES)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return config


def results_of(plan: Plan) -> Iterator[str]:
    """Paths of all results that have a name from the configuration in them."""
    study, paths = plan.study, Paths(plan.study.results)
    for dataset in study.datasets:
        yield from (path.format(dataset=dataset) for path in (paths.dataset, paths.card))
    for job in plan.jobs:
        yield paths.job("runs.parquet").format(job=job)
        yield paths.checkpoints.format(job=job)
    for name in study.experiments:
        yield paths.table().format(experiment=name, kind="runs")
    for name, analysis in study.analyses.items():
        for table in analysis.tables:
            yield paths.analysed().format(analysis=name, table=table)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(config=configurations())
def test_a_changed_study_is_a_study_or_one_sentence(config: dict[str, Any]) -> None:
    try:
        plan = Plan(parse_study(config, "study.yaml"))
        made = list(results_of(plan))
        assert plan.digest
        for kind in MEASUREMENTS:
            plan.measured(kind)
    except UnstuckError as error:
        sentence = str(error)
        assert sentence
        assert "\n" not in sentence.strip()
        return
    inside = (REPOSITORY / "results").resolve()
    for path in made:
        assert (REPOSITORY / path).resolve().is_relative_to(inside), path


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "section", ["datasets", "networks", "optimizers", "schedules", "experiments", "analyses"]
)
def test_a_name_that_is_no_plain_word_is_refused(section: str, name: str) -> None:
    config = copy.deepcopy(CONFIG)
    held = config.setdefault(section, {})
    held[name] = next(iter(held.values()), {"base": "sgd" if section == "optimizers" else "cosine"})
    with pytest.raises(ConfigError):
        Plan(parse_study(config))


@pytest.mark.parametrize("folder", [*HOSTILE, "results/../x", "results/a/b", "/tmp/results"])
def test_results_lie_in_results(folder: str) -> None:
    with pytest.raises(ConfigError, match="results"):
        parse_study({**CONFIG, "results": folder})


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return copy_repository(tmp_path / "unstuck")


def test_yaml_makes_no_objects(checkout: Checkout) -> None:
    evil = checkout.folder / "evil.yaml"
    evil.write_text("title: !!python/object/apply:os.system ['touch made']\n")
    done = checkout.snakemake("--dry-run", "--configfile", str(evil), check=False)
    assert done.returncode
    assert not (checkout.folder / "made").exists()


def test_words_of_a_study_are_no_commands(checkout: Checkout) -> None:
    """A title, a description and the name of the file reach no shell but as words."""
    command = "$(touch made) `touch made` ; touch made ' \" \\ {job}"
    evil = checkout.folder / "a study; touch made.yaml"
    text = {"title": command, "description": command, "analyses": {}, "claims": []}
    grid = CONFIG["experiments"]["grid"] | {"description": command}
    evil.write_text(yaml.safe_dump(CONFIG | text | {"experiments": {"grid": grid}}))
    target = "results/smoke/plan.csv"
    checkout.snakemake(target, "--configfile", str(evil))
    assert (checkout.folder / target).exists()
    assert not (checkout.folder / "made").exists()


def test_notes_are_a_text_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("1 – ä", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert parse_study({**CONFIG, "notes": str(tmp_path / "text")}).notes
    for name in (".", "binary", "none", "none/none", "\ud800", "a" * 999, "/dev/zero"):
        with pytest.raises(ConfigError, match=r"^config\.yaml: notes") as error:
            parse_study({**CONFIG, "notes": str(tmp_path / name)})
        assert len(str(error.value)) <= 400


def test_a_number_too_long_for_a_float_is_refused() -> None:
    with pytest.raises(ConfigError, match="this number is wrong; it should be at most"):
        parse_study({**CONFIG, "first_unit": 10**400})


@pytest.mark.parametrize("key", ["title", "notes", "claims", "dataset", "schedule", "where"])
def test_a_long_value_makes_no_long_sentence(key: str, tmp_path: Path) -> None:
    config, word = copy.deepcopy(CONFIG), "a" * 5_000
    held = config["experiments"]["grid"] if key in ("dataset", "schedule") else config
    held[key] = [f"{word}.yaml"] if key == "claims" else word
    if key == "where":
        del config[key]
        config["experiments"]["grid"]["spectra"] = [{"where": {"schedule": word}}]
    take(str(tmp_path), "Other", "other.yaml", "c0de")

    def read() -> None:
        study = parse_study(config, "study.yaml")
        planned_claims(study.claims, tmp_path, Plan(study))
        require_own(str(tmp_path), study.title, "study.yaml")

    with pytest.raises(UnstuckError) as error:
        read()
    assert len(str(error.value).replace(str(tmp_path), "results")) <= 400
