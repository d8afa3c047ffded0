"""Steps of Newton's method on indefinite and singular Hessians."""

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from unstuck.errors import CurvatureError


def saddle_free_step(matrix: Tensor, gradient: Tensor, floor: float) -> Tensor:
    """Give -|H|^-1 g, which saddles repel (Dauphin et al. 2014), with |eigenvalues| >= ``floor``.

    Where H + floor I has a Cholesky factor, there is nothing to take the absolute value of, and
    the step is -(H + floor I)^-1 g, some twenty times cheaper.
    """
    shifted = matrix.clone()
    shifted.diagonal().add_(floor)
    factor, info = torch.linalg.cholesky_ex(shifted)
    if int(info) == 0:
        solution: Tensor = torch.cholesky_solve(gradient.unsqueeze(1), factor).squeeze(1)
        return -solution
    values, vectors = torch.linalg.eigh(matrix)
    step: Tensor = -vectors @ ((vectors.mT @ gradient) / values.abs().clamp(min=floor))
    return step


def damped_newton_step(matrix: Tensor, gradient: Tensor, damping: float) -> Tensor:
    """Give p = -(H^2 + damping^2)^-1 H g.

    In H's eigenbasis p is -g * eigenvalue / (eigenvalue^2 + damping^2): the Newton step towards the
    nearest critical point of any index, without the directions flatter than ``damping``. With
    w = (H - i damping)^-1 g, which one complex symmetric factorisation gives, p = -Re w.

    Raises
    ------
    CurvatureError
        If the damping is not positive.
    """
    if not damping > 0:
        raise CurvatureError(f"damping is {damping}; it must be positive.")
    shifted = np.asfortranarray(matrix.double().cpu().numpy()).astype(np.complex128)
    shifted[np.diag_indices(len(shifted))] -= 1j * damping
    work = int(scipy.linalg.lapack.zsytrf_lwork(len(shifted), lower=1)[0].real)
    factor, pivots, info = scipy.linalg.lapack.zsytrf(shifted, lower=1, lwork=work, overwrite_a=1)
    if info:
        raise CurvatureError(f"the damped Hessian could not be factorised (zsytrf gave {info}).")
    right = gradient.double().cpu().numpy().astype(np.complex128)
    solution = scipy.linalg.lapack.zsytrs(factor, pivots, right, lower=1)[0].ravel()
    return torch.from_numpy(-solution.real.copy()).to(gradient)


def newton_residual(matrix: Tensor, gradient: Tensor, *, relative_cut: float) -> float:
    """Give |H p + g| / (|H| |p| + |g|), Frobenius |H|, for the truncated Newton step p.

    p solves H p = -g on the eigenvectors whose |eigenvalue| exceeds ``relative_cut`` times the
    largest, and is zero on the others. The ratio is near 1 where the gradient lies in the
    near-kernel of the Hessian: *gradient-flat*, a place where Newton's method and the minimisation
    of |g| stall without a critical point (Frye et al. 2021).
    """
    size = float(torch.linalg.vector_norm(gradient))
    values, vectors = torch.linalg.eigh(matrix)
    kept = values.abs() > relative_cut * float(values.abs().max())
    components = vectors.mT @ gradient
    if size == 0:
        return 0.0
    step = float(torch.linalg.vector_norm(components[kept] / values[kept]))
    residual = float(torch.linalg.vector_norm(components[~kept]))
    return residual / (float(torch.linalg.vector_norm(values)) * step + size)
