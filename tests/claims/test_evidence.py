"""Evidence on disk: whole, identical, and open to a reader who has pandas alone."""

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.evidence import Check, Contrast, Evidence, Source
from unstuck.claims.registry import Claim
from unstuck.claims.storage import table_digest
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

RNG_STREAM = 41


def contrast(mean, name="a against b", **options):
    values = np.random.default_rng([RNG_STREAM, len(name)]).normal(mean, 0.3, 12)
    options = {"dataset": "digits", "condition": {"rate": "tuned", "budget": "epochs"}, **options}
    return Contrast(name=name, seeds=range(12), values=values, **options)


@pytest.fixture
def evidence():
    table = pd.DataFrame(
        {
            "words": ["NA", "", 'a, "b"\nc', "007"],
            "numbers": [0.1 + 0.2, np.nan, -np.inf, 1e-300],
            "counts": np.array([1, 2, 3, 4], dtype=np.int32),
            "flags": [True, False, True, True],
        }
    )
    return Evidence(
        "1.2.5",
        contrasts=(
            contrast(2.0),
            contrast(0.0, "a against a", role="negative control", ceiling=3.5),
            Contrast("lost", "mnist1d", {}, (), (), usable=False, note="no such arm"),
        ),
        checks=(Check("one", 1 / 3, 1 / 3, 1e-12), Check("two", np.nan, 0.0, 0.0)),
        tables={"curve": table, "empty": table.iloc[:0]},
        numbers={"seeds": np.int64(12), "share": np.float32(0.5), "best": "adam"},
        sources=(Source("runs", "batch.runs", 3, "ab" * 32),),
    )


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_saving_what_was_loaded_gives_the_same_bytes(evidence, tmp_path):
    evidence.save(tmp_path / "first")
    loaded = Evidence.load(tmp_path / "first")
    loaded.save(tmp_path / "second")
    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert set(files(tmp_path / "first")) == {
        *("evidence.json", "values.csv", "curve.csv", "empty.csv"),
    }


def test_what_was_loaded_equals_what_was_saved(evidence, tmp_path):
    evidence.save(tmp_path)
    loaded = Evidence.load(tmp_path)
    assert loaded.contrasts == evidence.contrasts
    assert loaded.checks[0] == evidence.checks[0]
    assert np.isnan(loaded.checks[1].value)
    assert not loaded.checks[1].holds
    assert loaded.numbers == evidence.numbers
    assert loaded.sources == evidence.sources
    for name in evidence.tables:
        pd.testing.assert_frame_equal(loaded.tables[name], evidence.tables[name])


def test_tables_of_an_earlier_evaluation_do_not_linger(evidence, tmp_path):
    evidence.save(tmp_path)
    Evidence("1.2.5", evidence.contrasts).save(tmp_path)
    assert set(files(tmp_path)) == {"evidence.json", "values.csv"}


def test_a_reader_recomputes_effects_and_verdicts_with_pandas_alone(tmp_path):
    claim = Claim.model_validate(
        {
            "id": "1.2.5",
            "slug": "small",
            "kind": "measured",
            "statement": {"en": "a", "zh": "b"},
            "regime": "c",
            "effect": {"what": "d", "unit": "points", "margin": 1},
            "published": [{"who": "A", "year": 2000, "where": "t", "says": "s", "stance": "for"}],
            "cost": "e",
            "did": {"en": "f"},
        }
    )
    means = {"up": 2.0, "down": -2.0, "nothing": 0.0, "unclear": 1.0}
    contrasts = [contrast(mean, name, condition={}) for name, mean in means.items()]
    control = contrast(0.0, "null", condition={}, role="negative control")
    Evidence(claim.id, (*contrasts, control)).save(tmp_path)
    verdicts = decide({claim.id: claim}, [Evidence.load(tmp_path)])
    verdicts.contrasts.to_csv(tmp_path / "contrasts.csv", index=False)

    # from here on a reader with pandas alone
    values = pd.read_csv(tmp_path / "values.csv").query("role == 'effect'")
    published = pd.read_csv(tmp_path / "contrasts.csv").query("role == 'effect'")
    published = published.set_index("name").sort_index()
    groups = values.groupby("contrast")["value"]
    pd.testing.assert_series_equal(groups.mean(), published["effect"], check_names=False)
    resampled = pd.DataFrame(
        {
            name: [group.sample(frac=1, replace=True, random_state=i).mean() for i in range(500)]
            for name, group in groups
        }
    )
    low, high = resampled.quantile(0.025), resampled.quantile(0.975)
    width = published["ci_high"] - published["ci_low"]
    assert ((low - published["ci_low"]).abs() < 0.25 * width).all()
    assert ((high - published["ci_high"]).abs() < 0.25 * width).all()
    margin = published["margin"]
    recomputed = pd.Series("inconclusive", index=published.index)
    recomputed[low > margin] = "supported"
    recomputed[high < -margin] = "contradicted"
    recomputed[(low > -margin) & (high < margin)] = "no effect"
    assert recomputed.to_dict() == published["verdict"].to_dict()
    assert set(recomputed) == {"supported", "contradicted", "no effect", "inconclusive"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": (1.0, np.nan)}, "rank diverged runs last"),
        ({"seeds": (1, 1)}, "occurs twice"),
        ({"seeds": (1,)}, "1 seeds but 2 values"),
        ({"role": "control"}, "role 'control'"),
        ({"usable": False}, "needs a note"),
        ({"seeds": (), "values": ()}, "no values"),
    ],
)
def test_contrasts_that_cannot_be_judged_are_refused(options, message):
    whole = {"name": "a", "dataset": "d", "condition": {}, "seeds": (0, 1), "values": (1.0, 2.0)}
    with pytest.raises(DataError, match=message):
        Contrast(**{**whole, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"numbers": {"x": np.nan}}, "number 'x' is nan"),
        ({"tables": {"values": pd.DataFrame({"a": [1]})}}, "other than values"),
        ({"tables": {"t": pd.DataFrame({"a": [1, "b"]})}}, "column 'a' mixes types"),
        ({"contrasts": (contrast(1.0), contrast(1.0))}, "occurs twice"),
    ],
)
def test_evidence_that_cannot_be_stored_is_refused(options, message):
    with pytest.raises(DataError, match=message):
        Evidence("1.2.5", **options)


def test_evidence_whose_files_do_not_fit_each_other_is_refused(evidence, tmp_path):
    evidence.save(tmp_path)
    lines = (tmp_path / "values.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "values.csv").write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(DataError, match="11 rows of 'a against a', not 12"):
        Evidence.load(tmp_path)
    (tmp_path / "values.csv").unlink()
    with pytest.raises(DataError, match="make it anew"):
        Evidence.load(tmp_path)


def test_the_digest_of_a_table_is_that_of_its_csv():
    import hashlib

    table = pd.DataFrame({"a": [0.1, 2.0], "b": ["x", "y"]})
    expected = hashlib.sha256(b"a,b\n0.1,x\n2.0,y\n").hexdigest()
    assert table_digest(table) == expected
    assert table_digest(table.iloc[::-1]) != expected


def test_the_digest_sees_every_element_of_a_list_column():
    long = np.arange(3000.0)
    other = long.copy()
    other[1500] += 1
    first, second = (pd.DataFrame({"a": [each]}) for each in (long, other))
    assert table_digest(first) != table_digest(second)
