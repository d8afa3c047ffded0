"""The exact claims: their verdicts, and that their checks can fail."""

import importlib
import math
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from scipy import special

import unstuck.claims
import unstuck.figures
from unstuck.claims import adaptive_rates, classification, critical_points
from unstuck.claims.evaluation import evaluate, measure_of
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import RegistryError
from unstuck.surfaces.gallery import Quadratic, Toy

REGISTRY = load_registry(Path(__file__).parents[2] / "workflow" / "claims")


def verdict(claim_id):
    claim = REGISTRY[claim_id]
    evidence = evaluate(claim, {})
    return decide({claim_id: claim}, [evidence]).claims.iloc[0], evidence


def test_the_toy():
    found, evidence = verdict("1.1.3")
    assert (found.verdict, found.control) == ("supported", "passed")
    points = evidence.tables["critical_points"]
    assert list(points["kind"][:2]) == ["saddle", "degenerate minimum"]
    np.testing.assert_allclose(points["w1"][1:] * points["w2"][1:], 1)
    assert evidence.numbers["sign_test_at_the_origin"] == "saddle"
    assert evidence.numbers["sign_test_on_the_minima"] == "inconclusive: an eigenvalue is 0"
    surface = evidence.tables["surface"]
    np.testing.assert_allclose(surface["loss"], (1 - surface["w1"] * surface["w2"]) ** 2)
    vectors = points.loc[0, ["low_1", "low_2"]].to_numpy(dtype=float)
    np.testing.assert_allclose(vectors, [math.sqrt(0.5)] * 2)


def test_a_bowl_contradicts_the_toy(monkeypatch):
    # its gradient at (1, 0) has norm 2 as well, so the controls pass
    monkeypatch.setattr(critical_points, "Toy", lambda: Quadratic((2.0, 2.0)))
    found, _ = verdict("1.1.3")
    assert (found.verdict, found.control) == ("contradicted", "passed")
    assert "smaller eigenvalue at the origin: 2 instead of -2" in found.reason


def test_a_wrong_hessian_fails_the_control_of_the_toy(monkeypatch):
    hessian = Toy.hessian
    monkeypatch.setattr(Toy, "hessian", lambda self, points: 2 * hessian(self, points))
    found, _ = verdict("1.1.3")
    assert found.verdict == "invalid"


@pytest.fixture(scope="module")
def no_cancel():
    return verdict("2.1.11")


def test_m_and_sigma_do_not_cancel(no_cancel):
    found, evidence = no_cancel
    assert found.verdict == "depends"
    assert found.reason == (
        "supported read as a step shortened to (1 − β₁)/(1 + β₁); "
        "contradicted read as a step that goes to 0 at a fixed β₁ below 1"
    )
    assert evidence.numbers["step_at_0_9"] == pytest.approx(1 / 19)
    limits = evidence.tables["limits"]
    np.testing.assert_allclose(limits["alternating"], limits["closed_form"], rtol=1e-9)


def test_the_paths_of_the_figure(no_cancel):
    paths = no_cancel[1].tables["paths"]
    start = paths.query("update == 1")
    # the first step has size 1 whatever the sequence: bias correction
    np.testing.assert_allclose(start["ratio"], 1)
    constant = paths.query("gradients == 'constant'")
    np.testing.assert_allclose(constant["ratio"], 1, rtol=1e-12)
    np.testing.assert_allclose(paths["sigma"], 1, rtol=1e-12)


def test_the_update_rule_agrees_with_torch():
    import torch

    steps = adaptive_rates.adam_steps(50)
    member = adaptive_rates.PAIRS.index((0.9, 0.999))
    weight = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=1.0, betas=(0.9, 0.999), eps=0.0)
    for t, gradient in enumerate(adaptive_rates.gradient_signs(50)):
        before = weight.detach().clone()
        weight.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        np.testing.assert_allclose(
            (before - weight.detach()).numpy(), steps.step[t, member], atol=1e-12
        )


def test_an_update_rule_without_bias_correction_fails_the_control(monkeypatch):
    plain = adaptive_rates.optimizer
    monkeypatch.setattr(
        adaptive_rates,
        "optimizer",
        lambda name, **changes: plain(name, bias_correction=False, **changes),
    )
    found, _ = verdict("2.1.11")
    assert found.verdict == "invalid"


def test_softmax():
    found, evidence = verdict("2.2.2")
    assert found.verdict == "depends"
    assert "supported with the gap between outputs read as their ratio" in found.reason
    assert "contradicted with the gap between outputs read as their difference" in found.reason
    outputs = evidence.tables["example"]["output"]
    powers = np.exp([3.0, 1.0, -3.0])
    np.testing.assert_allclose(outputs, powers / powers.sum(), rtol=1e-14)
    gaps = evidence.tables["gaps"]
    np.testing.assert_allclose(gaps["ratio"], np.exp(gaps["gap"]), rtol=1e-11)
    np.testing.assert_allclose(gaps["difference"], np.tanh(gaps["gap"] / 2), atol=1e-14)
    assert evidence.numbers["largest_difference_over_gap"] <= 0.5


def test_the_saturation_of_floating_point():
    table = measure_of("2.2.2")().tables["saturation"].set_index(["dtype", "output"])["gap"]
    # 1 + exp(−g) rounds to 1 below half a unit in the last place
    assert table["float64", 1] == pytest.approx(53 * math.log(2), abs=0.02)
    assert table["float32", 1] == pytest.approx(24 * math.log(2), abs=0.02)
    # subnormals end at 2^-1074 and 2^-149; half of that rounds to 0
    assert table["float64", 0] == pytest.approx(1075 * math.log(2), abs=0.02)
    assert table["float32", 0] == pytest.approx(150 * math.log(2), abs=0.02)


def test_the_projects_softmax_is_scipys():
    logits = np.random.default_rng([8401, 0]).normal(0, 5, (50, 7))
    np.testing.assert_allclose(classification.softmax(logits), special.softmax(logits, axis=1))


def test_a_softmax_of_another_base_fails_the_control(monkeypatch):
    monkeypatch.setattr(
        classification, "softmax", lambda logits: special.softmax(np.log(2) * logits, axis=1)
    )
    found, _ = verdict("2.2.2")
    assert found.verdict == "invalid"


def test_every_claim_of_the_registry_has_a_function_and_both_languages():
    for claim in REGISTRY.values():
        assert callable(measure_of(claim.id))
        assert claim.did.zh


@pytest.mark.parametrize("room", [unstuck.claims, unstuck.figures])
def test_no_claim_has_two_functions(room):
    for module in pkgutil.iter_modules(room.__path__):
        # a second function of a claim raises
        importlib.import_module(f"{room.__name__}.{module.name}")


def test_a_claim_without_function_is_an_error_that_says_where_it_belongs():
    with pytest.raises(RegistryError, match=r"claims\.convolution"):
        measure_of("3.2.99")


def test_a_missing_table_or_another_argument_is_an_error():
    claim = REGISTRY["1.2.5"]
    with pytest.raises(RegistryError, match=r"batch_epochs\.runs was not given"):
        evaluate(claim, {})
    other = claim.model_copy(update={"reads": {"runs": "a.runs"}})
    with pytest.raises(RegistryError, match="make them agree"):
        evaluate(other, {})
