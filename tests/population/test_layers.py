"""Layers one by one against torch.nn and torch.nn.functional."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from unstuck.population.convolution import Convolution, LocalConvolution
from unstuck.population.layers import Activation, MeanPool, Reshape
from unstuck.population.linear import Linear
from unstuck.population.normalisation import BatchNorm
from unstuck.population.windows import map_size

K, B = 3, 6
TORCH = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def draw(generator, shape, fan_in, fan_out):
    return generator.normal(size=shape)


def compare(layer, parameters, x, reference):
    """Compare a layer, member by member, with `reference(x [B, ...], parameters)`."""
    done = layer.forward(x, parameters, (), True)
    upstream = normal(*done.output.shape, seed=1)
    gradients, to_input = layer.backward(upstream, done.saved, parameters, True)
    for k in range(K):
        inputs = [tensor[k].clone().requires_grad_() for tensor in (x, *parameters)]
        expected = reference(*inputs)
        torch.testing.assert_close(done.output[k], expected.detach(), rtol=1e-12, atol=1e-12)
        wanted = torch.autograd.grad(expected, inputs, upstream[k])
        for got, want in zip((to_input, *gradients), wanted, strict=True):
            torch.testing.assert_close(got[k].reshape(want.shape), want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("inputs", "outputs"), [(7, 20), (20, 3), (5, 1), (1, 4)])
def test_linear(inputs, outputs):
    layer = Linear(inputs, outputs, draw)
    parameters = normal(K, inputs, outputs), normal(K, outputs)
    compare(layer, parameters, normal(K, B, inputs), lambda x, w, b: functional.linear(x, w.T, b))


@pytest.mark.parametrize("name", TORCH)
def test_activation(name):
    x = 3 * normal(K, B, 9)
    x[0, 0, 0] = 0.0
    compare(Activation(name, (9,)), (), x, TORCH[name])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sigmoid_over_its_whole_range(dtype):
    x = torch.linspace(-1000, 1000, 4001, dtype=dtype).view(1, -1, 1).requires_grad_()
    output = Activation("sigmoid", (1,)).forward(x, (), (), True).output
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(output, torch.sigmoid(x), rtol=0, atol=tolerance)
    (slope,) = torch.autograd.grad(output.sum(), x)
    torch.testing.assert_close(
        slope, (torch.sigmoid(x) * torch.sigmoid(-x)).detach(), rtol=0, atol=tolerance
    )


@pytest.mark.parametrize("places", [(7,), (4, 5)])
def test_mean_pool_and_reshape(places):
    x = normal(K, B, *places, 3)
    axes = tuple(range(1, 1 + len(places)))
    compare(MeanPool((*places, 3)), (), x, lambda x: x.mean(axes))
    compare(Reshape((*places, 3)), (), x, lambda x: x.flatten(1))


@pytest.mark.parametrize("outputs", [2, 17])
@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("places", [(9,), (7, 6)])
def test_convolution(places, kernel, stride, padding, outputs):
    inputs = 3
    layer = Convolution(
        (*places, inputs), outputs, kernel=kernel, stride=stride, padding=padding, draw=draw
    )
    axes = len(places)
    convolve = functional.conv1d if axes == 1 else functional.conv2d

    def reference(x, weight, bias):
        turned = weight.permute(axes + 1, axes, *range(axes))
        y = convolve(x.movedim(-1, 1), turned, bias, stride, padding)
        return y.movedim(1, -1)

    x = normal(K, B, *places, inputs)
    parameters = normal(K, *layer.parameters["weight"]), normal(K, outputs)
    compare(layer, parameters, x, reference)
    sizes = tuple(map_size(size, kernel, stride, padding) for size in places)
    assert layer.output_shape == (*sizes, outputs)


def local_reference(x, weight, bias, kernel, stride, padding):
    """One linear map per place, over windows cut out one by one."""
    x = functional.pad(x, (0, 0) + (padding, padding) * (x.dim() - 2))
    axes = x.dim() - 2
    outputs = x.new_empty(len(x), *bias.shape)
    for place in np.ndindex(*bias.shape[:-1]):
        window = x[(slice(None), *(slice(stride * i, stride * i + kernel) for i in place))]
        here = torch.tensordot(window, weight[place], axes + 1) + bias[place]
        outputs = outputs.index_put((torch.arange(len(x)), *(torch.tensor(i) for i in place)), here)
    return outputs


@pytest.mark.parametrize("outputs", [1, 2, 17])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(1, 1, 0), (3, 1, 1), (2, 2, 0), (3, 2, 3)]
)
@pytest.mark.parametrize("places", [(9,), (5, 4)])
def test_local_convolution(places, kernel, stride, padding, outputs):
    options = {"kernel": kernel, "stride": stride, "padding": padding}
    layer = LocalConvolution((*places, 3), outputs, draw=draw, **options)
    x = normal(K, B, *places, 3)
    parameters = (
        normal(K, *layer.parameters["weight"]),
        normal(K, *layer.parameters["bias"], seed=3),
    )
    compare(layer, parameters, x, lambda x, w, b: local_reference(x, w, b, **options))
    sizes = tuple(map_size(size, kernel, stride, padding) for size in places)
    assert layer.output_shape == (*sizes, outputs)
    first = tuple(parameter[:1].expand(K, *parameter.shape[1:]) for parameter in parameters)
    alone = layer.forward(x[:1], first, (), True).output
    assert torch.equal(alone, layer.forward(x[:1].expand_as(x), first, (), True).output)


@pytest.mark.parametrize(
    ("places", "convolve"), [((9,), functional.conv1d), ((5, 4), functional.conv2d)]
)
def test_local_convolution_of_equal_weights_is_a_convolution(places, convolve):
    options = {"kernel": 3, "stride": 2, "padding": 1}
    layer = LocalConvolution((*places, 3), 4, draw=draw, **options)
    x, axes = normal(K, B, *places, 3), len(places)
    sizes = layer.output_shape[:-1]
    weight, bias = normal(K, *(3 for _ in places), 3, 4), normal(K, 4, seed=2)
    repeated = [
        parameter.reshape(K, *(1 for _ in places), *parameter.shape[1:]).expand(
            K, *sizes, *parameter.shape[1:]
        )
        for parameter in (weight, bias)
    ]
    done = layer.forward(x, repeated, (), True)
    upstream = normal(*done.output.shape, seed=1)
    gradients, _ = layer.backward(upstream, done.saved, repeated, False)
    for k in range(K):
        turned = weight[k].permute(axes + 1, axes, *range(axes)).clone().requires_grad_()
        expected = convolve(x[k].movedim(-1, 1), turned, bias[k], stride=2, padding=1).movedim(
            1, -1
        )
        torch.testing.assert_close(done.output[k], expected.detach(), rtol=1e-12, atol=1e-12)
        (wanted,) = torch.autograd.grad(expected, turned, upstream[k])
        tied = gradients[0][k].flatten(0, axes - 1).sum(0)
        torch.testing.assert_close(
            tied, wanted.permute(*range(2, axes + 2), 1, 0), rtol=1e-11, atol=1e-12
        )


def test_multiply_adds_are_counted_by_the_products():
    options = {"kernel": 3, "stride": 2, "padding": 1, "draw": draw}
    assert Linear(7, 20, draw).multiply_adds == 7 * 20
    for kind in (Convolution, LocalConvolution):
        assert kind((9, 8, 3), 4, **options).multiply_adds == (5 * 4) * (3 * 3 * 3) * 4
    assert MeanPool((9, 3)).multiply_adds == 0


@pytest.mark.parametrize("places", [(), (5,), (4, 3)])
@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_batchnorm_over_several_steps(places, momentum):
    """Outputs, gradients and running statistics over steps of training, then at inference."""
    features = 4
    layer = BatchNorm((*places, features), momentum)
    parameters = normal(K, features), normal(K, features, seed=2)
    buffers = [torch.from_numpy(np.tile(b, (K, 1))) for b in layer.initial_buffers()]
    module = nn.BatchNorm2d if len(places) == 2 else nn.BatchNorm1d
    references = [module(features, momentum=momentum).double() for _ in range(K)]
    for reference, gamma, beta in zip(references, *parameters, strict=True):
        reference.weight.data.copy_(gamma)
        reference.bias.data.copy_(beta)
    for step in range(6):
        training = step < 4
        x = 2 * normal(K, B, *places, features, seed=step) + 1
        upstream = normal(K, B, *places, features, seed=10 + step)
        done = layer.forward(x, parameters, buffers, training)
        gradients, to_input = layer.backward(upstream, done.saved, parameters, True)
        buffers = done.buffers
        for k, reference in enumerate(references):
            reference.train(training).zero_grad()
            inputs = x[k].movedim(-1, 1).clone().requires_grad_()
            output = reference(inputs)
            output.backward(upstream[k].movedim(-1, 1))
            for got, expected in (
                (done.output[k], output.detach().movedim(1, -1)),
                (to_input[k], inputs.grad.movedim(1, -1)),
                (gradients[0][k], reference.weight.grad),
                (gradients[1][k], reference.bias.grad),
                (buffers[0][k], reference.running_mean),
                (buffers[1][k], reference.running_var),
            ):
                torch.testing.assert_close(got, expected, rtol=1e-11, atol=1e-12)


def test_batchnorm_gives_mean_zero_and_variance_one():
    layer = BatchNorm((5,), 0.1)
    x = 10 * normal(K, 64, 5) + 3
    output = layer.forward(
        x, (torch.ones(K, 5).double(), torch.zeros(K, 5).double()), normal(2, K, 5), True
    ).output
    assert output.mean(1).abs().max() < 1e-14
    torch.testing.assert_close(
        output.var(1, correction=0), torch.ones(K, 5).double(), rtol=1e-6, atol=0
    )


def test_batchnorm_of_one_row_gives_beta():
    layer = BatchNorm((5,), 0.25)
    x, gamma, beta = normal(K, 1, 5), normal(K, 5, seed=1), normal(K, 5, seed=2)
    buffers = normal(K, 5, seed=3), normal(K, 5, seed=4).square()
    done = layer.forward(x, (gamma, beta), buffers, True)
    assert torch.equal(done.output[:, 0], beta)
    torch.testing.assert_close(done.buffers[0], 0.75 * buffers[0] + 0.25 * x[:, 0])
    assert torch.equal(done.buffers[1], buffers[1])
    gradients, to_input = layer.backward(normal(K, 1, 5), done.saved, (gamma, beta), True)
    assert not gradients[0].any()
    assert to_input.abs().max() < 1e-12
