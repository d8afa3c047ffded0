"""Dense curvature matrices of a whole network, and their blocks by layer.

Fully connected networks without batchnorm take the layerwise route (``layerwise``); every other
objective is multiplied with the columns of the identity, a few at a time: wide sets of columns lose
to page faults.
"""

from collections.abc import Callable

from torch import Tensor

from unstuck.curvature import PARAMETER_LIMIT
from unstuck.curvature.hessian import layerwise
from unstuck.curvature.hessian.layerwise import Kind
from unstuck.curvature.objective import Objective, finite
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError

COLUMNS = 8
"""Columns of the identity that the product route handles at once."""


def hessian(objective: Objective, *, limit: int = PARAMETER_LIMIT) -> Tensor:
    """Give the Hessian ``[P, P]``.

    Examples
    --------
    >>> import numpy, unstuck
    >>> network = unstuck.Network(unstuck.NetworkSpec(hidden=(2,)), (3,), classes=2)
    >>> x, y = numpy.eye(3), numpy.array([0, 1, 1])
    >>> problem = unstuck.Problem(
    ...     network=network, theta=network.initial(0), x=x, y=y, loss="cross_entropy"
    ... )
    >>> unstuck.hessian(problem).shape
    torch.Size([14, 14])

    Raises
    ------
    CurvatureError
        If P exceeds ``limit``, or the matrix is not finite.
    """
    _require_small(objective.theta.numel(), limit)
    if isinstance(objective, Problem) and is_layerwise(objective):
        return finite("the Hessian", _layerwise(objective, "hessian"))
    return finite("the Hessian", by_products(objective.hessian_product, objective.theta))


def gauss_newton(problem: Problem, *, limit: int = PARAMETER_LIMIT) -> Tensor:
    """Give the Gauss-Newton matrix ``[P, P]``, weight decay included.

    Raises
    ------
    CurvatureError
        If P exceeds ``limit``, or the matrix is not finite.
    """
    _require_small(problem.parameter_count, limit)
    if is_layerwise(problem):
        return finite("the Gauss-Newton matrix", _layerwise(problem, "gauss_newton"))
    matrix = by_products(problem.gauss_newton_product, problem.theta)
    return finite("the Gauss-Newton matrix", matrix)


def layer_blocks(problem: Problem, matrix: Tensor) -> dict[str, Tensor]:
    """Cut the diagonal block of each layer (weights with their bias) out of ``matrix`` ``[P, P]``.

    The parameters of batchnorm are layers of their own, as is one of a module that no layer holds.
    """
    spans: dict[str, slice] = {}
    for slot in problem.network.layout:
        layer = slot.name.rpartition(".")[0] or slot.name
        spans[layer] = slice(spans.get(layer, slot).start, slot.stop)
    return {name: matrix[span, span] for name, span in spans.items()}


def is_layerwise(problem: Problem) -> bool:
    """Whether the layerwise route applies."""
    spec = problem.network.spec
    return spec.kind == "dense" and spec.batchnorm == "off"


def by_products(product: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    """Give a symmetric matrix ``[P, P]`` from its product with rows ``[M, P]``."""
    size = theta.numel()
    matrix = theta.new_empty(size, size)
    for start in range(0, size, COLUMNS):
        count = min(COLUMNS, size - start)
        identity = theta.new_zeros(count, size)
        identity[:, start : start + count].fill_diagonal_(1)
        matrix[start : start + count] = product(identity)
    return 0.5 * (matrix + matrix.mT)


def _layerwise(problem: Problem, kind: Kind) -> Tensor:
    result = layerwise.matrix(
        layerwise.affine_layers(problem.network, problem.theta),
        problem.x.flatten(1),
        problem.y,
        activation=problem.network.spec.activation,
        loss=problem.loss,
        kind=kind,
    )
    result.diagonal().add_(problem.weight_decay)
    return result


def _require_small(parameters: int, limit: int) -> None:
    if parameters > limit:
        size = parameters**2 * 8 / 2**30
        raise CurvatureError(
            f"a dense matrix over {parameters} parameters takes {size:.1f} GiB and the limit is "
            f"{limit} parameters; use lanczos.extreme_eigenpairs and "
            "trace.hutch_plus_plus, which need products only, or raise `limit`."
        )
