"""Time and memory of the Hessian, its products and its extreme eigenvalues, by parameters."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.curvature import PARAMETER_LIMIT
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import AnalysisBase, Context
from unstuck.study.analyses.case import Case
from unstuck.study.fields import Samples

if TYPE_CHECKING:
    from unstuck.curvature.problem import Problem
    from unstuck.data.spec import DatasetSpec

STREAM = 7405
SADDLES = ("dataset", "seed", "parameters", "seconds", "gradient_seconds", "updates")
SHORT = 0.02
"""Processor seconds below which a call is timed again; the fastest time counts."""

Widths = tuple[PositiveInt, ...]
Result = tuple[Any, int]
"""Eigenvalues that a method gave, and how many products it took."""
Method = Callable[[], Result]


class HessianCostAnalysis(AnalysisBase):
    """Costs of networks with two hidden layers of one width, with 1 thread, in float64.

    Timed in seconds of the processor, which the other cores' work lengthens little.
    """

    tables = ("times", "memory", "agreement", "saddles")
    timing: ClassVar[bool] = True

    dataset: str = Field(description="A name from `datasets`.")
    samples: Samples = 64
    dense: Widths = Field(
        default=(8, 16, 32, 49), description="Widths at which the Hessian is formed."
    )
    spectra: Widths = Field(
        default=(8, 12, 16), description="Widths at which all its eigenvalues are computed."
    )
    products: Widths = Field(
        default=(8, 16, 32, 128, 256, 512, 963),
        description="Widths at which it is multiplied with a vector.",
    )
    lanczos: Widths = Field(
        default=(8, 12, 16, 32, 64, 128, 963),
        description="Widths at which its lowest and highest eigenvalue come from products.",
    )
    once: Widths = Field(
        default=(49, 963),
        description="Widths that are too dear for many seeds: all but products for the first only.",
    )
    saddles: tuple[str, ...] = Field(
        default=(),
        description="Names from `datasets`, of those of a ladder: on networks of 4 hidden units "
        "and 256 samples, as saddles are left there, a Hessian is held against updates of descent.",
    )
    tolerance: PositiveFloat = Field(
        default=1e-3,
        lt=1,
        description="Residual of these eigenpairs, relative to the largest absolute eigenvalue; an "
        "eigenvalue's error goes with its square.",
    )
    seeds: PositiveInt = Field(default=10, description="Networks of each size.")

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Names of the prepared datasets it needs."""
        return tuple(sorted({self.dataset, *self.saddles}))

    def check(self, datasets: Mapping[str, "DatasetSpec"]) -> None:
        """Refuse widths at which the Hessian is too large to form."""
        for width in (*self.dense, *self.spectra):
            spec = NetworkSpec(hidden=(width, width))
            weights = spec.hidden_weights(datasets[self.dataset].input_shape)
            if weights > PARAMETER_LIMIT:
                raise ValueError(
                    f"the Hessian at width {width}, of {weights:,} weights, is too large to form, "
                    f"beyond {PARAMETER_LIMIT:,}"
                )

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Time every method at every size for every seed, and weigh each once.

        Returns
        -------
        times
            One row a method, size and seed.
            Also: parameters, seed.
            method (string): What was timed: the dense Hessian, its whole spectrum, a product with a
                vector, the product again, or Lanczos.
            seconds (number, seconds): Time of the processor.
            products (integer, products): Products that Lanczos took; 0 for other methods.
        memory
            One row a method and size.
            Also: method, parameters.
            tensors (integer, bytes): Peak of what torch holds; workspace that LAPACK allocates
                itself is not seen.
        agreement
            One row a size, seed and end of the spectrum.
            Also: parameters, seed.
            end (string): lowest or highest.
            dense (number): The eigenvalue by the full spectrum.
            lanczos (number): The eigenvalue by Lanczos.
        saddles
            One row a dataset of `saddles` and seed.
            Also: dataset, seed, parameters.
            seconds (number, seconds): Time of the processor for the Hessian with all eigenvectors.
            gradient_seconds (number, seconds): Time of the processor for a gradient.
            updates (number, updates): Updates of descent that take as long as the Hessian.
        """
        times: list[dict[str, Any]] = []
        memory: list[dict[str, Any]] = []
        agreement: list[dict[str, Any]] = []
        self._warm_up(context)
        for seed in context.units(self.seeds):
            context.progress(f"timing the networks of seed {seed}")
            first = seed == context.first_unit
            for method, width in self._jobs(first):
                problem = self._problem(context, width, seed)
                methods = _methods(problem, seed, self.tolerance)
                label = {"method": method, "parameters": problem.parameter_count, "seed": seed}
                # too dear to be called a second time only to be weighed
                weighed = _weighed(methods[method]) if self._once(method, width) else None
                seconds, (values, products) = weighed[:2] if weighed else _timed(methods[method])
                times.append(label | {"seconds": seconds, "products": products})
                if method == "spectrum":
                    by_products, _ = methods["lanczos"]()
                    agreement += [
                        {
                            "parameters": problem.parameter_count,
                            "seed": seed,
                            "end": end,
                            "dense": float(values[place]),
                            "lanczos": float(by_products[place]),
                        }
                        for end, place in (("lowest", 0), ("highest", -1))
                    ]
                if first and method != "product again":
                    held = (weighed or _weighed(methods[method]))[2]
                    memory.append(
                        {k: label[k] for k in ("method", "parameters")} | {"tensors": held}
                    )
        return {
            "times": pd.DataFrame(times),
            "memory": pd.DataFrame(memory),
            "agreement": pd.DataFrame(agreement),
            "saddles": pd.DataFrame(self._saddles(context), columns=list(SADDLES)),
        }

    def _jobs(self, first: bool) -> Iterator[tuple[str, int]]:
        """Give methods and widths so that all methods share what the machine does meanwhile."""
        by_method = {
            "dense": self.dense,
            "spectrum": self.spectra,
            "product": self.products,
            "product again": self.products,
            "lanczos": self.lanczos,
        }
        for width in sorted({width for widths in by_method.values() for width in widths}):
            for method, widths in by_method.items():
                if width in widths and (first or not self._once(method, width)):
                    yield method, width

    def _saddles(self, context: Context) -> Iterator[dict[str, Any]]:
        for name in self.saddles:
            case = Case(dataset=name, network=NetworkSpec(hidden=(4,)))
            for seed in context.units(self.seeds):
                problem = case.problem(context, samples=256, seed=seed)
                seconds, _ = _timed(partial(_eigenvectors, problem))
                gradient, _ = _timed(problem.loss_and_gradient)
                yield {
                    "dataset": name,
                    "seed": seed,
                    "parameters": problem.parameter_count,
                    "seconds": seconds,
                    "gradient_seconds": gradient,
                    "updates": seconds / gradient,
                }

    def _once(self, method: str, width: int) -> bool:
        return width in self.once and not method.startswith("product")

    def _problem(self, context: Context, width: int, seed: int) -> "Problem":
        network = NetworkSpec(hidden=(width, width))
        case = Case(dataset=self.dataset, network=network, weight_decay=0.0)
        return case.problem(context, samples=self.samples, seed=seed)

    def _warm_up(self, context: Context) -> None:
        unit = context.first_unit
        problem = self._problem(context, min(self.dense), unit)
        methods = _methods(problem, unit, self.tolerance)
        for method in methods.values():
            method()
        _weighed(methods["product"])


def _methods(problem: "Problem", seed: int, tolerance: float) -> dict[str, Method]:
    """Give what is timed on one network, by name."""
    import torch

    from unstuck.curvature.hessian import dense
    from unstuck.curvature.spectra.lanczos import extreme_eigenpairs
    from unstuck.curvature.spectra.spectrum import spectrum

    rng = np.random.default_rng([seed, STREAM])
    direction = torch.from_numpy(rng.standard_normal(problem.parameter_count))

    def form() -> Result:
        dense.hessian(problem)
        return None, 0

    def decompose() -> Result:
        return spectrum(problem).eigenvalues, 0

    def multiply() -> Result:
        problem.hessian_product(direction)
        return None, 0

    def iterate() -> Result:
        pairs = extreme_eigenpairs(
            problem,
            generator=np.random.default_rng([seed, STREAM, 1]),
            lowest=1,
            highest=1,
            tolerance=tolerance,
            formed=0,
        )
        return pairs.values, pairs.products

    return {
        "dense": form,
        "spectrum": decompose,
        "product": multiply,
        "product again": multiply,
        "lanczos": iterate,
    }


def _eigenvectors(problem: "Problem") -> None:
    import torch

    from unstuck.curvature.hessian import dense

    torch.linalg.eigh(dense.hessian(problem))


def _timed(method: Callable[[], Any]) -> tuple[float, Any]:
    """Give the seconds of a call, the shortest of as many as fit into `SHORT`, and its result."""
    fastest, spent = float("inf"), 0.0
    while spent < SHORT:
        start = time.process_time()
        result = method()
        seconds = time.process_time() - start
        fastest, spent = min(fastest, seconds), spent + seconds
    return fastest, result


def _weighed(method: Method) -> tuple[float, Result, int]:
    """Give the seconds of one call, its result, and the most bytes that tensors held."""
    # the profiler writes lines to the terminal unless told not to
    os.environ.setdefault("KINETO_LOG_LEVEL", "9")
    # that of `torch.profiler` imports the compiler first, which takes seconds
    from torch.autograd.profiler import profile

    with profile(profile_memory=True) as profiler:
        start = time.process_time()
        result = method()
        seconds = time.process_time() - start
    held = tensors = 0
    for event in profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            tensors = max(tensors, held)
    return seconds, result, tensors
