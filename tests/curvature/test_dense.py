"""Dense matrices against autograd, for every kind of network, activation and loss."""

import pytest
import torch

from unstuck.curvature.hessian import dense
from unstuck.errors import CurvatureError

CASES = {
    "tanh": {},
    "relu": {"activation": "relu"},
    "sigmoid": {"activation": "sigmoid"},
    "squared_error": {"loss": "squared_error"},
    "softmax_squared_error": {"loss": "softmax_squared_error"},
    "relu_squared_error": {"activation": "relu", "loss": "squared_error"},
    "weight_decay": {"weight_decay": 0.05},
    "no_hidden_layer": {"hidden": ()},
    "one_hidden_layer": {"hidden": (5,)},
    "four_hidden_layers": {"hidden": (4, 3, 3, 2)},
    "batchnorm_before_inference": {"batchnorm": "before", "training": False, "weight_decay": 0.1},
    "batchnorm_after_inference": {"batchnorm": "after", "training": False},
    "batchnorm_relu_inference": {
        "batchnorm": "before",
        "training": False,
        "activation": "relu",
        "loss": "squared_error",
    },
    "batchnorm_before_training": {"batchnorm": "before"},
    "batchnorm_after_training": {"batchnorm": "after", "weight_decay": 0.1},
    "conv1d": {"kind": "conv1d", "hidden": (3, 2)},
    "conv1d_batchnorm_training": {"kind": "conv1d", "hidden": (3,), "batchnorm": "before"},
    "conv2d": {"kind": "conv2d", "hidden": (3, 2), "weight_decay": 0.1},
    "conv2d_relu_inference": {
        "kind": "conv2d",
        "hidden": (2,),
        "activation": "relu",
        "batchnorm": "after",
        "training": False,
    },
    "conv2d_batchnorm_training": {"kind": "conv2d", "hidden": (2, 2), "batchnorm": "after"},
}


def relative(value, reference):
    return float((value - reference).norm() / reference.norm())


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def problem(request, build):
    return build(**request.param)


def test_hessian_equals_autograd(problem, reference_hessian):
    assert relative(dense.hessian(problem), reference_hessian(problem)) < 1e-12


def test_hessian_is_exactly_symmetric(problem):
    hessian = dense.hessian(problem)
    torch.testing.assert_close(hessian, hessian.mT, rtol=0, atol=0)


def test_gauss_newton_equals_jacobians(problem):
    """Against mean_n J_n^T C_n J_n with J from torch.func and C from a second autograd pass."""

    def outputs(theta):
        return problem.network.forward(
            theta[None], problem.x[None], problem.buffers[None], problem.training
        )[0][0]

    jacobian = torch.func.jacrev(outputs)(problem.theta)  # [N, C, P]
    values = outputs(problem.theta).detach()

    def total(z):
        return problem.criterion.value(z[None], problem.y[None]).sum()

    curvature = torch.func.hessian(total)(values)  # [N, C, N, C]
    expected = torch.einsum("ncp,ncmd,mdq->pq", jacobian, curvature, jacobian) / problem.samples
    expected += problem.weight_decay * torch.eye(problem.parameter_count).double()
    assert relative(dense.gauss_newton(problem), expected) < 1e-12


def test_gauss_newton_is_the_hessian_of_a_linear_network(build):
    problem = build(hidden=())
    assert relative(dense.gauss_newton(problem), dense.hessian(problem)) < 1e-14


def test_both_routes_agree(build):
    problem = build(hidden=(7, 5), samples=301)
    by_products = dense.by_products(problem.hessian_product, problem.theta)
    assert dense.is_layerwise(problem)
    assert relative(dense.hessian(problem), by_products) < 1e-13


def test_layerwise_chunks_of_samples_do_not_show(build, monkeypatch):
    problem = build(samples=101)
    whole = dense.hessian(problem)
    monkeypatch.setattr("unstuck.curvature.hessian.layerwise._CHUNK_BYTES", 1)
    assert relative(dense.hessian(problem), whole) < 1e-13


def test_single_precision_stays_single(build):
    problem = build()
    single = dense.hessian(problem.to(torch.float32))
    assert single.dtype == torch.float32
    error = relative(single.double(), dense.hessian(problem))
    assert 1e-9 < error < 1e-5


def test_layer_blocks_cover_all_parameters_once(build):
    problem = build(batchnorm="before", training=False)
    hessian = dense.hessian(problem)
    blocks = dense.layer_blocks(problem, hessian)
    assert list(blocks) == [
        "linear1",
        "batchnorm1",
        "linear2",
        "batchnorm2",
        "linear3",
        "batchnorm3",
        "head",
    ]
    cut = torch.block_diag(*blocks.values())
    assert cut.shape == hessian.shape
    torch.testing.assert_close(cut, torch.where(cut == 0, 0, hessian))


def test_too_large_names_the_way_out(build):
    with pytest.raises(CurvatureError, match=r"limit is 10 parameters; use lanczos"):
        dense.hessian(build(), limit=10)
    with pytest.raises(CurvatureError, match="lanczos"):
        dense.gauss_newton(build(), limit=10)


def test_overflow_is_refused(build):
    problem = build(activation="relu", loss="squared_error")
    with pytest.raises(CurvatureError, match="NaN or infinite"):
        dense.hessian(problem.at(problem.theta * 1e150))
