"""Loss, gradient and products against autograd and, where it is installed, curvlinops."""

import pytest
import torch

from unstuck.curvature.hessian import dense
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError

CASES = {
    "dense": {},
    "relu": {"activation": "relu", "loss": "squared_error", "weight_decay": 0.02},
    "softmax_squared_error": {"loss": "softmax_squared_error"},
    "batchnorm_training": {"batchnorm": "before"},
    "batchnorm_inference": {"batchnorm": "after", "training": False},
    "conv1d": {"kind": "conv1d", "hidden": (3,)},
    "conv2d": {"kind": "conv2d", "hidden": (3,), "batchnorm": "before", "weight_decay": 0.1},
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def problem(request, build):
    return build(**request.param)


def test_loss_and_gradient_equal_autograd(problem, reference_loss):
    gradient, value = torch.func.grad_and_value(reference_loss(problem))(problem.theta)
    loss, found = problem.loss_and_gradient()
    assert loss == pytest.approx(float(value), rel=1e-13)
    assert problem.value() == pytest.approx(float(value), rel=1e-13)
    torch.testing.assert_close(found, gradient, rtol=1e-11, atol=1e-13)


def test_products_equal_dense_matrices(problem, rng):
    vectors = torch.from_numpy(rng.standard_normal((3, problem.parameter_count)))
    hessian, gauss_newton = dense.hessian(problem), dense.gauss_newton(problem)
    torch.testing.assert_close(problem.hessian_product(vectors), vectors @ hessian)
    torch.testing.assert_close(problem.gauss_newton_product(vectors), vectors @ gauss_newton)
    torch.testing.assert_close(problem.hessian_product(vectors[0]), hessian @ vectors[0])


@pytest.mark.parametrize("product", ["hessian", "gauss_newton"])
def test_ragged_last_chunk_counts_for_what_it_is(build, rng, product):
    whole, ragged = build(samples=23), build(samples=23, chunk=5)
    vector = torch.from_numpy(rng.standard_normal(whole.parameter_count))
    name = f"{product}_product"
    torch.testing.assert_close(
        getattr(ragged, name)(vector), getattr(whole, name)(vector), rtol=1e-11, atol=1e-13
    )
    assert ragged.value() == pytest.approx(whole.value(), rel=1e-14)
    torch.testing.assert_close(ragged.gradient(), whole.gradient(), rtol=1e-12, atol=1e-14)


def test_batchnorm_in_training_is_never_chunked(build):
    ragged, whole = build(batchnorm="before", chunk=5), build(batchnorm="before")
    assert ragged.value() == whole.value()


@pytest.mark.parametrize("kind", ["Hessian", "GGN"])
@pytest.mark.parametrize(
    "case", [{}, {"activation": "relu", "loss": "squared_error"}], ids=["tanh", "relu"]
)
def test_products_equal_curvlinops(build, rng, kind, case):
    curvlinops = pytest.importorskip("curvlinops")
    problem = build(**case)
    activation = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[case.get("activation", "tanh")]
    layers: list[torch.nn.Module] = []
    tensors = {slot.name: slot for slot in problem.network.layout}
    for name in ("linear1", "linear2", "linear3", "head"):
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        layer = torch.nn.Linear(*weight.shape).double()
        layer.weight.data = problem.theta[weight.start : weight.stop].view(weight.shape).mT.clone()
        layer.bias.data = problem.theta[bias.start : bias.stop].clone()
        layers += [layer, activation()]
    model = torch.nn.Sequential(*layers[:-1])
    if problem.loss == "cross_entropy":
        criterion, target, factor = torch.nn.CrossEntropyLoss(), problem.y, 1.0
    else:
        hot = torch.nn.functional.one_hot(problem.y, 4).double()
        # MSELoss also averages over the C = 4 outputs, and has no factor one half
        criterion, target, factor = torch.nn.MSELoss(), hot, 2.0
    operator = getattr(curvlinops, f"{kind}LinearOperator")(
        model, criterion, list(model.parameters()), [(problem.x, target)]
    )
    vector = torch.from_numpy(rng.standard_normal(problem.parameter_count))
    theirs = operator @ _to_torch_order(problem, vector)
    ours = {"Hessian": problem.hessian_product, "GGN": problem.gauss_newton_product}[kind]
    torch.testing.assert_close(
        _to_torch_order(problem, ours(vector)), factor * theirs, rtol=1e-9, atol=1e-12
    )


def _to_torch_order(problem, vector):
    parts = []
    for slot in problem.network.layout:
        part = vector[slot.start : slot.stop].view(slot.shape)
        parts.append(part.mT.flatten() if part.ndim == 2 else part)
    return torch.cat(parts)


class Noisy:
    """A network whose gradients are not a function of its parameters."""

    def __init__(self, network):
        self._network = network
        self._generator = torch.Generator().manual_seed(0)

    def __getattr__(self, name):
        return getattr(self._network, name)

    def loss_and_gradient(self, *arguments, **named):
        loss, right, gradient, moved = self._network.loss_and_gradient(*arguments, **named)
        noise = torch.randn(gradient.shape, generator=self._generator, dtype=gradient.dtype)
        return loss, right, gradient + 1e-6 * noise, moved


def _arguments(problem, **changes):
    names = ("network", "theta", "x", "y", "loss", "buffers")
    return {name: getattr(problem, name) for name in names} | changes


def test_nondeterministic_function_is_refused(build):
    problem = build()
    with pytest.raises(CurvatureError, match="deterministic"):
        Problem(**_arguments(problem, network=Noisy(problem.network)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "hinge"}, "loss is 'hinge'"),
        ({"theta": torch.zeros(3)}, "theta has shape"),
        ({"weight_decay": -1.0}, "weight_decay is -1"),
        ({"weight_decay": float("nan")}, "weight_decay is nan"),
        ({"y": torch.zeros(2, dtype=torch.int64)}, "x has 23 samples"),
        ({"buffers": torch.zeros(3)}, "buffers hold 3"),
    ],
)
def test_wrong_arguments_are_named(build, changes, message):
    with pytest.raises(CurvatureError, match=message):
        Problem(**_arguments(build(), **changes))


def test_nan_is_refused(build):
    problem = build()
    theta = problem.theta.clone()
    theta[3] = float("nan")
    with pytest.raises(CurvatureError, match="theta holds 1 entries"):
        Problem(**_arguments(problem, theta=theta))


def test_wrong_vector_is_named(build):
    with pytest.raises(CurvatureError, match="vectors have shape"):
        build().hessian_product(torch.zeros(2))
