"""The verdict machine on hand-made evidence."""

import numpy as np
import pytest

from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.claims.registry import Claim
from unstuck.claims.verdicts import CLAIM_COLUMNS, CONTRAST_COLUMNS, decide
from unstuck.errors import RegistryError

SEEDS = tuple(range(10))
# mean 0, standard deviation 0.1
NOISE = np.array([-0.12, 0.12, -0.1, 0.1, -0.09, 0.09, -0.08, 0.08, -0.05, 0.05])
CONDITIONS = {"rate": {"fixed": "with a fixed rate", "tuned": "with a tuned rate"}}


def entry(claim_id="1.2.5", kind="measured", **changes):
    content = {
        "id": claim_id,
        "slug": f"claim-{claim_id.replace('.', '-')}",
        "kind": kind,
        "statement": {"en": "Something is larger.", "zh": "某量更大。"},
        "regime": "anywhere",
        "published": [
            {"who": "A", "year": 2000, "where": "table 1", "says": "so", "stance": "for"}
        ],
        "cost": "nothing",
        "did": {"en": "Compared."},
        **({"effect": {"what": "x", "unit": "points", "margin": 1}} if kind == "measured" else {}),
        **changes,
    }
    return Claim.model_validate(content)


def contrast(mean, *, dataset="digits", size=10, noise=NOISE, **options):
    options = {"name": "a against b", "condition": {}, **options}
    return Contrast(
        dataset=dataset, seeds=SEEDS[:size], values=tuple(mean + noise[:size]), **options
    )


def null(**options):
    return contrast(0.0, **{"name": "a against a", "role": "negative control", **options})


def row(claim, *contrasts, checks=(), registry=None, others=()):
    verdicts = decide(
        {claim.id: claim, **(registry or {})},
        [Evidence(claim.id, contrasts=contrasts, checks=checks), *others],
    )
    return verdicts.claims.set_index("id").loc[claim.id]


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(2, "supported"), (-2, "contradicted"), (0, "no effect"), (1, "inconclusive")],
)
def test_one_contrast_with_a_passed_control(mean, verdict):
    found = row(entry(), contrast(mean), null())
    assert found.verdict == verdict
    assert found.control == "passed"
    assert found.effect == pytest.approx(mean)
    assert found.margin == 1
    assert found.seeds == 10


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


def test_the_headline_is_of_the_effect_declared_first():
    effects = {
        "share": {"what": "the share", "unit": "points", "margin": 1},
        "trend": {"what": "the trend", "unit": "points", "margin": 1},
    }
    claim = entry(effect=None, effects=effects)
    found = row(
        claim, contrast(2, measure="trend"), contrast(9, measure="share"), null(measure="trend")
    )
    assert found.verdict == "supported"
    assert found.effect == pytest.approx(9)


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


def test_a_rate_on_the_edge_of_its_grid_carries_no_verdict():
    found = row(entry(), contrast(5, usable=False, note="the rate is on the edge"), null())
    assert found.verdict == "inconclusive"
    assert "the rate is on the edge" in found.reason
    assert np.isnan(found.p)


def test_no_effect_at_the_ceiling_is_no_evidence():
    found = row(entry(), contrast(0, ceiling=0.5), null())
    assert found.verdict == "inconclusive"
    assert "could not have shown" in found.reason
    assert row(entry(), contrast(0, ceiling=1.5), null()).verdict == "no effect"


def test_fewer_than_ten_seeds_are_inconclusive():
    found = row(entry(), contrast(5, size=9), null())
    assert found.verdict == "inconclusive"
    assert "9 seeds" in found.reason


@pytest.mark.parametrize("mean", [3, -3])
def test_an_effect_in_the_negative_control_invalidates(mean):
    found = row(entry(), contrast(5), null(), contrast(mean, name="null", role="negative control"))
    assert found.verdict == "invalid"
    assert found.control == "failed"
    assert "null" in found.reason


def test_an_inconclusive_negative_control_passes_only_around_zero():
    few = {"size": 6, "noise": np.array([-0.3, 0.3, -0.2, 0.2, -0.1, 0.1])}
    assert row(entry(), contrast(5), null(**few)).verdict == "supported"
    shifted = contrast(0.8, name="null", role="negative control", **few)
    assert row(entry(), contrast(5), shifted).verdict == "invalid"


def test_a_claim_without_negative_control_is_invalid():
    found = row(entry(), contrast(5))
    assert (found.verdict, found.control) == ("invalid", "none")


def test_the_positive_control_must_be_supported():
    assert row(entry(), contrast(5), null(), contrast(3, role="positive control")).verdict == (
        "supported"
    )
    found = row(entry(), contrast(5), null(), contrast(0, role="positive control"))
    assert found.verdict == "invalid"
    assert "positive control failed" in found.reason


def test_a_positive_control_of_too_few_seeds_decides_nothing():
    found = row(entry(), contrast(5), null(), contrast(3, size=5, role="positive control"))
    assert (found.verdict, found.control) == ("inconclusive", "undecided")


def test_negative_controls_are_corrected_for_their_number():
    rng = np.random.default_rng([2, 9])
    failures = 0
    for _ in range(8):
        controls = [
            Contrast(
                str(i), "digits", {}, SEEDS[:5], tuple(rng.normal(0, 1, 5)), "negative control"
            )
            for i in range(8)
        ]
        failures += row(entry(), contrast(5), *controls).verdict == "invalid"
    assert failures <= 2


def test_holm_can_overturn_a_verdict():
    noise = np.array([-0.9, 0.9, -0.8, 0.8, -0.7, 0.7, -0.6, 0.6, -0.4, 0.4])
    weak = contrast(1.7, noise=noise)
    assert row(entry(), weak, null()).verdict == "supported"
    registry, others = {}, []
    for number in range(1, 9):
        other = entry(f"3.1.{number}")
        registry[other.id] = other
        others.append(Evidence(other.id, contrasts=(weak, null())))
    found = row(entry(), weak, null(), registry=registry, others=others)
    assert found.verdict == "inconclusive"
    assert found.p_holm == pytest.approx(9 * found.p)
    assert "Holm" in found.reason


def test_undecided_claims_stay_in_the_family():
    other = entry("3.1.1")
    found = row(
        entry(),
        contrast(2),
        null(),
        registry={other.id: other},
        others=[Evidence(other.id, contrasts=(contrast(1), null()))],
    )
    assert found.p_holm == pytest.approx(2 * found.p)


def test_the_p_value_of_a_claim_is_its_worst():
    verdicts = decide(
        {"1.2.5": entry()},
        [Evidence("1.2.5", (contrast(4), contrast(2, dataset="mnist1d"), null()))],
    )
    effects = verdicts.contrasts[verdicts.contrasts.role == "effect"]
    assert verdicts.claims.p[0] == effects.p.max()


def test_what_depends_is_as_sure_as_the_surest_place_of_its_less_sure_verdict():
    claim = entry(conditions={"rate": {"a": "with a", "b": "with b", "c": "with c"}})
    contrasts = [
        contrast(mean, dataset=dataset, condition={"rate": rate})
        for rate, means in (("a", (4, 3)), ("b", (1.1, 1.1)), ("c", (0, 0.5)))
        for mean, dataset in zip(means, ("digits", "mnist1d"), strict=True)
    ]
    verdicts = decide({claim.id: claim}, [Evidence(claim.id, (*contrasts, null()))])
    p = verdicts.contrasts.p.to_numpy()
    assert verdicts.claims.verdict[0] == "depends"
    # three places; of each the less sure dataset, of each verdict the surest place
    assert verdicts.claims.p[0] == pytest.approx(3 * max(p[0], p[1], p[4], p[5]))
    assert max(p[2], p[3]) > verdicts.claims.p[0]


def test_a_ratio_is_judged_on_its_logarithm():
    claim = entry(effect={"what": "x", "unit": "times", "margin": 1.5, "scale": "ratio"})
    found = row(claim, contrast(np.log(2.5)), null())
    assert found.verdict == "supported"
    assert found.margin == pytest.approx(np.log(1.5))
    assert found.scale == "ratio"


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


def test_a_claim_of_equivalence():
    claim = entry(effect={"what": "x", "unit": "points", "margin": 1, "claims": "equivalence"})
    assert row(claim, contrast(0), null()).verdict == "supported"
    assert row(claim, contrast(-2), null()).verdict == "contradicted"


def exact(*checks, **changes):
    return row(entry("1.1.3", kind="exact", **changes), checks=checks)


def test_exact_claims_hold_if_every_check_does():
    found = exact(Check("a", 1.0, 1.0, 0.0), Check("b", 2.05, 2.0, 0.1))
    assert found.verdict == "supported"
    assert found.control == "not needed"


def test_exact_claims_are_contradicted_by_one_check():
    found = exact(Check("a", 1.0, 1.0, 0.0), Check("b", 3.0, 2.0, 0.1))
    assert found.verdict == "contradicted"
    assert "1 of 2 checks fail, the first being b: 3 instead of 2" in found.reason


def test_exact_claims_whose_conditions_disagree_depend():
    conditions = {"as": {"ratio": "as a ratio", "difference": "as a difference"}}
    found = exact(
        Check("a", 1.0, 1.0, 0.0, {"as": "ratio"}),
        Check("b", 0.0, 1.0, 0.0, {"as": "difference"}),
        conditions=conditions,
    )
    assert found.verdict == "depends"
    assert found.reason == "supported as a ratio; contradicted as a difference"


def test_a_failed_common_check_contradicts_under_every_condition():
    conditions = {"as": {"ratio": "as a ratio", "difference": "as a difference"}}
    found = exact(
        Check("a", 1.0, 1.0, 0.0, {"as": "ratio"}),
        Check("b", 1.0, 1.0, 0.0, {"as": "difference"}),
        Check("c", np.nan, 1.0, 0.0),
        conditions=conditions,
    )
    assert found.verdict == "contradicted"


def test_a_failed_control_check_invalidates():
    found = exact(Check("a", 1.0, 1.0, 0.0), Check("c", 0.0, 1.0, 0.0, role="negative control"))
    assert found.verdict == "invalid"
    assert "negative control failed" in found.reason


def test_a_measured_claim_may_have_exact_parts_which_must_hold_too():
    good, bad = Check("parity", 0.0, 0.0, 1e-6), Check("parity", 1.0, 0.0, 1e-6)
    assert row(entry(), contrast(3), null(), checks=[good]).verdict == "supported"
    assert row(entry(), contrast(3), null(), checks=[bad]).verdict == "depends"


@pytest.mark.parametrize(
    ("mean", "verdict"), [(0, "no effect"), (-3, "contradicted"), (1, "inconclusive")]
)
def test_a_check_that_holds_does_not_soften_a_measured_verdict(mean, verdict):
    good = Check("parity", 0.0, 0.0, 1e-6)
    found = row(entry(), contrast(mean), null(), checks=[good])
    assert found.verdict == verdict
    assert "parity" not in found.reason
    bad = Check("parity", 1.0, 0.0, 1e-6)
    if mean < 0:
        assert row(entry(), contrast(mean), null(), checks=[bad]).verdict == "contradicted"


def test_a_failed_check_is_not_hidden_by_contrasts_that_are_undecided():
    bad = Check("parity", 1.0, 0.0, 1e-6)
    found = row(entry(), contrast(1), null(), checks=[bad])
    assert found.verdict == "contradicted"
    assert "1 of 1 checks fail, the first being parity" in found.reason
    part = {"part": {"exact": "in the exact part", "measured": "in what was measured"}}
    bad = Check("parity", 1.0, 0.0, 1e-6, {"part": "exact"})
    measured = contrast(1, condition={"part": "measured"})
    found = row(entry(conditions=part), measured, null(), checks=[bad])
    assert found.verdict == "contradicted"
    assert found.reason.startswith("contradicted in the exact part: 1 of 1 checks fail")
    assert "inconclusive in what was measured" in found.reason
    assert np.isnan(found.p)


def test_a_failed_check_leaves_what_one_dataset_supports():
    bad = Check("parity", 1.0, 0.0, 1e-6)
    found = row(entry(), contrast(3), contrast(1, dataset="mnist1d"), null(), checks=[bad])
    assert found.verdict == "depends"
    assert "supported on digits" in found.reason
    assert "inconclusive on mnist1d" in found.reason


def test_a_failed_check_is_not_hidden_by_a_control_that_is_undecided():
    bad = Check("parity", 1.0, 0.0, 1e-6)
    coarse = null(noise=100 * NOISE)
    found = row(entry(), contrast(3), coarse, checks=[bad])
    assert (found.verdict, found.control) == ("contradicted", "undecided")
    assert found.reason.startswith("contradicted: 1 of 1 checks fail, the first being parity")
    assert "; inconclusive: the negative control does not rule out" in found.reason


def test_a_control_that_does_not_vouch_leaves_its_own_place_undecided():
    claim = entry(conditions={"rate": {"a": "with a", "b": "with b", "c": "with c"}})
    places = [({"rate": rate}, mean) for rate, mean in (("a", 4), ("b", 0), ("c", 4))]
    effects = [contrast(mean, condition=place) for place, mean in places]
    controls = [null(condition=place) for place, _ in places]
    fine = row(claim, *effects, *controls)
    assert (fine.verdict, fine.control) == ("depends", "passed")
    assert fine.reason == "supported with a and c; no effect with b"
    coarse = null(condition={"rate": "c"}, noise=100 * NOISE)
    found = row(claim, *effects, *controls[:2], coarse)
    assert (found.verdict, found.control) == ("depends", "undecided")
    assert found.reason == "supported with a; no effect with b; inconclusive with c"
    assert row(claim, *effects, null(noise=100 * NOISE)).verdict == "inconclusive"


def test_what_a_control_does_not_vouch_for_is_undecided_in_the_table_of_contrasts():
    evidence = Evidence("1.2.5", (contrast(3), null(noise=100 * NOISE)))
    found = decide({"1.2.5": entry()}, [evidence]).contrasts.iloc[0]
    assert found.verdict == "inconclusive"
    assert np.isnan(found.p)
    assert found.reason.startswith("the negative control does not rule out that an effect of 3")


def test_a_condition_that_a_holding_check_covers_has_evidence():
    check = Check("parity", 0.0, 0.0, 1e-6, {"rate": "fixed"})
    tuned = contrast(3, condition={"rate": "tuned"})
    assert row(entry(conditions=CONDITIONS), tuned, null(), checks=[check]).verdict == "supported"


def test_the_tables_have_the_stated_columns_and_order():
    claims = {"1.2.5": entry(), "1.1.3": entry("1.1.3", kind="exact")}
    verdicts = decide(
        claims,
        [
            Evidence("1.2.5", (contrast(3), null())),
            Evidence("1.1.3", checks=(Check("a", 1, 1, 0),)),
        ],
    )
    assert tuple(verdicts.claims) == CLAIM_COLUMNS
    assert tuple(verdicts.contrasts) == CONTRAST_COLUMNS
    assert list(verdicts.claims.id) == ["1.1.3", "1.2.5"]
    assert list(verdicts.contrasts.passed) == ["", "yes"]


def test_missing_unknown_and_repeated_evidence_are_errors():
    whole = Evidence("1.2.5", (contrast(3), null()))
    with pytest.raises(RegistryError, match=r"claim 1\.2\.5 has no evidence"):
        decide({"1.2.5": entry()}, [])
    with pytest.raises(RegistryError, match="the registry has no such claim"):
        decide({"1.2.5": entry()}, [whole, Evidence("9.9.9")])
    with pytest.raises(RegistryError, match="twice"):
        decide({"1.2.5": entry()}, [whole, whole])


@pytest.mark.parametrize(
    ("claim", "evidence", "message"),
    [
        (entry(), Evidence("1.2.5"), "no effect contrast"),
        (entry(kind="exact"), Evidence("1.2.5"), "no check"),
        (entry(kind="exact"), Evidence("1.2.5", (contrast(1),)), "declare it measured"),
        (entry(), Evidence("1.2.5", (contrast(1, condition={"a": "b"}),)), "'a' is not declared"),
        (
            entry(conditions=CONDITIONS),
            Evidence("1.2.5", (contrast(1, condition={"rate": "decayed"}),)),
            "declared are fixed, tuned",
        ),
        (entry(), Evidence("1.2.5", (contrast(1, measure="other"),)), "'other' is not declared"),
    ],
)
def test_evidence_that_does_not_fit_the_registry_is_an_error(claim, evidence, message):
    with pytest.raises(RegistryError, match=message):
        decide({claim.id: claim}, [evidence])
