"""Derivatives of one sample's output by another sample's input, under batch normalisation.

For one feature of a batch of B, ∂x̂ᵢ/∂xⱼ = (δᵢⱼ − (1 + x̂ᵢx̂ⱼ) / B) / √(v + ε).
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import jacrev
from torch.nn.functional import batch_norm

from unstuck.population.network import Network
from unstuck.population.normalisation import EPSILON, BatchNorm
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.normalisation.layer_statistics import STREAM, passed

BATCH, INPUTS, HIDDEN, CLASSES = 12, 4, 6, 3
BATCH_SIZES, FEATURES = (2, 4, 8, 16, 32, 64, 128), 20
Placement = Literal["off", "before"]
CASES: tuple[tuple[Placement, bool], ...] = (("before", True), ("before", False), ("off", True))

Array = NDArray[np.float64]


def coupling() -> pd.DataFrame:
    """Give what `BatchnormLayerAnalysis.run` says of the table `coupling`."""
    tables = []
    for batchnorm, training in CASES:
        norms = _cross_derivatives(batchnorm, training)
        output, other = np.indices(norms.shape)
        tables.append(
            pd.DataFrame(
                {
                    "batchnorm": batchnorm,
                    "mode": "training" if training else "inference",
                    "batch_size": BATCH,
                    "output": output.ravel(),
                    "input": other.ravel(),
                    "own": (output == other).ravel(),
                    "derivative": norms.ravel(),
                    "relative": (norms / np.diag(norms)[:, None]).ravel(),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _cross_derivatives(batchnorm: Placement, training: bool) -> Array:
    """Give the norm ``[B, B]`` of the derivative of output i of a network by the input j."""
    spec = NetworkSpec(hidden=(HIDDEN,), batchnorm=batchnorm)
    network = Network(spec, (INPUTS,), CLASSES)
    theta, buffers = network.initial(0)[None], network.initial_buffers()[None]
    rng = np.random.default_rng([1, STREAM])
    x = torch.from_numpy(rng.standard_normal((BATCH, INPUTS)))

    def outputs(samples: Tensor) -> Tensor:
        return network.forward(theta, samples[None], buffers, training)[0][0]

    jacobian = jacrev(outputs)(x)  # [B, classes, B, inputs]
    norms: Array = jacobian.square().sum((1, 3)).sqrt().numpy()
    return norms


def strength() -> pd.DataFrame:
    """Give what `BatchnormLayerAnalysis.run` says of the table `strength`."""
    return pd.DataFrame([_strength(size) for size in BATCH_SIZES])


def _strength(size: int) -> dict[str, Any]:
    rng = np.random.default_rng([3, STREAM, size])
    layer = BatchNorm((FEATURES,), 0.1)
    x = torch.from_numpy(rng.standard_normal((size, FEATURES)))
    start = layer.initial_parameters(rng)
    ours = _by_feature(lambda samples: passed(layer, samples[None], start)[0], x)
    theirs = _by_feature(
        lambda samples: batch_norm(samples, None, None, training=True, eps=EPSILON), x
    )
    deviation = (x.var(0, correction=0) + EPSILON).sqrt()
    normal = (x - x.mean(0)) / deviation
    product = torch.einsum("ic,jc->cij", normal, normal)
    exact = ((torch.eye(size) - (1 + product) / size) / deviation[:, None, None]).numpy()
    own = np.abs(np.diagonal(ours, axis1=1, axis2=2))
    others = np.abs(ours).sum(2) - own
    return {
        "batch_size": size,
        # of a batch of two each sample is ±1, whatever moves
        "one": float(others.mean() / (size - 1) / own.mean()),
        "all": float(others.mean() / own.mean()),
        "closed_form_gap": float(np.abs(ours - exact).max()),
        "torch_gap": float(np.abs(ours - theirs).max()),
        "sum": float(np.abs(ours.sum(2)).max()),
    }


def _by_feature(function: Callable[[Tensor], Tensor], x: Tensor) -> Array:
    """Give the Jacobians ``[C, B, B]`` of a map of ``[B, C]`` that mixes no features."""
    # the features' sum has the Jacobians of all side by side
    jacobian = jacrev(lambda samples: function(samples).sum(1))(x)
    found: Array = jacobian.permute(2, 0, 1).numpy()
    return found
