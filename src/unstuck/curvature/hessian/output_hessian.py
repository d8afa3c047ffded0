"""Second derivatives of the losses by a network's outputs, sample by sample.

Values and first derivatives are those of ``unstuck.population.losses``; a loss that is to be
examined here needs one entry in ``_HESSIANS`` beside its entry there.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from unstuck.errors import CurvatureError
from unstuck.population.losses import LOSSES, Loss


def criterion(loss: str) -> Loss:
    """Look a loss up by name.

    Raises
    ------
    CurvatureError
        If no such loss has closed second derivatives here.
    """
    if loss not in _HESSIANS:
        raise CurvatureError(f"loss is {loss!r}; it must be one of {', '.join(sorted(_HESSIANS))}.")
    return LOSSES[loss]


def output_hessian(loss: str, outputs: Tensor, y: Tensor) -> Tensor:
    """Give the Hessian ``[N, C, C]`` of each sample's loss by its outputs ``[N, C]``."""
    criterion(loss)
    return _HESSIANS[loss](outputs, y)


def _cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    return _softmax_jacobian(outputs.softmax(-1))


def _squared_error(outputs: Tensor, y: Tensor) -> Tensor:
    identity = torch.eye(outputs.shape[-1], dtype=outputs.dtype, device=outputs.device)
    return identity.expand(*outputs.shape, -1)


def _softmax_squared_error(outputs: Tensor, y: Tensor) -> Tensor:
    """J J + sum_c e_c d2 p_c with p the softmax, J its Jacobian and e = p - one_hot(y)."""
    p = outputs.softmax(-1)
    error = p - torch.nn.functional.one_hot(y, p.shape[-1]).to(p)
    jacobian = _softmax_jacobian(p)
    weighted = error * p
    mean = weighted.sum(-1, keepdim=True)
    cross = weighted.unsqueeze(-1) * p.unsqueeze(-2)
    pp = p.unsqueeze(-1) * p.unsqueeze(-2)
    return (
        jacobian @ jacobian
        + torch.diag_embed(weighted - mean * p)
        - cross
        - cross.mT
        + 2 * mean.unsqueeze(-1) * pp
    )


def _softmax_jacobian(p: Tensor) -> Tensor:
    return torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)


_HESSIANS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": _cross_entropy,
    "softmax_squared_error": _softmax_squared_error,
    "squared_error": _squared_error,
}
