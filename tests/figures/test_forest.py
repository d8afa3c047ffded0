"""The forest: one row a contrast, with its numbers, against the margin."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from unstuck.claims.evidence import Contrast, Evidence
from unstuck.claims.registry import Claim
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError
from unstuck.figures import style
from unstuck.figures.forest import draw_forests, forest, round_ratios

SEEDS = tuple(range(10))
NOISE = np.array([-0.12, 0.12, -0.1, 0.1, -0.09, 0.09, -0.08, 0.08, -0.05, 0.05])
POINTS = {"what": "accuracy, small minus large", "unit": "points", "margin": 1}
RATIO = {"what": "updates, large over small", "unit": "ratio", "margin": 2, "scale": "ratio"}
CONDITIONS = {"rate": {"fixed": "with a fixed rate", "tuned": "with a tuned rate"}}


def make_claim(**changes):
    content = {
        "id": "1.2.5",
        "slug": "small",
        "kind": "measured",
        "statement": {"en": "Small is better.", "zh": "小更好。"},
        "regime": "anywhere",
        "published": [{"who": "A", "year": 2000, "where": "1", "says": "so", "stance": "for"}],
        "cost": "nothing",
        "did": {"en": "Compared."},
        "effect": POINTS,
    }
    return Claim.model_validate(content | changes)


def contrast(mean, **options):
    values = tuple(mean + NOISE)
    given = {"name": "8 against full", "dataset": "digits", "condition": {}} | options
    return Contrast(seeds=SEEDS, values=values, **given)


def control(**options):
    return contrast(0.0, **{"name": "other seeds", "role": "negative control"} | options)


def decided(claim, *contrasts):
    return decide({claim.id: claim}, [Evidence(claim.id, contrasts=contrasts)]).contrasts


def words(drawing):
    return [text.get_text() for text in drawing.findobj(Text) if text.get_text()]


def test_rows_carry_their_numbers_and_conditions():
    claim = make_claim(conditions=CONDITIONS)
    rows = decided(
        claim,
        contrast(2.0, condition={"rate": "fixed"}),
        contrast(-2.0, condition={"rate": "tuned"}),
        control(),
    )
    drawing = forest(claim, rows)
    said = words(drawing)
    for row in rows[rows["role"] == "effect"].itertuples():
        low, high = (f"{end:+.2f}".replace("-", "−") for end in (row.ci_low, row.ci_high))
        effect = f"{row.effect:+.2f}".replace("-", "−")
        assert f"{effect}  [{low}, {high}]" in said
    assert "with a fixed rate" in said
    assert "Digits" in said
    assert "Of 2 effects, 1 speaks for the claim and 1 speaks against the claim" in said


def test_ratios_are_shown_as_ratios():
    claim = make_claim(effect=RATIO)
    drawing = forest(claim, decided(claim, contrast(np.log(3.0)), control()))
    assert any(text.startswith("×3.00  [×2.") for text in words(drawing))
    low, high = drawing.axes[0].patches[0].get_extents().intervalx
    middle = drawing.axes[0].transData.inverted().transform([(low, 0), (high, 0)])[:, 0]
    np.testing.assert_allclose(middle, [-np.log(2), np.log(2)])


def test_several_effects_have_a_panel_each():
    claim = make_claim(effect=None, effects={"share": POINTS, "fall": RATIO})
    rows = decided(
        claim,
        contrast(2.0, measure="share"),
        contrast(1.0, measure="fall"),
        control(measure="share"),
        control(measure="fall"),
    )
    drawing = forest(claim, rows)
    labels = [ax.get_xlabel() for ax in drawing.axes]
    assert labels == ["accuracy, small minus large (points)", "updates, large over small"]


def test_many_controls_share_a_row():
    claim = make_claim(conditions=CONDITIONS)
    places = [(data, rate) for data in "abcdef" for rate in ("fixed", "tuned")]
    rows = decided(
        claim,
        contrast(2.0, dataset="a", condition={"rate": "fixed"}),
        contrast(2.0, dataset="a", condition={"rate": "tuned"}),
        *(control(dataset=data, condition={"rate": rate}) for data, rate in places),
    )
    drawing = forest(claim, rows)
    assert "12 negative controls" in words(drawing)
    assert "12 passed" in words(drawing)
    assert drawing.get_figheight() < 4


def test_an_effect_that_does_not_count_says_so():
    claim = make_claim()
    rows = decided(
        claim, contrast(2.0, usable=False, note="the best rate lies on the edge"), control()
    )
    assert any("not counted" in text for text in words(forest(claim, rows)))


def test_a_single_seed_has_no_interval_and_is_drawn():
    claim = make_claim()
    one = Contrast("8 against full", "digits", {}, (0,), (2.0,))
    drawing = forest(claim, decided(claim, one, control()))
    assert any("[−∞, ∞]" in text for text in words(drawing))


def test_two_drawings_are_the_same_bytes(tmp_path):
    claim = make_claim()
    rows = decided(claim, contrast(2.0), control())
    for name in "ab":
        style.save(forest(claim, rows), tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_nothing_to_draw_is_refused():
    claim = make_claim()
    rows = decided(claim, contrast(2.0), control())
    with pytest.raises(DataError, match=r"claim 1\.2\.5: no contrast has an effect"):
        forest(claim, rows.assign(effect=np.nan))


def test_forests_are_drawn_for_claims_of_the_section_with_effects_only(tmp_path):
    claim = make_claim()
    rows = decided(claim, contrast(2.0), control())
    empty = rows.assign(id="1.2.6", effect=np.nan)
    registry = {"1.2.5": claim, "1.2.6": claim, "2.1.7": claim.model_copy(update={"id": "2.1.7"})}
    every = pd.concat([rows, empty, rows.assign(id="2.1.7")])
    draw_forests(registry, every, "1.2", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"1.2.5.svg", "1.2.5.png"}


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.97, 1.04, ["×0.98", "×1", "×1.02"]),
        (0.9, 1.12, ["×0.9", "×1", "×1.1"]),
        (0.45, 60, ["×0.5", "×1", "×2", "×5", "×10", "×20", "×50"]),
        (0.1, 2e6, ["×0.1", "×100", "×100,000"]),
    ],
)
def test_an_axis_of_ratios_has_round_ones(low, high, shown):
    assert [f"×{ratio:,g}" for ratio in round_ratios(np.log(low), np.log(high))] == shown
