"""Verdicts over several data sets, conditions and effects, and the words for them."""

import pytest
from hand_made import CONDITIONS, contrast, entry, null, row


def test_datasets_that_agree():
    found = row(entry(), contrast(3), contrast(2, dataset="mnist1d"), null())
    assert found.verdict == "supported"
    # the claim stands on its weakest contrast
    assert found.dataset == "mnist1d"
    assert found.effect == pytest.approx(2)


def test_datasets_that_disagree_make_it_depend_on_them():
    found = row(entry(), contrast(3), contrast(0, dataset="mnist1d"), null())
    assert found.verdict == "depends"
    assert found.reason == "supported on digits; no effect on mnist1d"


def test_conditions_that_disagree_are_named():
    claim = entry(conditions=CONDITIONS)
    contrasts = [
        contrast(mean, dataset=dataset, condition={"rate": rate})
        for rate, mean in (("fixed", 4), ("tuned", 0))
        for dataset in ("digits", "mnist1d")
    ]
    found = row(claim, *contrasts, null())
    assert found.verdict == "depends"
    assert found.reason == "supported with a fixed rate; no effect with a tuned rate"


def test_an_undecided_contrast_leaves_the_claim_inconclusive_and_is_named():
    claim = entry(conditions=CONDITIONS)
    contrasts = [
        contrast(4, condition={"rate": "fixed"}),
        contrast(1, condition={"rate": "tuned"}),
    ]
    found = row(claim, *contrasts, null())
    assert found.verdict == "inconclusive"
    assert found.reason.startswith(
        "supported with a fixed rate, but inconclusive with a tuned rate; "
        "with a tuned rate on digits: the interval"
    )
    assert found.effect == pytest.approx(1)
    assert found.detectable > 0


def test_two_settled_conditions_depend_whatever_a_third_says():
    claim = entry(
        conditions={"rate": {"fixed": "fixed", "tuned": "tuned", "decayed": "decayed"}},
    )
    contrasts = [
        contrast(mean, condition={"rate": rate})
        for rate, mean in (("fixed", 4), ("tuned", 0), ("decayed", 1))
    ]
    found = row(claim, *contrasts, null())
    assert found.verdict == "depends"
    assert found.reason == "supported fixed; no effect tuned; inconclusive decayed"


def test_many_places_are_counted_instead_of_listed():
    rates = {str(number): f"at rate {number}" for number in range(8)}
    claim = entry(conditions={"rate": rates})
    contrasts = [contrast(1, condition={"rate": rate}) for rate in rates]
    reason = row(claim, *contrasts, null()).reason
    assert reason.startswith("in all 8 comparisons; at rate 0 on digits: the interval")
    contrasts[0] = contrast(4, condition={"rate": "0"})
    reason = row(claim, *contrasts, null()).reason
    assert reason.startswith(
        "supported at rate 0, but inconclusive at rate 1, 2, 3, 4, 5, 6 and 7; at rate 1 on digits:"
    )


def test_many_scattered_places_are_counted():
    rates = {str(number): f"at rate {number}" for number in range(10)}
    claim = entry(conditions={"rate": rates})
    contrasts = [
        contrast(1 if number % 2 else 4, dataset=dataset, condition={"rate": rate})
        for number, rate in enumerate(rates)
        for dataset in ("digits" if number % 4 < 2 else "mnist1d", f"d{number}")
    ]
    reason = row(claim, *contrasts, null()).reason
    assert "supported at rate 0 on digits and d0, and at rate 2 on mnist1d and d2, and" in reason
    assert "but inconclusive in 10 of 20 comparisons, such as at rate 1 on digits and d1" in reason


BUDGETS = {"epochs": "at equal epochs", "updates": "at equal updates"}


PARTS = {"training": "on training data", "validation": "on validation data"}


# the effects in points of budget, rate, part and data set; 1 is undecided, -3 speaks against
SIXTEEN = {
    ("epochs", "fixed", "training"): (4, 4),
    ("epochs", "fixed", "validation"): (4, 4),
    ("epochs", "tuned", "training"): (1, 4),
    ("epochs", "tuned", "validation"): (0, 4),
    ("updates", "fixed", "training"): (1, -3),
    ("updates", "fixed", "validation"): (0, 1),
    ("updates", "tuned", "training"): (1, -3),
    ("updates", "tuned", "validation"): (0, 1),
}


def test_a_verdict_that_depends_names_every_condition_of_every_decided_place():
    claim = entry(conditions={"budget": BUDGETS, **CONDITIONS, "part": PARTS})
    found = row(
        claim,
        *[
            contrast(
                mean,
                dataset=dataset,
                condition=dict(zip(("budget", "rate", "part"), place, strict=True)),
            )
            for place, means in SIXTEEN.items()
            for dataset, mean in zip(("digits", "mnist1d"), means, strict=True)
        ],
        null(),
    )
    assert found.verdict == "depends"
    assert found.reason == (
        "supported at equal epochs with a fixed rate, and at equal epochs with a tuned rate on "
        "mnist1d; no effect at equal epochs with a tuned rate on validation data on digits, and at "
        "equal updates on validation data on digits; contradicted at equal updates on training "
        "data on mnist1d; inconclusive at equal epochs with a tuned rate on training data on "
        "digits, and at equal updates on training data on digits, and at equal updates on "
        "validation data on mnist1d"
    )


def test_a_condition_undecided_on_one_dataset_is_not_settled():
    claim = entry(conditions=CONDITIONS)
    contrasts = [
        contrast(4, condition={"rate": "fixed"}),
        contrast(1, condition={"rate": "fixed"}, dataset="mnist1d"),
        contrast(0, condition={"rate": "tuned"}),
        contrast(0, condition={"rate": "tuned"}, dataset="mnist1d"),
    ]
    assert row(claim, *contrasts, null()).verdict == "inconclusive"


def test_a_declared_condition_without_evidence_is_inconclusive():
    claim = entry(conditions=CONDITIONS)
    found = row(claim, contrast(4, condition={"rate": "fixed"}), null())
    assert found.verdict == "inconclusive"
    assert "no evidence" in found.reason
    assert "tuned" in found.reason


def test_named_effects_have_margins_of_their_own():
    claim = entry(
        effect=None,
        effects={
            "large": {"what": "the large one", "unit": "points", "margin": 1},
            "small": {"what": "the small one", "unit": "points", "margin": 10},
        },
    )
    found = row(
        claim, contrast(3, measure="large"), contrast(3, measure="small"), null(measure="large")
    )
    assert found.verdict == "depends"
    assert found.reason == "supported for the large one; no effect for the small one"
