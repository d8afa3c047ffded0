"""A member's bits depend on neither the number, the values nor the places of the others."""

import itertools

import pytest
import torch

from unstuck.population.spec import NetworkSpec

BATCHES = (1, 7, 8, 16, 32, 64, 128, 256, 1024)
SHAPES = {
    "dense": (64,),
    "conv1d": (2, 20),
    "conv2d": (2, 6, 5),
    "local1d": (2, 20),
    "local2d": (2, 6, 5),
}


def shifted(tensor, elements):
    """Copy a tensor to an address that is `elements` off a boundary of 64 bytes."""
    memory = torch.empty(tensor.numel() + elements, dtype=tensor.dtype)
    return memory[elements:].view(tensor.shape).copy_(tensor)


def part(case, members, elements=0):
    """Compute the loss, the count, the gradient, the buffers and the outputs of some members."""
    network, theta, buffers, x, y = case
    theta, buffers, x = (shifted(t[members], elements) for t in (theta, buffers, x))
    y = y[members].clone()
    outputs, _ = network.forward(theta, x, buffers, False)
    return *network.loss_and_gradient(theta, x, y, "cross_entropy", buffers, True), outputs


def assert_alone_as_among_others(case):
    whole = part(case, slice(None))
    count = len(case.theta)
    for first, size, elements in ((0, 1, 0), (5, 1, 1), (count - 1, 1, 2), (3, 2, 0), (1, 7, 3)):
        members = slice(first, first + size)
        for alone, among in zip(part(case, members, elements), whole, strict=True):
            assert torch.equal(alone, among[members])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("batchnorm", ["off", "before", "after"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_one_is_bitwise_one_of_many(draw_case, activation, batchnorm, batch):
    spec = NetworkSpec(hidden=(32, 16), activation=activation, batchnorm=batchnorm)
    members = 64 if batch <= 64 else 16
    assert_alone_as_among_others(draw_case(spec, members=members, batch=batch, dtype=torch.float32))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [1, 3, 16, 50])
@pytest.mark.parametrize("hidden", [(), (1,), (7, 5), (50, 50), (13, 16), (100,)], ids=str)
def test_odd_widths_are_no_exception(draw_case, hidden, batch, dtype):
    for inputs, classes in itertools.product((1, 13, 40), (1, 3, 10)):
        spec = NetworkSpec(hidden=hidden, activation="sigmoid")
        case = draw_case(spec, (inputs,), classes, members=16, batch=batch, dtype=dtype)
        assert_alone_as_among_others(case)


@pytest.mark.parametrize("batch", [1, 3, 8, 32])
@pytest.mark.parametrize("batchnorm", ["off", "before", "after"])
@pytest.mark.parametrize("kind", ["conv1d", "conv2d", "local1d", "local2d"])
def test_convolution_is_no_exception(draw_case, kind, batchnorm, batch):
    for hidden, stride in itertools.product(((5, 8), (17,)), (1, 2)):
        spec = NetworkSpec(kind=kind, hidden=hidden, stride=stride, batchnorm=batchnorm)
        case = draw_case(spec, SHAPES[kind], members=16, batch=batch, dtype=torch.float32)
        assert_alone_as_among_others(case)


@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf, 1e38])
@pytest.mark.parametrize("kind", SHAPES)
def test_diverged_members_touch_no_other(draw_case, kind, poison):
    for batchnorm, activation in itertools.product(("off", "before"), ("tanh", "relu", "sigmoid")):
        spec = NetworkSpec(kind=kind, hidden=(16, 5), activation=activation, batchnorm=batchnorm)
        case = draw_case(spec, SHAPES[kind], members=9, batch=16, dtype=torch.float32)
        healthy = part(case, slice(None))
        case.theta[4] = poison
        case.theta[7] *= poison
        others = [0, 1, 2, 3, 5, 6, 8]
        for got, expected in zip(part(case, slice(None)), healthy, strict=True):
            assert torch.equal(got[others], expected[others])


def test_training_stays_bitwise_alone(draw_case):
    """A hundred updates of gradient descent, alone and among 32, end at the same bits."""
    spec = NetworkSpec(hidden=(32, 16), batchnorm="before")
    network, theta, buffers, x, y = draw_case(spec, members=32, batch=32, dtype=torch.float32)

    def descend(members):
        at, held = theta[members].clone(), buffers[members].clone()
        for _ in range(100):
            _, _, gradient, held = network.loss_and_gradient(
                at, x[members], y[members], "cross_entropy", held, True
            )
            at -= 0.1 * gradient
        return at, held

    whole = descend(slice(None))
    for k in (0, 13, 31):
        assert all(map(torch.equal, descend(slice(k, k + 1)), (t[k : k + 1] for t in whole)))
