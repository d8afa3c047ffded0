"""Stacked networks of a torch.nn.Module that a study brings, by `torch.func`."""

import math
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call, vmap
from torch.utils.flop_counter import FlopCounterMode

from unstuck.errors import ConfigError
from unstuck.population.foreign import load, said
from unstuck.population.layers import Shape
from unstuck.population.layout import Layout
from unstuck.population.losses import criterion_of
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

#: relative difference to the module itself, in float64, beyond which it is not the same function
_SAME = 1e-9


class ModuleNetwork(Network):
    """K networks of one `torch.nn.Module`, with the interface of `Network`.

    Parameters `[K, P]` and floating buffers `[K, Q]` lie in the order of `named_parameters` and
    `named_buffers`. The initial ones are those of the constructor after `torch.manual_seed(seed)`.
    A member agrees with the module alone to rounding, not to the bit.

    Parameters
    ----------
    spec
        A network of kind `module`.
    input_shape, classes, loss
        As `Network` takes them.
    source
        Digest of the module's source.

    Raises
    ------
    ConfigError
        If the module cannot be built, or is none that `torch.func` gives the members of: it must be
        a function of parameters, buffers and samples, by tensor operations that `vmap` knows.
    """

    layers = ()

    def __init__(
        self,
        spec: NetworkSpec,
        input_shape: Shape,
        classes: int,
        loss: str = "cross_entropy",
        *,
        source: str,
    ) -> None:
        self.spec, self.input_shape, self.classes = spec, input_shape, classes
        self._outputs = criterion_of(loss).output_count(classes)
        self._made = load(spec, source)
        self._about = f"{spec.origin}: {spec.name}"
        module = self._tried("cannot be made", lambda: self._drawn(0))
        self._require_plain(module)
        held = dict(module.named_parameters())
        moving = {name: b for name, b in module.named_buffers() if b.is_floating_point()}
        self._parameters = Layout.of((name, tuple(each.shape)) for name, each in held.items())
        self._buffers = Layout.of((name, tuple(each.shape)) for name, each in moving.items())
        self._start = _flat(moving)
        self._fixed = {n: b for n, b in module.named_buffers() if not b.is_floating_point()}
        # its own tensors are never read: those of the members take their places
        self._module = self._drawn(0).to("meta")
        self._tried("cannot be trained as a population", self._require_same)

    @property
    def is_noisy(self) -> bool:
        """Never: a module that draws random numbers is refused."""
        return False

    @cached_property
    def multiply_adds(self) -> int:
        """Multiply-adds in the matrix products of one sample's way through one member."""
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self._drawn(0).eval()(_samples(1, self.input_shape).float())
        return int(counter.get_total_flops()) // 2

    @cached_property
    def activation_count(self) -> int:
        """Numbers that autograd keeps per sample."""
        module = self._drawn(0)
        own = {each.data_ptr() for each in module.parameters()}
        kept: list[int] = []

        def count(tensor: Tensor) -> Tensor:
            kept[-1] += 0 if tensor.data_ptr() in own else tensor.numel()
            return tensor

        with saved_tensors_hooks(count, lambda tensor: tensor):
            for size in (2, 3):
                kept.append(0)
                module(_samples(size, self.input_shape).float())
        return kept[1] - kept[0] + math.prod(self.input_shape)

    def initial(self, seed: int) -> Tensor:
        """Return the initial parameters `[P]` in float64: those of `torch.manual_seed(seed)`."""
        return _flat(dict(self._drawn(seed).named_parameters()))

    def initial_buffers(self) -> Tensor:
        """Return the initial floating buffers `[Q]` in float64."""
        return self._start.clone()

    def forward(
        self, theta: Tensor, x: Tensor, buffers: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the outputs `[K, B, C]` and the new buffers `[K, Q]`, as `Network.forward`."""
        parameters = self.views(theta)
        views = zip(self.buffer_layout, self._buffers.views(buffers), strict=True)
        # a module in training writes into its buffers
        held = {slot.name: view.clone() for slot, view in views} if self.buffer_count else {}
        fixed = {name: each.to(theta.device, copy=True) for name, each in self._fixed.items()}
        self._module.train(training)

        def one(
            parameters: dict[str, Tensor], held: dict[str, Tensor], x: Tensor
        ) -> tuple[Tensor, dict[str, Tensor]]:
            return functional_call(self._module, (parameters, held, fixed), (x,)), held

        shared = len(x) == 1
        places = (0, 0, None if shared else 0)
        outputs, moved = vmap(one, in_dims=places)(parameters, held, x[0] if shared else x)
        if not training or not moved:
            return outputs, buffers
        return outputs, torch.cat([each.flatten(1) for each in moved.values()], 1)

    def loss_and_gradient(
        self,
        theta: Tensor,
        x: Tensor,
        y: Tensor,
        loss: str,
        buffers: Tensor,
        training: bool,
        out: Tensor | None = None,
        count_correct: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return losses, correct samples, gradients and buffers, as `Network.loss_and_gradient`."""
        criterion = criterion_of(loss)
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            outputs, moved = self.forward(leaf, x, buffers, training)
        value, upstream = criterion.value_and_gradient(outputs.detach(), y)
        (gradient,) = torch.autograd.grad(outputs, leaf, upstream)
        if out is not None:
            gradient = out.copy_(gradient)
        correct = criterion.correct(outputs, y, self.classes) if count_correct else y.new_empty(0)
        return value.mean(1), correct, gradient, moved.detach()

    def _drawn(self, seed: int) -> nn.Module:
        """Make the module with the weights of a seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self._made(**self.spec.arguments)
        if not isinstance(module, nn.Module):
            raise ConfigError(f"it is a {type(module).__name__}, not a torch.nn.Module")
        return module

    def _require_plain(self, module: nn.Module) -> None:
        """Refuse a module whose state is not all in its parameters and buffers."""
        parameters = dict(module.named_parameters())
        again, other = self._drawn(0), self._drawn(1)
        why = ""
        if not parameters:
            why = "has no parameters"
        elif any(nn.parameter.is_lazy(each) for each in parameters.values()):
            why = "has lazy layers; give the sizes of their inputs"
        elif any(not p.requires_grad or not p.is_floating_point() for p in parameters.values()):
            why = "has parameters that are not trained; make them buffers"
        elif not _same(parameters, dict(again.named_parameters())):
            why = "draws its weights otherwise than by torch's own generator, from the seed"
        elif not _same(dict(module.named_buffers()), dict(other.named_buffers())):
            why = "has buffers that the seed decides, which are the same for all members here"
        if why:
            raise ConfigError(f"{self._about} {why}.")

    @torch.no_grad()
    def _require_same(self) -> None:
        """Refuse a module whose members are not what it is itself, or that mixes samples."""
        plain = self._drawn(0).double()
        theta, buffers = self.initial(0).unsqueeze(0), self.initial_buffers().unsqueeze(0)
        for seed in range(2):
            x = _samples(3, self.input_shape, seed)
            try:
                expected = plain.train()(x)
            except RuntimeError as error:
                inputs, shape = math.prod(self.input_shape), list(self.input_shape)
                raise ConfigError(
                    f"{said(error)}; a sample has {inputs:,} inputs, of shape {shape}"
                ) from error
            outputs, buffers = self.forward(theta, x.unsqueeze(0), buffers, True)
            if outputs.shape != (1, 3, self._outputs):
                raise ConfigError(
                    f"it gives outputs of shape {list(expected.shape)} for 3 samples; expected "
                    f"[3, {self._outputs}]"
                )
            state = {name: each for name, each in plain.named_buffers() if each.is_floating_point()}
            if _far(outputs[0], expected) or _far(buffers[0], _flat(state)):
                raise ConfigError(
                    "from batch to batch it keeps something that is no floating buffer written "
                    "in place"
                )
        for training in (False, True)[: 1 if self.buffer_count else 2]:
            one, turned = (
                self.forward(theta, each.unsqueeze(0), buffers, training)[0][0]
                for each in (x, x.roll(1, 0))
            )
            alone = torch.cat([x[:1], x[:1], x[:1]])
            apart = self.forward(theta, alone.unsqueeze(0), buffers, training)[0][0]
            if _far(one.roll(1, 0), turned) or _far(one[:1], apart[:1]):
                raise ConfigError(
                    "it mixes the samples of a batch, or remembers otherwise than by buffers"
                )

    def _tried(self, what: str, work: Callable[[], Any]) -> Any:
        """Do what runs the module's own code; its errors become one sentence."""
        try:
            return work()
        except Exception as error:
            why = said(error)
            if "randomness" in why:
                why = "it draws random numbers as it computes, like dropout; leave that out"
            raise ConfigError(f"{self._about} {what}: {why}.") from error


@lru_cache
def module_network(
    spec: NetworkSpec, input_shape: Shape, classes: int, loss: str, source: str
) -> ModuleNetwork:
    """Return the population of a module, which is tried out once."""
    return ModuleNetwork(spec, input_shape, classes, loss, source=source)


def _flat(tensors: Mapping[str, Tensor]) -> Tensor:
    rows = [each.detach().double().flatten() for each in tensors.values()]
    return torch.cat([torch.empty(0, dtype=torch.float64), *rows])


def _samples(count: int, shape: Shape, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def _far(one: Tensor, other: Tensor) -> bool:
    return not torch.allclose(one, other, rtol=_SAME, atol=_SAME)
