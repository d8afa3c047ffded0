"""Jobs: rows, reuse, files."""

import numpy as np
import pandas as pd
import pytest

from unstuck.data.dataset import Dataset
from unstuck.errors import ConfigError
from unstuck.training import bank
from unstuck.training.bank import Execution
from unstuck.training.job import run_job, train_cells
from unstuck.training.plan import cut, members_per_population
from unstuck.training.progress import Progress
from unstuck.training.result import FIRST_OF_RATES, LAST_OF_RATES, JobResult
from unstuck.training.spec import Cell, Tune


@pytest.fixture
def cells(make_recipe):
    return [
        Cell(
            labels={"optimizer": optimizer, "batch": "32"},
            run=make_recipe(optimizer),
            rate=Tune(rates=(0.001, 0.01, 0.1), extensions=1, heat=2, finalists=2),
            seeds=3,
        )
        for optimizer in ("adam", "sgd")
    ]


@pytest.fixture
def trained(monkeypatch):
    """Note every run that is really trained."""
    noted = []
    train = bank.train_population

    def noting(runs, *arguments, **named):
        noted.extend(run.run_id for run in runs)
        return train(runs, *arguments, **named)

    monkeypatch.setattr(bank, "train_population", noting)
    return noted


def assert_same(mine, theirs):
    pd.testing.assert_frame_equal(mine.runs, theirs.runs, check_exact=True)
    pd.testing.assert_frame_equal(mine.curves, theirs.curves, check_exact=True)
    pd.testing.assert_frame_equal(mine.rates, theirs.rates, check_exact=True)
    assert mine.endpoints.keys() == theirs.endpoints.keys()
    for name, theta in mine.endpoints.items():
        np.testing.assert_array_equal(theta, theirs.endpoints[name])


def test_rows_of_a_job(cells, dataset, trained):
    result = train_cells(cells, dataset)
    runs = result.runs
    assert runs["cell"].is_monotonic_increasing
    assert sorted(trained) == sorted(runs["run_id"])
    for cell in cells:
        own = runs[runs["cell"] == cell.key]
        chosen = own[own["chosen"]]
        assert sorted(chosen["seed"]) == [0, 1, 2]
        heat = own[own["seed"] < 2].groupby("lr")["validation_loss"].mean()
        finalists = own[own["role"] == "finalist"]
        assert set(finalists["lr"]) == set(heat.nsmallest(2).index)
        over_all = finalists.groupby("lr")["validation_loss"].mean()
        assert set(chosen["lr"]) == {over_all.idxmin()}
        assert chosen["edge"].iloc[0] == (over_all.idxmin() in (heat.index.min(), heat.index.max()))
        assert set(own.loc[own["role"] == "heat", "seed"]) == {0, 1}
        assert (own["optimizer"] == cell.labels["optimizer"]).all()
        rates = result.rates[result.rates["cell"] == cell.key]
        assert rates["lr"].tolist() == heat.index.tolist()
    assert set(result.endpoints) == set(runs.loc[runs["chosen"], "run_id"])
    assert set(result.curves["run_id"]) == set(runs["run_id"])


def test_a_fixed_rate_has_no_race(make_recipe, dataset):
    result = train_cells([Cell(run=make_recipe(), rate=0.1, seeds=2, first_unit=5)], dataset)
    assert result.runs["seed"].tolist() == [5, 6] or result.runs["seed"].tolist() == [6, 5]
    assert set(result.runs["role"]) == {"fixed"}
    assert result.runs["chosen"].all()
    assert result.runs["score"].isna().all()
    assert list(result.rates.columns) == [*FIRST_OF_RATES, *LAST_OF_RATES]
    assert result.rates.empty


def test_a_run_that_was_not_chosen_before_gets_its_endpoint(cells, dataset, trained):
    first = train_cells(cells[:1], dataset)
    runs = first.runs
    (rate,) = runs.loc[(runs["role"] == "finalist") & ~runs["chosen"], "lr"].unique()
    trained.clear()
    fixed = Cell(run=cells[0].run, rate=float(rate), seeds=3)
    again = train_cells([fixed], dataset, previous=first)
    assert sorted(trained) == sorted(again.endpoints) == sorted(again.runs["run_id"])
    assert_same(again, train_cells([fixed], dataset))


def test_a_job_whose_runs_all_diverge_has_all_its_columns(make_recipe, dataset):
    recipe = make_recipe("sgd", loss="squared_error", network={"activation": "relu"})
    tune = Tune(rates=(1e8, 1e9), extensions=1)
    result = train_cells([Cell(run=recipe, rate=tune, seeds=2)], dataset)
    assert result.runs["diverged_at"].notna().all()
    assert np.isinf(result.runs["score"]).all()
    assert (result.runs["test_accuracy"] == 1 / dataset.classes).all()
    assert result.runs["chosen"].sum() == 2


def test_nothing_is_trained_twice(cells, dataset, trained):
    first = train_cells(cells, dataset)
    trained.clear()
    again = train_cells(cells, dataset, previous=first)
    assert trained == []
    assert_same(again, first)


def test_only_what_is_new_is_trained(cells, dataset, trained):
    first = train_cells(cells[:1], dataset)
    trained.clear()
    both = train_cells(cells, dataset, previous=first)
    assert not set(trained) & set(first.runs["run_id"])
    assert_same(both, train_cells(cells, dataset))


def test_rows_of_other_code_are_trained_anew(cells, dataset, trained):
    first = train_cells(cells[:1], dataset, Execution(code="old"))
    trained.clear()
    train_cells(cells[:1], dataset, Execution(code="new"), previous=first)
    assert sorted(trained) == sorted(first.runs["run_id"])


def test_rows_stay_when_a_dataset_gets_more_units_and_go_with_the_samples_of_their_own(
    cells, make_dataset, trained
):
    large = make_dataset(units=range(5))
    splits = {unit: large.unit(unit) for unit in large.units}
    first = train_cells(cells[:1], Dataset.of({unit: splits[unit] for unit in range(3)}))
    trained.clear()
    assert_same(train_cells(cells[:1], large, previous=first), first)
    assert trained == []
    changed = Dataset.of(splits | {1: splits[4]})
    train_cells(cells[:1], changed, previous=first)
    of_unit = first.runs.loc[first.runs["seed"] == 1, "run_id"]
    assert set(of_unit) <= set(trained)
    assert set(trained) & set(first.runs["run_id"]) == set(of_unit)


def test_a_run_of_two_cells_is_trained_once_and_has_a_row_in_each(make_recipe, dataset, trained):
    recipe = make_recipe(batch_size=256)
    cells = [
        Cell(labels={"arm": name}, run=recipe, rate=0.01, seeds=2) for name in ("one", "other")
    ]
    runs = train_cells(cells, dataset).runs
    assert len(trained) == 2
    assert len(runs) == 4
    assert set(runs["arm"]) == {"one", "other"}


@pytest.mark.parametrize("members", [1, 4, 100])
def test_tables_do_not_depend_on_the_size_of_populations(cells, dataset, members):
    assert_same(
        train_cells(cells, dataset, Execution(members=members)), train_cells(cells, dataset)
    )


def test_files_are_the_same_bytes_again(cells, dataset, tmp_path, trained):
    for name in ("one", "other"):
        run_job(cells, dataset, tmp_path / name, Execution(checkpoints=tmp_path / "checkpoints"))
    trained.clear()
    run_job(cells, dataset, tmp_path / "other")
    assert trained == []
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["curves.parquet", "endpoints.safetensors", "rates.parquet", "runs.parquet"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()
    assert_same(JobResult.load(tmp_path / "one"), train_cells(cells, dataset))
    assert not (tmp_path / "checkpoints").exists()


def test_damaged_results_are_trained_anew_with_a_warning(cells, dataset, tmp_path):
    run_job(cells[:1], dataset, tmp_path)
    before = JobResult.load(tmp_path)
    content = (tmp_path / "curves.parquet").read_bytes()
    (tmp_path / "curves.parquet").write_bytes(content[:100])
    with pytest.warns(UserWarning, match="earlier results are not reused"):
        run_job(cells[:1], dataset, tmp_path)
    assert_same(JobResult.load(tmp_path), before)


def test_a_label_may_not_hide_a_column(make_recipe, dataset):
    cell = Cell(labels={"train_loss": 1.0}, run=make_recipe(), rate=0.1, seeds=1)
    with pytest.raises(ConfigError, match="label 'train_loss' is the name of a column"):
        train_cells([cell], dataset)


def test_cuts_hold_every_run_once(make_recipe, dataset):
    runs = [make_recipe(batch_size=size).at(0.1, s) for size in (16, 32) for s in range(10)]
    groups = cut([*runs, *runs], dataset, members=4)
    assert sorted(len(group.runs) for group in groups) == [3, 3, 3, 3, 4, 4]
    assert sorted(r.run_id for g in groups for r in g.runs) == sorted(r.run_id for r in runs)


@pytest.mark.parametrize(("engine", "least"), [("lanes", 2), ("torch", 1)])
def test_large_networks_make_small_populations(make_recipe, make_dataset, engine, least):
    data = make_dataset(shape=(784,))
    sizes = [
        members_per_population(make_recipe(network={"hidden": (width,)}), data, engine)
        for width in (1, 64, 4096)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == least


def test_progress_estimates_from_the_work_done():
    now = 0.0
    lines = []
    progress = Progress(lines.append, clock=lambda: now)
    progress.plan(1000, 10.0)
    progress.plan(3000, 30.0)
    now = 90.0
    progress.done(1000, 10.0)
    expected = "1,000 of 4,000 updates, 25% of the work, 1 min 30 s taken, about 4 min 30 s left"
    assert lines == [expected]
    now = 92.0
    progress.done(1000, 10.0)
    assert len(lines) == 1
