"""Eigenvalues of the Hessian that vanish by symmetry, with the directions that prove it.

Everywhere, not only at critical points, the loss does not change along

- a softmax shift: one number added to all outputs' weights of one input of the last layer, or to
  all its biases (losses that see the outputs through a softmax);
- a dependent input: a combination of input features (and the constant of the bias) that is zero
  on every sample, into any one unit of the first layer of a fully connected network; a feature
  that is constantly zero is the plain case;
- a bias that batchnorm in training mode subtracts again.

At a critical point also the generators of curved symmetries lie in the null space (the Hessian
maps them to minus the gradient rotated by the symmetry):

- a ReLU unit's incoming weights times c, outgoing weights divided by c;
- the weights into a batchnormalised feature times c, up to batchnorm's epsilon, so it is left out.

Weight decay lifts all of the first list to exactly its coefficient and breaks the second list.
"""

import torch
from torch import Tensor

from unstuck.curvature.problem import Problem

_SHIFT_INVARIANT = {"cross_entropy", "softmax_squared_error"}


def symmetry_zeros(problem: Problem, *, critical: bool = False) -> Tensor:
    """Give an orthonormal basis ``[P, n]`` of the eigenvectors that symmetries enforce.

    Their eigenvalue is the coefficient of weight decay.

    Parameters
    ----------
    critical
        Whether the point is critical, so that curved symmetries count too.
    """
    return _orthonormal(torch.cat([*symmetries(problem, critical=critical).values()], 1))


def symmetries(problem: Problem, *, critical: bool = False) -> dict[str, Tensor]:
    """Give the directions ``[P, m]`` of each kind of symmetry; those of two kinds may overlap."""
    kinds = {
        "softmax shift": _softmax_shifts(problem),
        "dependent input": _dependent_inputs(problem),
        "batchnorm bias": _normalised_biases(problem),
    }
    return kinds | ({"relu rescaling": _rescalings(problem)} if critical else {})


def _softmax_shifts(problem: Problem) -> Tensor:
    theta, slots = problem.theta, problem.network.layout[-2:]
    none = theta.new_zeros(problem.parameter_count, 0)
    if problem.loss not in _SHIFT_INVARIANT or [len(each.shape) for each in slots] != [2, 1]:
        return none
    own = problem.network.spec.kind == "module"
    # torch's own layers keep outputs first
    outputs, inputs = slots[0].shape if own else slots[0].shape[::-1]
    if slots[1].shape != (outputs,):
        return none
    index = torch.arange(slots[0].start, slots[1].stop, device=theta.device)
    weights = index[: inputs * outputs]
    weights = weights.view(outputs, inputs).mT if own else weights.view(inputs, outputs)
    rows = torch.cat([weights, index[inputs * outputs :].unsqueeze(0)])
    directions = theta.new_zeros(problem.parameter_count, inputs + 1)
    directions[rows, torch.arange(inputs + 1, device=theta.device).unsqueeze(1)] = 1
    return none if own and not _shifts_outputs(problem, directions) else directions


def _shifts_outputs(problem: Problem, directions: Tensor) -> bool:
    """Whether all outputs move alike along each of the directions ``[P, M]``."""
    points = problem.theta + torch.cat([torch.zeros_like(directions[:, :1]), directions], 1).mT
    outputs, _ = problem.network.forward(
        points, problem.x.unsqueeze(0), problem.buffers_of(len(points)), problem.training
    )
    moved = outputs[1:] - outputs[:1]
    spread = moved.amax(2) - moved.amin(2)
    return bool((spread <= 1e-10 * (1 + outputs.abs().amax())).all())


def _dependent_inputs(problem: Problem) -> Tensor:
    if problem.network.spec.kind != "dense":
        return problem.theta.new_zeros(problem.parameter_count, 0)
    weight, bias = problem.network.layout[:2]
    inputs, outputs = weight.shape[0], weight.shape[1]
    rows = torch.cat([problem.x.flatten(1), problem.x.new_ones(problem.samples, 1)], 1)
    _, singular, vectors = torch.linalg.svd(rows, full_matrices=len(rows) < inputs + 1)
    rank = int((singular > _rank_bound(rows, singular)).sum())
    null = vectors[rank:]  # [inputs + 1 - rank, inputs + 1]
    directions = problem.theta.new_zeros(len(null), outputs, problem.parameter_count)
    index = torch.arange(weight.start, bias.stop, device=null.device).view(inputs + 1, outputs)
    for unit in range(outputs):
        directions[:, unit, index[:, unit]] = null
    return directions.flatten(0, 1).mT


def _normalised_biases(problem: Problem) -> Tensor:
    spec = problem.network.spec
    slots = [
        slot
        for slot in problem.network.layout
        if slot.name.endswith(".bias") and not slot.name.startswith("head")
    ]
    if spec.batchnorm != "before" or not problem.couples_samples:
        slots = []
    sizes = [slot.stop - slot.start for slot in slots]
    directions = problem.theta.new_zeros(problem.parameter_count, sum(sizes))
    for slot, columns in zip(slots, torch.split(directions, sizes, 1), strict=True):
        columns[slot.start : slot.stop].fill_diagonal_(1)
    return directions


def _rescalings(problem: Problem) -> Tensor:
    """Generators of incoming weights times c, outgoing over c, for each ReLU unit."""
    spec, theta = problem.network.spec, problem.theta
    applies = spec.kind == "dense" and spec.activation == "relu" and spec.batchnorm == "off"
    if not spec.widths or not applies or problem.weight_decay:
        return theta.new_zeros(problem.parameter_count, 0)
    columns = []
    slots = problem.network.layout
    for weight, bias, following in zip(slots[:-2:2], slots[1:-2:2], slots[2::2], strict=True):
        places = torch.arange(weight.start, following.stop, device=theta.device)
        incoming = places[: bias.stop - weight.start].view(-1, weight.shape[1])
        outgoing = places[following.start - weight.start :].view(following.shape)
        for unit in range(weight.shape[1]):
            column = torch.zeros_like(theta)
            column[incoming[:, unit]] = theta[incoming[:, unit]]
            column[outgoing[unit]] = -theta[outgoing[unit]]
            columns.append(column)
    return torch.stack(columns, 1)


def _orthonormal(directions: Tensor) -> Tensor:
    norms = torch.linalg.vector_norm(directions, dim=0)
    unit: Tensor = directions[:, norms > 0] / norms[norms > 0]
    if not unit.shape[1]:
        return unit
    vectors, singular, _ = torch.linalg.svd(unit, full_matrices=False)
    basis: Tensor = vectors[:, singular > _rank_bound(unit, singular)]
    return basis


def _rank_bound(matrix: Tensor, singular: Tensor) -> float:
    """Singular value below which a matrix of this shape counts as rank deficient."""
    return float(singular[0]) * max(matrix.shape) * float(torch.finfo(matrix.dtype).eps)
