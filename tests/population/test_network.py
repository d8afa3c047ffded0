"""Whole networks against autograd of their forward pass and against torch.nn twins.

Autograd would miss a forward pass that is wrong but consistent; the twins, built by torch.nn with
copied weights, would not.
"""

import itertools

import pytest
import torch
from torch.nn import functional

from unstuck.errors import ConfigError
from unstuck.population.losses import LOSSES
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

SHAPES = {
    "dense": (1, 6, 5),
    "conv1d": (2, 11),
    "conv2d": (2, 7, 6),
    "local1d": (2, 11),
    "local2d": (2, 7, 6),
}
TORCH_LOSSES = {
    "cross_entropy": functional.cross_entropy,
    "squared_error": lambda z, y: (
        0.5 * functional.mse_loss(z, functional.one_hot(y, 10).double(), reduction="sum") / len(y)
    ),
    "softmax_squared_error": lambda z, y: (
        0.5
        * functional.mse_loss(z.softmax(1), functional.one_hot(y, 10).double(), reduction="sum")
        / len(y)
    ),
}
SPECS = [
    NetworkSpec(kind=kind, hidden=hidden, activation=activation, batchnorm=batchnorm)
    for kind, hidden, activation, batchnorm in itertools.product(
        ("dense", "conv1d", "conv2d"),
        ((20, 7), (5,)),
        ("tanh", "relu", "sigmoid"),
        ("off", "before", "after"),
    )
] + [
    NetworkSpec(hidden=()),
    NetworkSpec(hidden=(1, 3)),
    NetworkSpec(kind="conv1d", hidden=(17, 4), stride=2, padding=0, pool="flatten"),
    NetworkSpec(kind="conv2d", hidden=(4, 18), stride=2, padding=2, kernel=4, pool="flatten"),
]

# torch.nn has no layer of local weights: tests/population/test_layers.py builds one
LOCAL = [
    NetworkSpec(kind="local1d", hidden=(17, 4), stride=2, batchnorm="before"),
    NetworkSpec(kind="local2d", hidden=(4, 3), activation="relu", pool="flatten"),
]


def label(spec: NetworkSpec) -> str:
    return f"{spec.kind}-{spec.hidden}-{spec.activation}-{spec.batchnorm}-{spec.pool}"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("spec", SPECS + LOCAL, ids=label)
def test_gradient_is_that_of_autograd(draw_case, spec, training):
    network, theta, buffers, x, y = draw_case(spec, SHAPES[spec.kind])
    theta.requires_grad_()
    for loss in TORCH_LOSSES:
        value, correct = network.loss_and_correct(theta, x, y, loss, buffers, training)
        (expected,) = torch.autograd.grad(value.sum(), theta)
        outputs, new_buffers = network.forward(theta, x, buffers, training)
        got = network.loss_and_gradient(theta, x, y, loss, buffers, training)
        torch.testing.assert_close(got[0], value.detach(), rtol=1e-12, atol=1e-13)
        assert torch.equal(got[1], correct)
        assert torch.equal(correct, (outputs.argmax(2) == y).sum(1))
        torch.testing.assert_close(got[2], expected, rtol=1e-10, atol=1e-13)
        torch.testing.assert_close(got[3], new_buffers.detach(), rtol=0, atol=0)


@pytest.mark.parametrize("kind", SHAPES)
def test_gradient_of_class_numbers_is_that_of_autograd(draw_case, kind):
    spec = NetworkSpec(kind=kind, hidden=(5,), batchnorm="before")
    network, theta, buffers, x, y = draw_case(spec, SHAPES[kind], loss="class_number")
    assert network.layout[-1].shape == (1,)
    theta.requires_grad_()
    value, correct = network.loss_and_correct(theta, x, y, "class_number", buffers, True)
    (expected,) = torch.autograd.grad(value.sum(), theta)
    got = network.loss_and_gradient(theta, x, y, "class_number", buffers, True)
    torch.testing.assert_close(got[0], value.detach(), rtol=1e-12, atol=1e-13)
    assert torch.equal(got[1], correct)
    torch.testing.assert_close(got[2], expected, rtol=1e-10, atol=1e-13)


def test_every_loss_is_held_against_torch():
    assert set(LOSSES) == {*TORCH_LOSSES, "class_number"}


@pytest.mark.parametrize("spec", SPECS, ids=label)
def test_members_are_torch_networks(draw_case, twin, flat_gradient, spec):
    network, theta, buffers, x, y = draw_case(spec, SHAPES[spec.kind])
    for loss, reference in TORCH_LOSSES.items():
        value, _, gradient, new_buffers = network.loss_and_gradient(
            theta, x, y, loss, buffers, True
        )
        inference, _ = network.forward(theta, x, new_buffers, False)
        for k in range(len(theta)):
            model = twin(network, theta[k], buffers[k])
            expected = reference(model(x[k]), y[k])
            expected.backward()
            assert value[k].item() == pytest.approx(expected.item(), rel=1e-12)
            torch.testing.assert_close(gradient[k], flat_gradient(model), rtol=1e-10, atol=1e-12)
            statistics = [b for name, b in model.named_buffers() if "running" in name]
            if statistics:
                torch.testing.assert_close(
                    new_buffers[k], torch.cat(statistics), rtol=1e-12, atol=1e-13
                )
            torch.testing.assert_close(inference[k], model.eval()(x[k]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("spec", SPECS + LOCAL, ids=label)
def test_shared_samples_are_those_of_every_member(draw_case, spec):
    network, theta, buffers, x, y = draw_case(spec, SHAPES[spec.kind])
    one, labels = x[:1], y[:1]
    each, each_label = one.expand_as(x).clone(), labels.expand_as(y).clone()
    shared, _ = network.forward(theta, one, buffers, False)
    copied, _ = network.forward(theta, each, buffers, False)
    assert torch.equal(shared, copied)
    for got, expected in zip(
        network.loss_and_gradient(theta, one, labels, "cross_entropy", buffers, True),
        network.loss_and_gradient(theta, each, each_label, "cross_entropy", buffers, True),
        strict=True,
    ):
        assert torch.equal(got, expected)


def test_gradient_is_written_into_out(draw_case):
    network, theta, buffers, x, y = draw_case(NetworkSpec())
    out = torch.full_like(theta, torch.nan)
    gradient = network.loss_and_gradient(theta, x, y, "cross_entropy", buffers, True, out)[2]
    assert gradient.data_ptr() == out.data_ptr()
    expected = network.loss_and_gradient(theta, x, y, "cross_entropy", buffers, True)[2]
    assert torch.equal(out, expected)


def test_arguments_are_left_alone(draw_case):
    case = draw_case(NetworkSpec(batchnorm="before"))
    before = [tensor.clone() for tensor in case[1:]]
    network, theta, buffers, x, y = case
    network.loss_and_gradient(theta, x, y, "cross_entropy", buffers, True)
    network.forward(theta, x, buffers, True)
    assert all(map(torch.equal, before, case[1:]))


def test_layout_is_layer_by_layer():
    network = Network(NetworkSpec(hidden=(5,), batchnorm="after"), (4,), 3)
    assert [(slot.name, slot.shape) for slot in network.layout] == [
        ("linear1.weight", (4, 5)),
        ("linear1.bias", (5,)),
        ("batchnorm1.gamma", (5,)),
        ("batchnorm1.beta", (5,)),
        ("head.weight", (5, 3)),
        ("head.bias", (3,)),
    ]
    assert network.layout[0].start == 0
    assert all(a.stop == b.start for a, b in itertools.pairwise(network.layout))
    assert network.parameter_count == network.layout[-1].stop == 4 * 5 + 5 + 5 + 5 + 5 * 3 + 3
    assert [slot.name for slot in network.buffer_layout] == [
        "batchnorm1.running_mean",
        "batchnorm1.running_variance",
    ]
    assert network.buffer_count == 10


def test_lecture_counts():
    """A filter of 3 × 3 over 3 channels has 27 weights, and 64 of them 1,728 and 64 biases."""
    network = Network(NetworkSpec(kind="conv2d", hidden=(64,)), (3, 100, 100), 10)
    sizes = {slot.name: slot.stop - slot.start for slot in network.layout}
    assert sizes["convolution1.weight"] == 1728
    assert sizes["convolution1.bias"] == 64
    dense = Network(NetworkSpec(hidden=(1000,)), (3, 100, 100), 10)
    assert dense.layout[0].stop == 30_000_000


def test_views_share_memory(draw_case):
    network, theta, *_ = draw_case(NetworkSpec())
    views = network.views(theta)
    views["head.bias"][1] = 5.0
    assert torch.equal(theta[1, -10:], torch.full((10,), 5.0, dtype=theta.dtype))
    assert views["linear1.weight"].shape == (3, 64, 32)


def test_hessian_by_torch_func(draw_case):
    spec = NetworkSpec(hidden=(3,), batchnorm="before")
    network, theta, buffers, x, y = draw_case(spec, (2,), classes=3, members=1)

    def value(flat, samples, labels):
        return network.loss_and_correct(
            flat[None], samples[None], labels[None], "cross_entropy", buffers, True
        )[0][0]

    hessian = torch.func.hessian(value)(theta[0], x[0], y[0])
    torch.testing.assert_close(hessian, hessian.T)
    columns = []
    for direction in torch.eye(network.parameter_count, dtype=theta.dtype):
        step = 1e-5 * direction
        ahead, behind = (
            network.loss_and_gradient(at[None], x, y, "cross_entropy", buffers, True)[2][0]
            for at in (theta[0] + step, theta[0] - step)
        )
        columns.append((ahead - behind) / 2e-5)
    torch.testing.assert_close(hessian, torch.stack(columns), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", SHAPES)
def test_vmap_over_samples(draw_case, kind):
    """Per-sample gradients by vmap are the gradients of batches of one."""
    spec = NetworkSpec(kind=kind, hidden=(4,), activation="sigmoid")
    network, theta, buffers, x, y = draw_case(spec, SHAPES[kind], members=1)

    def value(flat, sample, target):
        return network.loss_and_correct(
            flat[None], sample[None, None], target[None, None], "squared_error", buffers, False
        )[0][0]

    gradients = torch.func.vmap(torch.func.grad(value), (None, 0, 0))(theta[0], x[0], y[0])
    expected = [
        network.loss_and_gradient(theta, x[:, [i]], y[:, [i]], "squared_error", buffers, False)[2][
            0
        ]
        for i in range(x.shape[1])
    ]
    torch.testing.assert_close(gradients, torch.stack(expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_have_the_dtype_of_the_parameters(draw_case, dtype):
    for batchnorm, activation in itertools.product(("off", "before"), ("tanh", "relu", "sigmoid")):
        case = draw_case(NetworkSpec(batchnorm=batchnorm, activation=activation), dtype=dtype)
        network, theta, buffers, x, y = case
        value, correct, gradient, new_buffers = network.loss_and_gradient(
            theta, x, y, "cross_entropy", buffers, True
        )
        assert {value.dtype, gradient.dtype, new_buffers.dtype} == {dtype}
        assert correct.dtype == torch.int64


def test_bias_before_batch_normalisation_has_no_gradient(draw_case):
    network, theta, buffers, x, y = draw_case(NetworkSpec(batchnorm="before"))
    gradient = network.loss_and_gradient(theta, x, y, "cross_entropy", buffers, True)[2]
    views = network.views(gradient)
    assert views["linear1.bias"].abs().max() < 1e-16
    assert views["linear1.weight"].abs().max() > 1e-3


def test_unsuitable_input_is_named():
    with pytest.raises(ConfigError, match=r"conv2d network needs samples of 3 axes.*\(64,\)"):
        Network(NetworkSpec(kind="conv2d"), (64,), 10)
    with pytest.raises(ConfigError, match=r"hidden layer 2 of input .* kernel 5"):
        Network(NetworkSpec(kind="conv1d", kernel=5, padding=0), (1, 8), 10)


def test_unknown_loss_is_named(draw_case):
    network, theta, buffers, x, y = draw_case(NetworkSpec())
    with pytest.raises(ConfigError, match=r"'hinge'.*cross_entropy"):
        network.loss_and_gradient(theta, x, y, "hinge", buffers, True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHAPES)
def test_compiled_step_equals_the_eager_one(draw_case, kind):
    spec = NetworkSpec(kind=kind, hidden=(6,), batchnorm="before")
    network, theta, buffers, x, y = draw_case(spec, SHAPES[kind])

    def step(theta, x, y, buffers):
        return network.loss_and_gradient(theta, x, y, "cross_entropy", buffers, True)

    compiled = torch.compile(step, fullgraph=True)(theta, x, y, buffers)
    for got, expected in zip(compiled, step(theta, x, y, buffers), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-13)
