"""Dense Hessians, spectra and extreme eigenpairs of 64-32-16-10 on digits, in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import scipy.sparse.linalg
import torch
from sklearn.datasets import load_digits
from torch import nn

from memory import peak_mebibytes
from ordinary_loop import dense as dense_module
from timing import Effort, Row, UnavailableError, interleaved, timed
from unstuck.curvature.hessian.dense import hessian
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra.lanczos import extreme_eigenpairs
from unstuck.curvature.spectra.spectrum import spectrum
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.update import UpdateRule
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

UPDATES = 300
TOLERANCE = 1e-8
PAIRS = 5
RESTARTS = 100


@dataclass(frozen=True)
class Setting:
    """One trained network, as a problem of ours and as a module with the same weights."""

    problem: Problem
    module: nn.Module

    @property
    def about(self) -> str:
        """What is measured, for a note."""
        samples, parameters = self.problem.samples, self.problem.parameter_count
        return f"P = {parameters}, N = {samples}, float64"


@cache
def setting(quick: bool) -> Setting:
    """Train 64-32-16-10 on all of digits, on the full batch; a part of it to be quick."""
    digits = load_digits()
    samples = 256 if quick else len(digits.target)
    features = digits.data - digits.data.mean(0)
    features /= np.where(features.std(0) > 0, features.std(0), 1)
    x, y = torch.from_numpy(features[:samples]), torch.from_numpy(digits.target[:samples])
    network = Network(NetworkSpec(hidden=(32, 16)), (64,), 10)
    theta, empty = network.initial(0).unsqueeze(0), torch.empty(1, 0, dtype=torch.float64)
    rule = UpdateRule([OPTIMIZERS["adam"]], network.parameter_count, torch.float64)
    for _ in range(UPDATES):
        gradient = network.loss_and_gradient(theta, x[None], y[None], "cross_entropy", empty, True)
        rule.step(theta, gradient[2], torch.tensor([1e-2], dtype=torch.float64))
    problem = Problem(network=network, theta=theta[0], x=x, y=y, loss="cross_entropy")
    return Setting(problem, _module(network, theta))


def _module(network: Network, theta: torch.Tensor) -> nn.Module:
    """Build the torch module with the weights of a network."""
    module = dense_module().double()
    tensors = list(network.views(theta).values())
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), tensors, strict=True):
            parameter.copy_(value[0].mT if value.ndim == 3 else value[0])
    return module


def hessian_dense(name: str, effort: Effort) -> Row:
    """Dense Hessian against a loop of double-backward products."""
    case = setting(effort.quick)
    parameters = list(case.module.parameters())

    def loop() -> torch.Tensor:
        loss = nn.functional.cross_entropy(case.module(case.problem.x), case.problem.y)
        slopes = torch.autograd.grad(loss, parameters, create_graph=True)
        gradient = torch.cat([slope.flatten() for slope in slopes])
        rows = []
        for unit in torch.eye(len(gradient), dtype=gradient.dtype):
            columns = torch.autograd.grad(gradient, parameters, unit, retain_graph=True)
            rows.append(torch.cat([column.flatten() for column in columns]))
        return torch.stack(rows)

    row = _dense(name, effort, loop, "a loop of double-backward products")
    try:
        peak = peak_mebibytes(partial(_hessian_work, effort.quick))
        extra = f"; ours takes {peak:.0f} MiB above the data at its peak"
    except UnavailableError:
        extra = ""
    return Row(name, row.ours_s, row.reference_s, row.note + extra)


def _hessian_work(quick: bool) -> Callable[[], torch.Tensor]:
    torch.set_num_threads(1)
    problem = setting(quick).problem
    return partial(hessian, problem)


def hessian_dense_curvlinops(name: str, effort: Effort) -> Row:
    """Dense Hessian against curvlinops' operator times the identity."""
    case = setting(effort.quick)
    identity = torch.eye(case.problem.parameter_count, dtype=torch.float64)
    operator = curvlinops_operator(case)
    return _dense(name, effort, lambda: operator @ identity, "curvlinops' operator @ identity")


def _dense(name: str, effort: Effort, theirs: Callable[[], torch.Tensor], reference: str) -> Row:
    case = setting(effort.quick)
    matrices: dict[str, torch.Tensor] = {}

    def form_ours() -> None:
        matrices["ours"] = hessian(case.problem)

    def form_theirs() -> None:
        matrices["theirs"] = theirs()

    ours, other = interleaved(timed(form_ours), timed(form_theirs), min(3, effort.repeats))
    _require_equal(**matrices)
    return Row(name, ours, other, f"{case.about}; reference: {reference}")


def _require_equal(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Refuse to compare matrices that are not equal up to the order of parameters."""
    pairs = (
        (ours.trace(), theirs.trace()),
        (ours.norm(), theirs.norm()),
        (ours.norm(dim=1).sort()[0], theirs.norm(dim=1).sort()[0]),
    )
    for mine, other in pairs:
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-12)


def curvlinops_operator(case: Setting) -> torch.nn.Module:
    """Build curvlinops' Hessian of the same loss at the same point."""
    from curvlinops import HessianLinearOperator

    return HessianLinearOperator(
        case.module,
        nn.CrossEntropyLoss(),
        list(case.module.parameters()),
        [(case.problem.x, case.problem.y)],
        check_deterministic=False,
    )


def spectrum_full(name: str, effort: Effort) -> Row:
    """Hessian and all its eigenvalues, against the eigenvalues alone."""
    case = setting(effort.quick)
    matrix = hessian(case.problem).numpy()
    ours, reference = interleaved(
        timed(lambda: spectrum(case.problem)),
        timed(lambda: np.linalg.eigvalsh(matrix)),
        effort.repeats,
    )
    note = f"{case.about}; ours forms the Hessian too; reference: eigvalsh of the formed matrix"
    return Row(name, ours, reference, note)


def eigenpairs_low(name: str, effort: Effort) -> Row:
    """Five lowest eigenpairs against scipy's eigsh over curvlinops' operator."""
    return _eigenpairs(name, effort, lowest=PAIRS)


def eigenpairs_high(name: str, effort: Effort) -> Row:
    """Five highest eigenpairs against scipy's eigsh over curvlinops' operator."""
    return _eigenpairs(name, effort, highest=PAIRS)


def _eigenpairs(name: str, effort: Effort, lowest: int = 0, highest: int = 0) -> Row:
    case = setting(effort.quick)
    operator = curvlinops_operator(case).to_scipy()
    which = "SA" if lowest else "LA"
    start = np.random.default_rng(0).standard_normal(case.problem.parameter_count)

    def ours() -> None:
        found = extreme_eigenpairs(
            case.problem,
            generator=np.random.default_rng(0),
            lowest=lowest,
            highest=highest,
            tolerance=TOLERANCE,
        )
        assert found.converged

    found_by_reference = [PAIRS]

    def theirs() -> None:
        try:
            scipy.sparse.linalg.eigsh(
                operator, PAIRS, which=which, tol=TOLERANCE, v0=start, maxiter=RESTARTS
            )
        except scipy.sparse.linalg.ArpackNoConvergence as error:
            found_by_reference[0] = len(error.eigenvalues)

    ours()
    mine, reference = interleaved(timed(ours), timed(theirs), 1 if lowest else effort.repeats)
    note = f"{case.about}; to {TOLERANCE:g}; reference: scipy's eigsh over curvlinops' operator"
    if found_by_reference[0] < PAIRS:
        note += (
            f", given up after {RESTARTS} restarts with {found_by_reference[0]} of {PAIRS} pairs"
        )
    return Row(name, mine, reference, note)


ROWS: dict[str, Callable[[str, Effort], Row]] = {
    "hessian_dense": hessian_dense,
    "hessian_dense_curvlinops": hessian_dense_curvlinops,
    "spectrum_full": spectrum_full,
    "eigenpairs_low5": eigenpairs_low,
    "eigenpairs_high5": eigenpairs_high,
}
