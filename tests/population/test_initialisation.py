"""Initial weights: what they depend on, and their distribution."""

import math

import numpy as np
import pytest
import torch

from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

VARIANCES = {"glorot": 2 / (300 + 200), "he": 2 / 300, "lecun": 1 / 300}


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("rule", VARIANCES)
def test_variance_is_that_of_the_rule(rule, distribution, scale):
    spec = NetworkSpec(hidden=(200,), init=rule, init_distribution=distribution, init_scale=scale)
    network = Network(spec, (300,), 10)
    weight = network.views(network.initial(0)[None])["linear1.weight"].numpy().ravel()
    deviation = scale * math.sqrt(VARIANCES[rule])
    standard_error = 1 / math.sqrt(2 * weight.size)
    assert weight.std() == pytest.approx(deviation, rel=5 * standard_error)
    assert abs(weight.mean()) < 5 * deviation / math.sqrt(weight.size)
    kurtosis = np.mean(weight**4) / np.mean(weight**2) ** 2
    assert kurtosis == pytest.approx({"uniform": 1.8, "normal": 3.0}[distribution], abs=0.1)


@pytest.mark.parametrize(("kind", "area"), [("conv1d", 5), ("conv2d", 25)])
def test_fans_of_a_convolution_count_its_patch(kind, area):
    spec = NetworkSpec(kind=kind, kernel=5, hidden=(60, 80), init="glorot")
    network = Network(spec, (1, *(9 for _ in range(2 if kind == "conv2d" else 1))), 10)
    weight = network.views(network.initial(0)[None])["convolution2.weight"]
    expected = math.sqrt(2 / (area * (60 + 80)))
    assert weight.std().item() == pytest.approx(expected, rel=5 / math.sqrt(2 * weight.numel()))


def test_biases_are_zero_and_batch_normalisation_is_neutral():
    network = Network(NetworkSpec(batchnorm="before"), (64,), 10)
    views = network.views(network.initial(3)[None])
    for name, view in views.items():
        if name.endswith(("bias", "beta")):
            assert not view.any()
        if name.endswith("gamma"):
            assert (view == 1).all()
    means, variances = network.initial_buffers().view(2, 2, -1)[0, 0], network.initial_buffers()
    assert not means.any()
    assert set(variances.tolist()) == {0.0, 1.0}


def test_weights_depend_on_seed_alone():
    network = Network(NetworkSpec(), (64,), 10)
    first = network.initial(5)
    torch.manual_seed(1)
    assert first.dtype == torch.float64
    assert torch.equal(first, Network(NetworkSpec(), (64,), 10).initial(5))
    assert not torch.equal(first, network.initial(6))


def test_activation_and_batch_normalisation_leave_the_weights_alone():
    """Arms that differ in these start from the same weights, so seeds pair them."""
    plain = Network(NetworkSpec(activation="tanh"), (64,), 10)
    other = Network(NetworkSpec(activation="relu", batchnorm="after"), (64,), 10)
    expected = plain.views(plain.initial(2)[None])
    got = other.views(other.initial(2)[None])
    assert all(torch.equal(got[name], view) for name, view in expected.items())


def test_a_favoured_output_leaves_the_weights_alone():
    even, sure = (
        Network(NetworkSpec(hidden=(5,), initial_bias=bias), (4,), 10) for bias in (0.0, 7.0)
    )
    favoured = set()
    for seed in range(20):
        difference = sure.initial(seed) - even.initial(seed)
        (place,) = difference.nonzero().flatten().tolist()
        assert difference[place] == 7.0
        favoured.add(place - (sure.parameter_count - 10))
    assert favoured <= set(range(10))
    assert len(favoured) > 3


def test_an_even_start_keeps_the_description_that_it_had():
    assert "initial_bias" not in NetworkSpec(initial_bias=0).model_dump(mode="json")
    assert NetworkSpec(initial_bias=1).model_dump(mode="json")["initial_bias"] == 1
