"""The verdict machine on hand-made evidence."""

import numpy as np
import pytest
from hand_made import CONDITIONS, contrast, entry, null, row

from unstuck.claims.evidence import Check, Evidence
from unstuck.claims.verdicts import CLAIM_COLUMNS, CONTRAST_COLUMNS, decide
from unstuck.errors import RegistryError


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


def test_a_claim_of_equivalence():
    claim = entry(effect={"what": "x", "unit": "points", "margin": 1, "claims": "equivalence"})
    assert row(claim, contrast(0), null()).verdict == "supported"
    assert row(claim, contrast(-2), null()).verdict == "contradicted"


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
